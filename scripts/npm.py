"""npm as this project uses it: install what the lock file says, run a script, show why it failed.

Installing is skipped while the lock file is the one that `node_modules` was installed from; `bootstrap`
keeps the same marker. Not for global packages, and never a resolver: only ``npm ci``.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path

from scripts import processes
from scripts.content import exclusive_use
from scripts.errors import DeployError, ExitStatus

Progress = Callable[[str], None]

_MARKER = "node_modules/.installed-lock.json"
"""Copy of the lock file, made when ``npm ci`` has succeeded; ``npm ci`` deletes it first."""


@functools.cache
def node_version() -> str:
    """The version of the `node` on PATH, for example ``v20.20.2``.

    Raises:
        DeployError: when there is none.
    """
    try:
        return subprocess.run(
            ["node", "--version"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise DeployError(
            "Node.js is needed and does not run",
            str(error),
            "Install Node 20 (>= 20.19) and npm, so that `node --version` works.",
            status=ExitStatus.PREFLIGHT_FAILED,
        ) from error


def install(directory: Path, progress: Progress) -> None:
    """``npm ci`` in `directory`, unless its lock file is installed already.

    Raises:
        DeployError: with the last lines of npm.
    """
    if is_installed(directory):
        return
    # `npm ci` deletes node_modules first: two at once would leave a mixture.
    with exclusive_use(directory):
        if not is_installed(directory):
            _npm(["ci", "--no-audit", "--no-fund"], directory, progress)
            (directory / _MARKER).parent.mkdir(exist_ok=True)  # npm makes none without dependencies
            shutil.copyfile(directory / "package-lock.json", directory / _MARKER)


def run(directory: Path, script: str, arguments: list[str], progress: Progress) -> None:
    """``npm run script`` in `directory`; `arguments` go to the script itself.

    Raises:
        DeployError: with the last lines of the script.
    """
    _npm(["run", script, *(["--", *arguments] if arguments else [])], directory, progress)


def is_installed(directory: Path) -> bool:
    """Whether `node_modules` was installed whole, by us or by `bootstrap`, from this very lock file."""
    try:
        return (directory / _MARKER).read_bytes() == (directory / "package-lock.json").read_bytes()
    except OSError:
        return False


def _npm(arguments: list[str], directory: Path, progress: Progress) -> None:
    command = "npm " + " ".join(arguments)
    tail: deque[str] = deque(maxlen=30)

    def on_line(line: str) -> None:
        if line.strip():
            tail.append(line)
            progress(line)

    # Not `CI=1` or `--silent`: a person reads these lines when a build of minutes goes wrong.
    environment = {**os.environ, "npm_config_update_notifier": "false", "NO_COLOR": "1"}
    try:
        finished = processes.stream(
            ["npm", *arguments], cwd=directory, environment=environment, on_line=on_line
        )
    except OSError as error:
        raise DeployError(
            "npm does not run",
            str(error),
            "Install Node 20 with npm, so that `npm --version` works.",
            status=ExitStatus.PREFLIGHT_FAILED,
        ) from error
    if finished.returncode != 0:
        raise DeployError(
            f"`{command}` failed in {directory}",
            f"Exit status {finished.returncode}; the last lines are below.",
            f"Run it by hand there: cd {directory} && {command}",
            evidence="\n".join([*tail, *finished.stderr.splitlines()[-30:]]),
        )
