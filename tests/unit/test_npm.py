"""When npm has to install, and what a failing script leaves for the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import npm
from scripts.errors import DeployError

LOCK: dict[str, Any] = {
    "": {"name": "app"},
    "node_modules/vite": {"version": "8.0.0"},
    "node_modules/fsevents": {"version": "2.3.3", "optional": True},
}


def project(root: Path, installed: dict[str, Any] | None) -> Path:
    (root / "package-lock.json").write_text(json.dumps({"packages": LOCK}))
    if installed is not None:
        (root / "node_modules").mkdir()
        (root / "node_modules/.package-lock.json").write_text(json.dumps({"packages": installed}))
    return root


def test_what_the_lock_file_says_is_installed_without_other_platforms_packages(tmp_path: Path) -> None:
    assert npm.is_installed(project(tmp_path, {"node_modules/vite": {"version": "8.0.0"}}))


@pytest.mark.parametrize("installed", [None, {}, {"node_modules/vite": {"version": "7.9.9"}}])
def test_anything_else_has_to_be_installed(tmp_path: Path, installed: dict[str, Any] | None) -> None:
    assert not npm.is_installed(project(tmp_path, installed))


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
