"""npm as this project uses it: install what the lock file says, run a script, show why it failed.

Installing is skipped while the lock file is the one that `node_modules` was installed from; `bootstrap`
keeps the same marker. Not for global packages, and never a resolver: only ``npm ci``. What the words of
a failure mean is in `npm_failures`.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from scripts import npm_failures, processes
from scripts.child_environment import environment as child_environment
from scripts.content import exclusive_use
from scripts.errors import DeployError, ExitStatus
from scripts.progress import Progress, Stage

__all__ = ["Progress", "install", "is_installed", "node_version", "run"]

_MARKER = "node_modules/.installed-lock.json"
"""Copy of the lock file, made when ``npm ci`` has succeeded; ``npm ci`` deletes it first."""

_SHOWN = 30
"""Lines of a failure that are shown."""


@functools.cache
def node_version() -> str:
    """The version of the `node` on PATH, for example ``v20.20.2``.

    Raises:
        DeployError: when there is none.
    """
    try:
        return subprocess.run(
            ["node", "--version"], env=child_environment("npm"), capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise DeployError(
            "Node.js is needed and does not run",
            str(error),
            "Install Node 20 (>= 20.19) and npm, so that `node --version` works.",
            status=ExitStatus.PREFLIGHT_FAILED,
        ) from error


def install(directory: Path, progress: Progress, environment: Mapping[str, str] | None = None) -> None:
    """``npm ci`` in `directory`, unless its lock file is installed already.

    Args:
        environment: Added to what npm may read of the process's own (`child_environment`).

    Raises:
        DeployError: with the last lines of npm and the usual cause of what they say.
    """
    if is_installed(directory):
        return
    # `npm ci` deletes node_modules first: two at once would leave a mixture.
    with exclusive_use(directory):
        if not is_installed(directory):
            progress(Stage("installing packages"))
            # NODE_ENV=production or `omit=dev` of the machine would leave out the very tools that build.
            _npm(["ci", "--include=dev", "--no-audit", "--no-fund"], directory, progress, environment)
            (directory / _MARKER).parent.mkdir(exist_ok=True)  # npm makes none without dependencies
            shutil.copyfile(directory / "package-lock.json", directory / _MARKER)


def run(
    directory: Path,
    script: str,
    arguments: list[str],
    progress: Progress,
    environment: Mapping[str, str] | None = None,
) -> None:
    """``npm run script`` in `directory`; `arguments` go to the script itself.

    Args:
        environment: Added to what npm may read of the process's own (`child_environment`).

    Raises:
        DeployError: with the last lines of the script and the usual cause of what they say.
    """
    _npm(["run", script, *(["--", *arguments] if arguments else [])], directory, progress, environment)


def is_installed(directory: Path) -> bool:
    """Whether `node_modules` was installed whole, by us or by `bootstrap`, from this very lock file."""
    try:
        return (directory / _MARKER).read_bytes() == (directory / "package-lock.json").read_bytes()
    except OSError:
        return False


def _npm(
    arguments: list[str], directory: Path, progress: Progress, environment: Mapping[str, str] | None
) -> None:
    command = "npm " + " ".join(arguments)
    tail: deque[str] = deque(maxlen=400)  # npm's own words can stand far above the end of a long trace

    def on_line(line: str) -> None:
        if line.strip():
            tail.append(line)
            progress(line)

    # Not `CI=1` or `--silent`: a person reads these lines when a build of minutes goes wrong.
    variables = {"npm_config_update_notifier": "false", "NO_COLOR": "1", **(environment or {})}
    try:
        # One stream, so that what the tools say stays in order.
        finished = processes.stream(
            ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", "npm", *arguments],
            cwd=directory,
            environment=child_environment("npm") | variables,
            on_line=on_line,
        )
    except OSError as error:
        raise _no_npm(str(error)) from error
    if finished.returncode == 127 and not shutil.which("npm"):
        raise _no_npm("\n".join(tail))
    if finished.returncode != 0:
        cause = npm_failures.cause(finished.returncode, tail)
        by_hand = f"Run it by hand there: cd {directory} && {command}"
        raise DeployError(
            f"`{command}` failed in {directory}",
            cause.why if cause else f"Exit status {finished.returncode}; the last lines are below.",
            cause.remedy if cause else by_hand,
            evidence="\n".join(npm_failures.excerpt([*tail], cause, _SHOWN)),
        )


def _no_npm(why: str) -> DeployError:
    return DeployError(
        "npm does not run",
        why,
        "Install Node 20 with npm, so that `npm --version` works.",
        status=ExitStatus.PREFLIGHT_FAILED,
    )
