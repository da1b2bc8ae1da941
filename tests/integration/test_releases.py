"""Releases over a real Terraform and a folder for an account; records in the embedded S3."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from scripts import pipeline
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.releases import Ending, Kind, Present, Release, facts, open_store
from scripts.releases.record import Revision
from scripts.releases.store import DirectoryStorage, Store
from scripts.settings import Settings
from scripts.state import LocalState
from scripts.terraform import Terraform
from tests.integration.test_pipeline import NoAws, Rehearsal, report

pytestmark = pytest.mark.integration

# The package's attribute of this name is the command.
rollback_module = importlib.import_module("scripts.pipeline.rollback")

ROOT_MODULE = """
variable "image_tag" { default = null }
variable "frontend_hash" { default = "none" }
variable "memory" { default = 1 }
locals { tag = coalesce(var.image_tag, trimspace(file("${path.module}/sources"))) }
resource "terraform_data" "image" { triggers_replace = [local.tag] }
resource "terraform_data" "function" { input = "${local.tag} ${terraform_data.image.id}" }
resource "terraform_data" "client" { triggers_replace = [var.frontend_hash] }
resource "terraform_data" "other" { input = var.memory }
output "url" { value = "https://example.test" }
output "image_tag" { value = split(" ", terraform_data.function.output)[0] }
output "image_uri" { value = "repository@sha256:${split(" ", terraform_data.function.output)[0]}" }
output "function_name" { value = "api" }
output "frontend_bucket" { value = "bucket" }
output "ecr_repository_url" { value = "repository" }
output "client" { value = terraform_data.client.triggers_replace[0] }
"""


class Deployment(Rehearsal):
    """Its sources are a file that names the image, and the name of the client."""

    def __init__(self, settings: Settings, console: Console, root: Path) -> None:
        super().__init__(settings, console, root)
        self.memory = 1

    def variables(self) -> dict[str, Any]:
        return {"config_version": "v1", "frontend_hash": f"client-of-{(self.root / 'sources').read_text()}"}

    def image_tag(self) -> str:
        return (self.root / "sources").read_text()

    fingerprint = image_tag

    def init(self) -> str | None:
        return self._start(frontend_hash=self.variables()["frontend_hash"])

    def init_to_bring_back(self, image_tag: str, client: str) -> str | None:
        return self._start(frontend_hash=client, image_tag=image_tag)

    def plan_of(self, targets: Sequence[str]) -> str | None:
        self.planned = self._stack.enter_context(self.terraform.plan(targets=targets))
        return None

    def _start(self, **variables: Any) -> str | None:
        self.terraform = Terraform(self.root, variables=variables | {"memory": self.memory})
        self.terraform.init()
        return None


@dataclass
class Account:
    """Deploys one release after another; what is live is read from Terraform's state."""

    settings: Settings
    root: Path
    lost: set[str] = field(default_factory=set)
    out: io.StringIO = field(default_factory=io.StringIO)

    @property
    def store(self) -> Store:
        return open_store(self.settings, NoAws(region="eu-west-1"))

    @property
    def live(self) -> tuple[str, str]:
        """Image and client."""
        outputs = json.loads(LocalState(self.settings).file.read_text())["outputs"]
        return outputs["image_tag"]["value"], outputs["client"]["value"]

    def look(self, aws: Any, releases: Sequence[Release]) -> Present:
        image, client = self.live
        images = {r.image.tag: f"sha256:{r.image.tag}" for r in releases if r.image.tag not in self.lost}
        clients = {r.client for r in releases} - self.lost
        return Present(f"sha256:{image}", client, images, clients)

    def session(self, *healthy: bool, yes: bool = False, json_lines: bool = False) -> Deployment:
        """A session whose smoke checks come out like this, one run after another; then healthy."""
        console = Console(stdout=self.out, stderr=self.out, assume_yes=yes, json_lines=json_lines)
        session = Deployment(self.settings, console, self.root)
        session.reports = [report(ok) for ok in healthy]
        return session

    def deploy(self, sources: str, *healthy: bool, **options: Any) -> Deployment:
        (self.root / "sources").write_text(sources)
        session = self.session(*healthy)
        pipeline.deploy(session, **options)
        return session

    def newest(self) -> Release:
        return self.store.newest(1)[0]


