"""The rules that every file of the project keeps, checked with the project's own tools."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parent.parent.parent


def run(*command: str, cwd: Path = ROOT) -> None:
    """Run a tool; its output is the message when it complains."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def tracked() -> list[Path]:
    """The files of the project: what git knows or would add."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [path for name in listing.stdout.splitlines() if (path := ROOT / name).is_file()]


def test_python_passes_the_linter() -> None:
    run(tool("ruff"), "check", ".")


def test_python_is_formatted() -> None:
    run(tool("ruff"), "format", "--check", ".")


def test_python_is_typed_strictly() -> None:
    run(tool("mypy"))


def test_the_handler_passes_its_linter() -> None:
    run("npm", "run", "--silent", "lint", cwd=ROOT / "container")


def test_shell_scripts_parse() -> None:
    for script in ("bootstrap", ".ci/run"):
        run("bash", "-n", script)


def test_lock_files_hold_versions_and_hashes_and_no_addresses() -> None:
    for path in tracked():
        if path.name in ("requirements.lock", "package-lock.json"):
            lines = path.read_text().splitlines()
            named = [
                line
                for line in lines
                if re.search(r'"resolved": *"https?:|--(extra-)?index-url|@ http', line)
            ]
            assert not named, f"{path.relative_to(ROOT)}: {named[:3]}"


def test_invoke_lists_its_tasks_without_importing_what_only_a_run_needs() -> None:
    """Imports inside tasks keep `inv --list` quick; the figure itself is in tests/benchmarks."""
    heavy = {"boto3", "rich", "docker", "httpx", "aiohttp", "ministack"}
    code = f"import sys, tasks; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"imported at start: {done.stderr}"
