"""What a record says of the run itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from scripts.releases import facts
from scripts.releases.record import Module, Revision
from scripts.settings import Settings

COMMIT = "1a2b3c4d" * 5

STATUS = f"# branch.oid {COMMIT}\n# branch.head main\n# branch.upstream origin/main\n# branch.ab +0 -0\n"


def test_a_clean_checkout_is_its_commit_and_branch() -> None:
    assert facts.parse_status(STATUS, {}) == Revision(COMMIT, "main", False)


def test_changed_and_unknown_files_make_it_dirty() -> None:
    assert facts.parse_status(STATUS + "1 .M N... 100644 100644 100644 a b README.md\n", {}).dirty
    assert facts.parse_status(STATUS + "? new.py\n", {}).dirty


def test_the_branch_of_a_commit_that_ci_has_checked_out_is_what_ci_says() -> None:
    detached = STATUS.replace("head main", "head (detached)")
    assert facts.parse_status(detached, {"GITHUB_REF_NAME": "release"}).branch == "release"
    assert facts.parse_status(detached, {}).branch == "(detached)"


def test_a_repository_without_a_commit_has_no_revision() -> None:
    assert facts.parse_status("# branch.oid (initial)\n# branch.head main\n", {}).commit == "unknown"


def test_without_a_repository_the_revision_is_unknown(tmp_path: Path) -> None:
    assert facts.revision(tmp_path / "missing", {}) == Revision("unknown", "unknown", False)


def test_github_says_who_and_which_run() -> None:
    environment = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTOR": "ann",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_RUN_ID": "7",
        "GITHUB_TOKEN": "never",
    }
    who = facts.actor(None, environment)
    assert who.ci == {
        "system": "GitHub Actions",
        "actor": "ann",
        "url": "https://github.com/o/r/actions/runs/7",
    }
    assert who.name == "ann"
    assert "@" in who.user


def test_other_ci_systems_are_noticed_and_a_persons_machine_is_none() -> None:
    gitlab = {"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "bo", "CI_JOB_URL": "https://x/1", "CI": "true"}
    assert facts.ci(gitlab) == {"system": "GitLab CI", "actor": "bo", "url": "https://x/1"}
    assert facts.ci({"CI": "1"}) == {"system": "CI"}
    assert facts.ci({}) == {}


def test_providers_are_read_from_the_lock_file() -> None:
    lock = (
        'provider "registry.terraform.io/hashicorp/aws" {\n  version     = "5.100.0"\n'
        '  constraints = "5.100.0"\n  hashes = [\n    "h1:x",\n  ]\n}\n'
    )
    assert facts.locked_providers(lock) == {"registry.terraform.io/hashicorp/aws": "5.100.0"}


def test_public_modules_are_those_with_a_version() -> None:
    manifest = (
        '{"Modules":[{"Key":"","Source":"","Dir":"."},'
        '{"Key":"backend","Source":"../../modules/backend","Dir":"x"},'
        '{"Key":"backend.ecr","Source":"registry.terraform.io/a/ecr/aws","Version":"3.2.0","Dir":"y"}]}'
    )
    assert facts.public_modules(manifest) == (
        Module("backend.ecr", "registry.terraform.io/a/ecr/aws", "3.2.0"),
    )
    for damaged in ("", "{", "[]", '{"Modules":[1]}'):
        assert facts.public_modules(damaged) == ()


def test_the_infrastructure_is_the_same_in_another_place_and_not_with_another_value(
    default_settings: Settings, tmp_path: Path
) -> None:
    def tree(name: str, value: str) -> Settings:
        root = tmp_path / name
        (root / "environments" / "dev" / ".terraform").mkdir(parents=True)
        (root / "environments" / "dev" / "terraform.tfvars.json").write_text(value)
        (root / "environments" / "dev" / ".terraform" / "cache.json").write_text(name)
        (root / "environments" / "dev" / ".terraform.lock.hcl").write_text(name)
        return replace(default_settings, terraform=replace(default_settings.terraform, directory=str(root)))

    here, there, other = tree("a", "{}"), tree("b", "{}"), tree("c", '{"memory": 1}')
    assert facts.infrastructure(here) == facts.infrastructure(there)
    assert facts.infrastructure(here) != facts.infrastructure(other)