@pytest.fixture
def account(default_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(rollback_module, "FUNCTION", "terraform_data.function")
    monkeypatch.setattr(rollback_module, "CLIENT", "terraform_data.client")
    monkeypatch.setattr(rollback_module, "_IMAGE", "terraform_data.image")
    monkeypatch.setattr(rollback_module, "_FOLLOW", {"input", "output"})
    root = tmp_path / "root"
    root.mkdir()
    settings = replace(
        default_settings,
        local=replace(default_settings.local, directory=str(tmp_path / "local")),
        state=replace(default_settings.state, backend="local", directory=str(tmp_path / "state")),
    )
    backend = f'terraform {{\n  backend "local" {{\n    path = "{LocalState(settings).file}"\n  }}\n}}\n'
    (root / "main.tf").write_text(backend + ROOT_MODULE)
    account = Account(settings, root)
    monkeypatch.setattr("scripts.releases.look", account.look)
    return account


def test_a_deploy_that_changes_something_is_recorded(account: Account) -> None:
    account.deploy("one")
    record = account.newest()
    assert (record.kind, record.ending) == (Kind.DEPLOY, Ending.SUCCEEDED)
    assert record.content == ("one", "client-of-one")
    assert record.image.digest == "sha256:one"
    assert record.plan["add"] == 4
    assert record.smoke.passed == 1
    assert {"terraform plan", "terraform apply", "smoke"} <= {step.name for step in record.steps}
    assert record.config_version == "v1"
    assert "@" in record.by.user
    assert record.versions.terraform.startswith("1.")
    assert record.started <= record.ended


def test_a_deploy_that_changes_nothing_after_a_proven_one_is_not_recorded(account: Account) -> None:
    account.deploy("one")
    account.deploy("one")
    assert len(account.store.ids()) == 1


def test_a_deploy_that_changes_nothing_and_proves_what_had_failed_is_recorded(account: Account) -> None:
    with pytest.raises(DeployError):
        account.deploy("one", False)
    account.deploy("one")
    assert [r.ending for r in account.store.newest()] == [Ending.SUCCEEDED, Ending.SMOKE_FAILED]


def test_a_deploy_that_changes_nothing_and_fails_is_recorded(account: Account) -> None:
    account.deploy("one")
    with pytest.raises(DeployError):
        account.deploy("one", False, False)
    assert account.newest().ending is Ending.SMOKE_FAILED


def test_the_evidence_of_a_failure_is_kept_without_secrets_and_the_way_back_is_named(
    account: Account,
) -> None:
    account.deploy("one")
    with pytest.raises(DeployError) as failure:
        account.deploy("two", False)
    record = account.newest()
    assert record.smoke.failures[0].reason == "It crashed."
    assert record.smoke.failures[0].evidence == "Set-Cookie: session=[removed]; Secure"
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert "inv rollback" in failure.value.next_step
    assert f"inv releases --show {record.id}" in failure.value.next_step
    assert account.live == ("two", "client-of-two"), "nothing is rolled back unasked"


def test_the_first_deploy_that_fails_says_that_no_rollback_helps(account: Account) -> None:
    with pytest.raises(DeployError) as failure:
        account.deploy("one", False)
    assert "No rollback helps" in failure.value.next_step


def test_a_rollback_brings_image_and_client_back_and_builds_nothing(account: Account) -> None:
    account.deploy("one")
    account.deploy("two")
    first = account.store.newest()[1]
    (account.root / "sources").write_text("three, not committed")
    session = account.session()
    assert pipeline.rollback(session) is ExitStatus.OK
    assert account.live == ("one", "client-of-one")
    assert session.calls == ["smoke"], "no build"
    record = account.newest()
    assert (record.kind, record.rollback_of, record.ending) == (Kind.ROLLBACK, first.id, Ending.SUCCEEDED)
    assert record.revision == first.revision
    assert record.content == first.content


def test_the_next_deploy_deploys_the_sources_again(account: Account) -> None:
    account.deploy("one")
    account.deploy("two")
    pipeline.rollback(account.session())
    session = account.deploy("two")
    assert account.live == ("two", "client-of-two")
    assert "early smoke" not in session.calls, "a rollback is not taken for an unchanged project"


def test_a_rollback_to_an_older_release_takes_the_beginning_of_its_id(account: Account) -> None:
    for sources in ("one", "two", "three"):
        account.deploy(sources)
    oldest = account.store.ids()[-1]
    pipeline.rollback(account.session(), oldest)
    assert account.live[0] == "one"


def test_a_rollback_leaves_the_infrastructure_as_it_is(account: Account) -> None:
    account.deploy("one")
    (account.root / "sources").write_text("two")
    session = account.session()
    session.memory = 2
    pipeline.deploy(session)
    back = account.session()
    back.memory = 3
    pipeline.rollback(back)
    state = json.loads(LocalState(account.settings).file.read_text())
    inputs = {r["name"]: r["instances"][0]["attributes"].get("input") for r in state["resources"]}
    assert inputs["other"]["value"] == "2"
    assert account.live[0] == "one"


def test_a_rollback_that_would_touch_more_asks_even_on_the_embedded_aws(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.deploy("one")
    account.deploy("two")
    monkeypatch.setattr(rollback_module, "_FOLLOW", {"output"})
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.rollback(account.session())
    assert "It would also change" in account.out.getvalue()
    assert account.live[0] == "two"


def test_a_rollback_without_a_release_that_is_whole_says_what_is_missing(account: Account) -> None:
    account.deploy("one")
    account.deploy("two")
    account.lost = {"one"}
    with pytest.raises(DeployError, match="No earlier release") as refusal:
        pipeline.rollback(account.session())
    assert "its image one is not in the repository any more" in refusal.value.why.lower()
    assert account.live[0] == "two"


def test_a_rollback_before_any_deploy_says_so(account: Account) -> None:
    with pytest.raises(DeployError, match="Nothing is deployed"):
        pipeline.rollback(account.session())


def test_a_rollback_that_does_not_behave_ends_with_the_status_of_smoke_and_is_recorded(
    account: Account,
) -> None:
    account.deploy("one")
    account.deploy("two")
    with pytest.raises(DeployError) as failure:
        pipeline.rollback(account.session(False))
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert (account.newest().kind, account.newest().ending) == (Kind.ROLLBACK, Ending.SMOKE_FAILED)


def test_a_failed_deploy_rolls_back_by_itself_when_told_to(account: Account) -> None:
    account.deploy("one")
    first = account.newest()
    with pytest.raises(DeployError, match="was rolled back") as failure:
        account.deploy("two", False, True, rollback_on_failure=True)
    assert account.live == ("one", "client-of-one")
    back, failed = account.store.newest(2)
    assert (back.kind, back.ending) == (Kind.ROLLBACK, Ending.SUCCEEDED)
    assert (failed.ending, failed.smoke.failed) == (Ending.SMOKE_FAILED, 1)
    assert failed.id < back.id, "the evidence is written before anything is rolled back"
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert failure.value.facts == {"rolled_back": True, "live": first.id, "release": failed.id}


def test_a_first_deploy_that_fails_has_nothing_to_roll_back_to_and_says_what_is_live(
    account: Account,
) -> None:
    with pytest.raises(DeployError, match="rollback was not made") as failure:
        account.deploy("one", False, rollback_on_failure=True)
    assert "no release to go back to" in failure.value.why
    assert f"Live now: release {account.newest().id}" in failure.value.why
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert failure.value.facts["rolled_back"] is False


def test_a_rollback_by_itself_that_fails_as_well_says_so(account: Account) -> None:
    account.deploy("one")
    with pytest.raises(DeployError, match="the rollback failed") as failure:
        account.deploy("two", False, False, rollback_on_failure=True)
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert [r.ending for r in account.store.newest(2)] == [Ending.SMOKE_FAILED] * 2


def test_an_account_that_refuses_to_be_looked_at_does_not_hide_the_failure(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.deploy("one")

    def refused(aws: Any, releases: Any) -> Present:
        raise ConnectionError("AccessDenied")

    monkeypatch.setattr("scripts.releases.look", refused)
    for options in ({}, {"rollback_on_failure": True}):
        with pytest.raises(DeployError) as failure:
            account.deploy(f"two {options}", False, **options)
        assert failure.value.status is ExitStatus.SMOKE_FAILED
        assert "AccessDenied" in str(failure.value)


def test_an_apply_that_fails_leaves_a_record_with_its_error(account: Account) -> None:
    account.deploy("one")
    main = account.root / "main.tf"
    broken = 'resource "terraform_data" "broken" {\n  provisioner "local-exec" { command = "exit 9" }\n}\n'
    main.write_text(main.read_text() + broken)
    with pytest.raises(DeployError, match="apply failed"):
        account.deploy("two", rollback_on_failure=True)
    record = account.newest()
    assert record.ending is Ending.APPLY_FAILED
    assert "exit status 9" in record.error
    assert record.content[1] == "client-of-two"
    assert len(account.store.ids()) == 2, "no rollback: the same deploy goes on"


def test_an_interruption_while_proving_leaves_an_unproven_release(account: Account) -> None:
    class Interrupted(Deployment):
        def smoke(self, outputs: Any, console: Console | None = None) -> Any:
            raise KeyboardInterrupt

    (account.root / "sources").write_text("one")
    with pytest.raises(KeyboardInterrupt):
        pipeline.deploy(Interrupted(account.settings, Console(stdout=account.out), account.root))
    assert (account.newest().ending, account.newest().error) == (Ending.UNPROVEN, "Interrupted")


def test_a_deploy_that_is_not_confirmed_leaves_no_record(account: Account) -> None:
    (account.root / "sources").write_text("one")
    session = account.session()
    session.settings = replace(account.settings, target="aws")
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.deploy(session)
    assert account.store.ids() == []


def test_a_record_that_cannot_be_written_is_an_error_that_leaves_the_deployment_alone(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Any, name: str, content: bytes) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(DirectoryStorage, "create", full)
    with pytest.raises(DeployError, match="could not be written") as failure:
        account.deploy("one")
    assert failure.value.status is ExitStatus.FAILED
    assert account.live[0] == "one"
    monkeypatch.undo()


def test_a_failure_is_not_hidden_behind_a_record_that_cannot_be_written(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Any, name: str, content: bytes) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(DirectoryStorage, "create", full)
    with pytest.raises(DeployError) as failure:
        account.deploy("one", False)
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert "could not be written" in failure.value.next_step
    assert "no space left" in account.out.getvalue()


def test_the_list_marks_what_is_live_and_what_can_be_brought_back(account: Account) -> None:
    for sources in ("one", "two", "three"):
        account.deploy(sources)
    account.lost = {"one"}
    assert pipeline.releases(account.session(json_lines=True), limit=2) is ExitStatus.OK
    event = json.loads(account.out.getvalue().splitlines()[-1])
    assert [(r["image"], r["live"], r["can_roll_back"]) for r in event["releases"]] == [
        ("three", True, False),
        ("two", False, True),
    ]
    assert event["total"] == 3
    assert event["live"] == account.newest().id


def test_one_release_is_shown_as_it_is_stored(account: Account) -> None:
    account.deploy("one")
    id = account.newest().id
    pipeline.releases(account.session(json_lines=True), limit=20, show=id[:15])
    event = json.loads(account.out.getvalue().splitlines()[-1])
    assert event["record"] == account.store.stored(id)


# --- The checkout ---------------------------------------------------------------------------------


def test_a_real_repository_is_read(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "-b", "trunk", str(tmp_path)], check=True)
    (tmp_path / "file").touch()
    assert facts.revision(tmp_path, {}) == Revision("unknown", "trunk", True)
