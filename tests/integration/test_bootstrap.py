"""./bootstrap on a project of its own, with stand-ins for the tools that take minutes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.secrets_of_a_deploy import SECRETS

pytestmark = pytest.mark.integration

BOOTSTRAP = Path(__file__).parent.parent.parent / "bootstrap"
TOOLS = ("node", "terraform", "autoconf", "automake", "libtoolize", "g++", "make", "cmake", "bwrap")


class Project:
    """A checkout in a path with spaces, its Python environment ready, its npm packages missing."""

    def __init__(self, root: Path) -> None:
        self.root = root / "a path with spaces"
        self.log = root / "npm.log"
        self.tools = root / "bin"
        self.temporary = root / "tmp"
        for directory in (
            self.root / "container",
            self.root / "scripts",
            self.root / ".venv/bin",
            self.tools,
            self.temporary,
        ):
            directory.mkdir(parents=True)
        shutil.copy(BOOTSTRAP, self.root)
        shutil.copy(BOOTSTRAP.parent / "scripts/child_environment.py", self.root / "scripts")
        for name in ("requirements.lock", ".venv/.lock"):
            (self.root / name).write_text("pinned")
        for name in ("package.json", "package-lock.json"):
            (self.root / "container" / name).write_text("{}")
        (self.root / ".venv/bin/python").symlink_to(sys.executable)
        for name in TOOLS:
            self.tool(name, "true")
        self.npm("mkdir node_modules")

    def tool(self, name: str, does: str) -> None:
        path = self.tools / name
        path.write_text(f"#!/bin/sh\n{does}\n")
        path.chmod(0o755)

    def npm(self, does: str) -> None:
        self.tool("npm", f'echo "$$ $PWD" >> "{self.log}"\n{does}')

    def start(self, *command: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "TMPDIR": str(self.temporary),
        }
        return subprocess.Popen(
            [str(self.root / "bootstrap"), *command],
            cwd="/",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str) -> tuple[int, str, str]:
        process = self.start(*command)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_it_runs_a_command_in_the_project_wherever_it_is_called_from(project: Project) -> None:
    status, out, _ = project.run("sh", "-c", 'pwd; echo "$VIRTUAL_ENV"; exit 7')
    assert status == 7
    assert out.splitlines() == [str(project.root), str(project.root / ".venv")]


def test_npm_never_compiles_in_a_path_with_spaces(project: Project) -> None:
    """autotools, which build the client of aws-lambda-ric, fail there."""
    assert project.run("true")[0] == 0
    assert " " not in project.log.read_text().split(" ", 1)[1].strip()
    assert (project.root / "container/node_modules/.installed-lock.json").exists()


def test_the_second_run_is_quiet_and_installs_nothing(project: Project) -> None:
    project.run("true")
    assert project.run("true") == (0, "", "")
    assert len(project.log.read_text().splitlines()) == 1


def test_two_at_once_install_once(project: Project) -> None:
    both = [project.start("true"), project.start("true")]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert len(project.log.read_text().splitlines()) == 1


def test_a_failed_install_shows_its_end_and_is_tried_again(project: Project) -> None:
    project.npm("echo no compiler here >&2; exit 1")
    status, _, err = project.run("true")
    assert status == 3
    assert "no compiler here" in err and "npm ci failed" in err
    project.npm("mkdir node_modules")
    assert project.run("true")[0] == 0


def test_installers_see_no_credential(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """npm's postinstall and pip's setup.py are code of others."""
    for name in SECRETS:
        monkeypatch.setenv(name, "seen")
    monkeypatch.setenv("npm_config_registry", "https://registry.example/")
    monkeypatch.setenv("MAKEFLAGS", "-j7")
    project.npm(f'env > "{project.temporary.parent}/npm.env"; mkdir node_modules')
    (project.root / "requirements.lock").write_text("changed")
    (project.root / ".venv/bin/python").unlink()
    for name in ("python3.11", "python3"):  # makes the .venv, and is its pip
        project.tool(
            name,
            f"""case "$*" in
          *child_environment*) exec "{sys.executable}" "$@" ;;
          "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
          "-m pip"*) env > "{project.temporary.parent}/pip.env" ;;
        esac""",
        )

    status, _, err = project.run("true")

    assert status == 0, err
    for installer in ("npm", "pip"):
        seen = (project.temporary.parent / f"{installer}.env").read_text()
        assert "PATH=" in seen
        assert not [name for name in SECRETS if f"{name}=" in seen]
    seen = (project.temporary.parent / "npm.env").read_text()
    assert "npm_config_registry=https://registry.example/\n" in seen and "MAKEFLAGS=-j7\n" in seen


def test_the_command_itself_keeps_the_whole_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    assert project.run("sh", "-c", 'echo "$AWS_ACCESS_KEY_ID"')[1] == "mine\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_npm_as_well(project: Project, number: signal.Signals) -> None:
    project.npm("exec sleep 600")
    process = project.start("true")
    deadline = time.monotonic() + 120
    while not project.log.exists() or not project.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    npm = psutil.Process(int(project.log.read_text().split()[0]))
    process.send_signal(number)
    process.wait(timeout=120)
    assert process.returncode != 0
    npm.wait(timeout=120)
    while list(project.temporary.iterdir()):
        assert time.monotonic() < deadline, "the temporary directory stays"
        time.sleep(0.02)
