"""When npm has to install, and what a failing script leaves for the reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts import npm
from scripts.errors import DeployError


def project(root: Path, installed_from: str | None) -> Path:
    """A package whose `node_modules` was installed from the given lock file, or never whole."""
    (root / "package-lock.json").write_text("the lock file")
    if installed_from is not None:
        (root / "node_modules").mkdir()
        (root / "node_modules/.installed-lock.json").write_text(installed_from)
    return root


def test_what_was_installed_from_this_very_lock_file_is_not_installed_again(tmp_path: Path) -> None:
    assert npm.is_installed(project(tmp_path, "the lock file"))


@pytest.mark.parametrize("installed_from", [None, "an older lock file"])
def test_anything_else_has_to_be_installed(tmp_path: Path, installed_from: str | None) -> None:
    assert not npm.is_installed(project(tmp_path, installed_from))


def test_bootstrap_keeps_the_same_marker() -> None:
    bootstrap = (Path(npm.__file__).parent.parent / "bootstrap").read_text()
    assert "container/node_modules/.installed-lock.json" in bootstrap


def test_a_failing_script_is_shown_with_its_last_lines_and_the_command(tmp_path: Path) -> None:
    script = "echo on stdout; echo on stderr >&2; exit 7"
    (tmp_path / "package.json").write_text(json.dumps({"scripts": {"build": script}}))
    lines: list[str] = []

    with pytest.raises(DeployError, match="`npm run build` failed") as failure:
        npm.run(tmp_path, "build", [], lines.append)

    assert "on stdout" in lines
    assert "on stderr" in failure.value.evidence
    assert f"cd {tmp_path} && npm run build" in failure.value.next_step


def test_a_machine_without_npm_is_told_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(DeployError, match="npm does not run"):
        npm.run(tmp_path, "build", [], print)
