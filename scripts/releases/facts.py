"""Finds out what a record says of the run itself: who, from which checkout, with which versions.

Each fact is worth having and none is worth failing for: what cannot be found out is empty or ``unknown``.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from scripts import git
from scripts.aws import Aws
from scripts.content import content_lines, files_below, sha256_text
from scripts.releases.record import Actor, Module, Revision, Versions
from scripts.settings import Settings
from scripts.terraform.workspace import Workspace
from scripts.whoami import user_at_host


def actor(aws: Aws | None, environment: Mapping[str, str]) -> Actor:
    """Who runs this.

    Args:
        aws: The real account, to be asked whose credentials these are; None on the embedded AWS.
        environment: The process environment, in which a CI system says what it is.
    """
    return Actor(user_at_host(), _arn(aws) if aws else "", ci(environment))


def ci(environment: Mapping[str, str]) -> dict[str, str]:
    """What a CI system says of the run.

    https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    https://docs.gitlab.com/ci/variables/predefined_variables/
    """
    if environment.get("GITHUB_ACTIONS") == "true":
        parts = [environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
        url = "{}/{}/actions/runs/{}".format(*parts) if all(parts) else ""
        return {"system": "GitHub Actions", "actor": environment.get("GITHUB_ACTOR", ""), "url": url}
    if environment.get("GITLAB_CI") == "true":
        return {
            "system": "GitLab CI",
            "actor": environment.get("GITLAB_USER_LOGIN", ""),
            "url": environment.get("CI_JOB_URL", ""),
        }
    return {"system": "CI"} if environment.get("CI") else {}


def revision(root: Path, environment: Mapping[str, str]) -> Revision:
    """The checkout; ``unknown`` where git, or a repository, is missing."""
    return parse_status(git.status(root), environment)


def parse_status(output: str, environment: Mapping[str, str]) -> Revision:
    """The answer of ``git status --porcelain=v2 --branch``."""
    lines = output.splitlines()
    headers = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    branch = headers.get("branch.head", "unknown")
    if branch == "(detached)":  # CI checks out a commit, and knows the branch
        branch = environment.get("GITHUB_REF_NAME") or environment.get("CI_COMMIT_REF_NAME") or branch
    commit = headers.get("branch.oid", "unknown")
    return Revision(
        commit if re.fullmatch(r"[0-9a-f]{40,64}", commit) else "unknown",
        branch,
        any(line and not line.startswith("#") for line in lines),
    )


def infrastructure(settings: Settings) -> str:
    """Hash of the shipped Terraform tree and its values: equal on every machine that has the same.

    Without the provider lock, which also depends on the machine that made it.
    """
    root = settings.terraform_source
    files = (
        path
        for path in files_below(root, skip={".terraform"})
        if path.suffix in (".tf", ".json", ".js", ".tftpl") and ".tfstate" not in path.name
    )
    return sha256_text(content_lines(root, files))[:16]


def versions(settings: Settings, terraform: str, place: Workspace, *, librechat: str = "") -> Versions:
    """What made the release.

    Args:
        settings: The settings of the run.
        terraform: Version of the binary.
        place: Where Terraform was initialised.
        librechat: Version of LibreChat; empty: that of the settings.
    """
    return Versions(
        runner=_own_version(settings.project_root),
        terraform=terraform,
        providers=locked_providers(_text(place.directory / ".terraform.lock.hcl")),
        modules=public_modules(_text(place.directory / ".terraform" / "modules" / "modules.json")),
        stand_ins=place.modules == "bundled",
        librechat=librechat or settings.librechat.version,
    )


def locked_providers(lock: str) -> dict[str, str]:
    """Address and version of each provider in a dependency lock file."""
    return dict(re.findall(r'^provider "([^"]+)" \{\s*\n\s*version\s*=\s*"([^"]+)"', lock, re.MULTILINE))


def public_modules(manifest: str) -> tuple[Module, ...]:
    """The modules that came from a registry, of Terraform's ``modules.json``."""
    try:
        installed = json.loads(manifest)["Modules"]
        found = (
            Module(str(m["Key"]), str(m["Source"]), str(m["Version"])) for m in installed if m.get("Version")
        )
        return tuple(sorted(found, key=lambda module: module.key))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def _arn(aws: Aws) -> str:
    try:
        return str(aws.client("sts").get_caller_identity()["Arn"])
    except Exception:  # the deploy itself went through: this is not what it should fail for
        return ""


def _own_version(root: Path) -> str:
    try:
        return str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])
    except (OSError, ValueError, KeyError):
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
