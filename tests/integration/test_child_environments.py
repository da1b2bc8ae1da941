"""Programs that show their environment: none of them sees a credential of the deploy."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import git, npm
from scripts.errors import DeployError
from scripts.image import buildx
from scripts.preflight import programs
from scripts.progress import ignored
from scripts.settings import Settings
from scripts.terraform import Terraform
from tests.secrets_of_a_deploy import SECRETS

pytestmark = pytest.mark.integration


class Witness:
    """A place where programs write down what they see."""

    def __init__(self, root: Path) -> None:
        self.bin = root / "bin"
        self.file = root / "environment"
        self.bin.mkdir()

    def program(self, name: str, then: str = "true") -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\nenv >> '{self.file}'\n{then}\n")
        path.chmod(0o755)

    def saw(self) -> dict[str, str]:
        lines = [line.partition("=") for line in self.file.read_text().splitlines()]
        return {name: value for name, _, value in lines}


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Witness:
    found = Witness(tmp_path)
    for name in SECRETS:
        monkeypatch.setenv(name, "seen")
    monkeypatch.setenv("PATH", f"{found.bin}:{os.environ['PATH']}")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:word@proxy.example:3128")
    return found


def assert_clean(witness: Witness) -> None:
    saw = witness.saw()
    assert not set(SECRETS) & set(saw)
    assert saw["HTTPS_PROXY"] == "http://user:word@proxy.example:3128"


def test_a_postinstall_sees_none(tmp_path: Path, witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real npm: a dependency's script, and the project's own build."""
    monkeypatch.setenv("npm_config_loglevel", "warn")
    monkeypatch.setenv("VITE_TITLE", "public")
    tree = tmp_path / "tree"
    dependency = tree / "dependency"
    dependency.mkdir(parents=True)
    script = f"env >> '{witness.file}'"
    package = {"name": "dependency", "version": "1.0.0", "scripts": {"postinstall": script}}
    (dependency / "package.json").write_text(json.dumps(package))
    needs = {"dependency": "file:dependency"}
    top = {"name": "top", "version": "1.0.0", "dependencies": needs, "scripts": {"build": script}}
    (tree / "package.json").write_text(json.dumps(top))
    packages = {
        "": {"name": "top", "version": "1.0.0", "dependencies": needs},
        "dependency": {"version": "1.0.0", "hasInstallScript": True},
        "node_modules/dependency": {"resolved": "dependency", "link": True},
    }
    lock = {"name": "top", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
    (tree / "package-lock.json").write_text(json.dumps(lock))

    npm.install(tree, ignored)
    assert witness.saw()["npm_lifecycle_event"] == "postinstall"
    assert_clean(witness)
    witness.file.unlink()

    npm.run(tree, "build", [], ignored)
    assert witness.saw()["npm_lifecycle_event"] == "build"
    assert_clean(witness)
    assert witness.saw()["npm_config_loglevel"] == "warn" and witness.saw()["VITE_TITLE"] == "public"


def test_what_git_starts_to_sign_in_sees_none(
    tmp_path: Path, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness.program("ssh", "exit 1")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")

    with pytest.raises(DeployError):
        git.commit_of_tag("ssh://git@repository.example/librechat.git", "v1", tmp_path)

    assert_clean(witness)
    assert witness.saw()["SSH_AUTH_SOCK"] == "/run/agent"


def test_a_look_at_a_checkout_shows_git_none(tmp_path: Path, witness: Witness) -> None:
    witness.program("git")
    git.described(tmp_path)
    git.status(tmp_path)
    assert_clean(witness)


def test_the_docker_client_and_its_plugins_see_none(
    tmp_path: Path, witness: Witness, default_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "builds")
    witness.program("docker", 'case "$*" in "image inspect"*) exit 1 ;; esac')

    settings = replace(default_settings, project_root=tmp_path)
    buildx.build(settings, "content", settings.librechat.base_image, ignored)

    assert witness.file.read_text().count("DOCKER_CONTEXT=builds") == 4  # version, plugin, present, build
    assert_clean(witness)


@pytest.mark.parametrize("name", ["node", "npm", "git", "docker", "bwrap"])
def test_a_program_that_is_asked_its_version_sees_none(witness: Witness, name: str) -> None:
    witness.program(name, "echo 1.2.3")
    programs.version([name, "--version"], (1,), "")
    assert_clean(witness)


def test_terraform_sees_the_account_and_not_the_users_password(tmp_path: Path, witness: Witness) -> None:
    witness.program("terraform", """echo '{"terraform_version": "1.11.4"}'""")

    Terraform(tmp_path, environment={"AWS_REGION": "eu-west-1"}, variables={"x": "y"}).version()

    saw = witness.saw()
    assert saw["AWS_ACCESS_KEY_ID"] == "seen" and saw["TF_VAR_ssm_parameters"] == "seen"
    assert saw["AWS_REGION"] == "eu-west-1" and saw["TF_VAR_x"] == "y"
    kept = ("AWS_", "TF_", "INVOKE_")
    assert not {name for name in SECRETS if not name.startswith(kept)} & set(saw)
