"""The programs that a run needs: missing, too old, or silent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.preflight.model import Check, Report, Status
from scripts.preflight.programs import probes
from scripts.preflight.runner import run
from scripts.settings import Settings


@pytest.fixture
def bin_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    return directory


@pytest.fixture
def local(default_settings: Settings) -> Settings:
    return replace(default_settings, local=replace(default_settings.local, environments="process"))


@pytest.fixture
def aws(default_settings: Settings) -> Settings:
    return replace(default_settings, target="aws")


def program(directory: Path, name: str, says: str, status: int = 0) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\necho '{says}'\necho '{says}' >&2\nexit {status}\n")
    path.chmod(0o755)


def checks(settings: Settings) -> Mapping[str, Check]:
    return {check.name: check for check in report(settings).checks}


def report(settings: Settings) -> Report:
    return run(list(probes(settings)), patience=60)


def test_all_tools_present_is_fine(local: Settings, bin_directory: Path) -> None:
    for name, says in (
        ("terraform", "Terraform v1.11.4"),
        ("node", "v20.20.2"),
        ("npm", "10.8.2"),
        ("bwrap", ""),
        ("git", "git version 2.39.5"),
    ):
        program(bin_directory, name, says)
    found = report(local)
    assert found.ok and not found.warnings
    assert checks(local)["node"].found == "20.20.2"


def test_every_missing_tool_is_named_with_its_remedy(local: Settings, bin_directory: Path) -> None:
    found = checks(local)
    for name in ("terraform", "node", "npm", "bwrap"):
        assert found[name].status is Status.FAILED
        assert found[name].found == "not on PATH"
        assert "nstall" in found[name].remedy
    assert "apt-get install bubblewrap" in found["bwrap"].remedy


def test_without_git_only_the_revision_is_missing(
    local: Settings, bin_directory: Path, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    assert checks(replace(local, project_root=tmp_path))["git"].status is Status.WARNING
    assert "not a checkout" in checks(replace(local, project_root=bin_directory))["git"].found


@pytest.mark.parametrize(
    ("name", "says"),
    [("terraform", "Terraform v1.9.8"), ("node", "v20.18.0"), ("npm", "8.19.4")],
)
def test_a_tool_that_is_too_old_says_its_version(
    local: Settings, bin_directory: Path, name: str, says: str
) -> None:
    program(bin_directory, name, says)
    check = checks(local)[name]
    assert check.status is Status.FAILED and "is too old" in check.found


def test_a_tool_that_fails_says_why(local: Settings, bin_directory: Path) -> None:
    program(bin_directory, "terraform", "libc is missing", 127)
    assert "libc is missing" in checks(local)["terraform"].found


def test_a_program_that_cannot_be_started_says_why(local: Settings, bin_directory: Path) -> None:
    (bin_directory / "node").write_bytes(b"\x7fELF of another machine")
    (bin_directory / "node").chmod(0o755)
    check = checks(local)["node"]
    assert check.status is Status.FAILED and "format error" in check.found


def test_npm_is_known_by_its_package(local: Settings, bin_directory: Path, tmp_path: Path) -> None:
    npm = tmp_path / "lib" / "npm"
    (npm / "bin").mkdir(parents=True)
    (npm / "package.json").write_text(json.dumps({"name": "npm", "version": "10.9.0"}))
    program(npm / "bin", "npm-cli.js", "nobody runs this", 1)
    (bin_directory / "npm").symlink_to(npm / "bin" / "npm-cli.js")
    assert checks(local)["npm"].found == "10.9.0"


def test_a_kernel_without_user_namespaces_is_found_before_the_deploy(
    local: Settings, bin_directory: Path
) -> None:
    program(bin_directory, "bwrap", "bwrap: Creating new namespace failed: Operation not permitted", 1)
    check = checks(local)["bwrap"]
    assert "Operation not permitted" in check.found
    assert "unprivileged_userns_clone" in check.remedy


def test_a_packed_image_needs_no_docker(local: Settings, bin_directory: Path) -> None:
    found = checks(local)
    for name in ("docker engine", "docker buildx"):
        assert found[name].status is Status.OK and "not needed" in found[name].found


def test_the_real_account_needs_docker_and_no_bubblewrap(aws: Settings, bin_directory: Path) -> None:
    found = checks(aws)
    assert "bwrap" not in found
    assert found["docker engine"].status is found["docker buildx"].status is Status.FAILED
    program(bin_directory, "docker", "Cannot connect to the Docker daemon", 1)
    assert "Cannot connect to the Docker daemon" in checks(aws)["docker engine"].found
    program(bin_directory, "docker", "github.com/docker/buildx v0.13.1")
    assert checks(aws)["docker buildx"].found == "0.13.1"


def test_a_packed_image_is_refused_for_the_real_account(aws: Settings, bin_directory: Path) -> None:
    check = checks(replace(aws, image=replace(aws.image, builder="pack")))["docker engine"]
    assert check.status is Status.FAILED
    assert "INVOKE_IMAGE_BUILDER=buildx" in check.remedy
