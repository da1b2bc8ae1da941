"""LibreChat's own build of its client, in a tree that has its sources: ``npm ci``, ``npm run frontend``.

`npm run frontend` builds the workspaces in the order of their needs (packages/data-provider, data-schemas,
api, client; then client/): the order is LibreChat's to know, and changes with its releases.

Before minutes of work begin: is there room for it, and is Node the right one?
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts import node_range, npm
from scripts.errors import DeployError, ExitStatus
from scripts.frontend.stages import told
from scripts.progress import Notice, Progress, Stage
from scripts.resources import available_memory, gigabytes


@dataclass(frozen=True)
class Needs:
    """Bytes that a build takes at its peak."""

    memory: int
    disk: int


NEEDS = Needs(memory=2_500_000_000, disk=4_000_000_000)
"""Measured with v0.8.2-rc1. Memory: what it gets by with while Vite bundles; where there is more it takes
up to 3.5 GB. Disk: 1.3 GB of node_modules and 0.4 GB of npm's cache; the rest is a reserve."""

_HEAP = "--max-old-space-size"
_HEAP_MB = 4096
"""Node sizes its heap by the machine, on a small one below what Vite needs. LibreChat's image has 6144."""


def install(tree: Path, progress: Progress) -> None:
    """Install the packages of all workspaces, unless they are.

    Raises:
        DeployError: when room or the right Node is missing, or npm fails.
    """
    _require_node(tree)
    _require_memory(progress)
    if not npm.is_installed(tree):
        _require_disk(tree)
        npm.install(tree, progress, _environment(tree))


def build(tree: Path, dist: Path, progress: Progress) -> None:
    """Build the client into the empty directory `dist`. Needs `install`.

    Raises:
        DeployError: when npm fails, or leaves no client.
    """
    built = tree / "client" / "dist"
    # Else what an earlier build left could pass for this one's.
    shutil.rmtree(built, ignore_errors=True)
    progress(Stage("building packages"))
    npm.run(tree, "frontend", [], told(progress), _environment(tree))
    if not (built / "index.html").is_file():
        raise DeployError(
            "LibreChat's frontend build left no index.html",
            f"{built} is where `npm run frontend` is expected to put it.",
            "Check that what is built is an unchanged release of LibreChat.",
        )
    shutil.copytree(built, dist, dirs_exist_ok=True)


def _environment(tree: Path) -> dict[str, str]:
    options = os.environ.get("NODE_OPTIONS", "")
    if not _heap_is_set():
        options = f"{options} {_HEAP}={_HEAP_MB}".strip()
    # Tools that ask git about their surroundings must not find the repository that this project is in.
    return {"NODE_OPTIONS": options, "GIT_CEILING_DIRECTORIES": str(tree.resolve().parent)}


def _heap_is_set() -> bool:
    return _HEAP in os.environ.get("NODE_OPTIONS", "").replace("_", "-")


def _require_node(tree: Path) -> None:
    try:
        wanted = json.loads((tree / "package.json").read_text()).get("engines", {}).get("node", "")
    except (OSError, ValueError, AttributeError):
        return  # npm says it better
    if wanted and node_range.includes(str(wanted), npm.node_version()) is False:
        raise DeployError(
            f"Node {npm.node_version()} is not the one that LibreChat asks for",
            f"Its package.json says: engines.node {wanted}.",
            f"Install Node {wanted}, so that `node --version` tells it.",
            status=ExitStatus.PREFLIGHT_FAILED,
        )


def _require_memory(progress: Progress) -> None:
    available = available_memory()
    if available is None or available >= NEEDS.memory:
        return
    numbers = f"{gigabytes(available)} available, the build takes {gigabytes(NEEDS.memory)} at its peak"
    if _heap_is_set():
        # Whoever sizes the heap knows the machine.
        progress(
            Notice(f"Memory is short for LibreChat's build: {numbers}. NODE_OPTIONS has your own limit.")
        )
        return
    raise DeployError(
        "There is not enough memory to build LibreChat's client",
        f"{numbers}; without it the system kills the build after minutes.",
        "End other programs or add swap. Or spare the build: INVOKE_FRONTEND_FROM_IMAGE=yes takes the client "
        "out of LibreChat's image. Or try all the same with your own limit: "
        "NODE_OPTIONS=--max-old-space-size=1500",
        status=ExitStatus.PREFLIGHT_FAILED,
    )


def _require_disk(tree: Path) -> None:
    free = shutil.disk_usage(tree).free
    if free < NEEDS.disk:
        raise DeployError(
            "There is not enough room on the disk to build LibreChat's client",
            f"{gigabytes(free)} free at {tree}, the build takes up to {gigabytes(NEEDS.disk)}.",
            "Make room; everything in .build is made again when it is missing.",
            status=ExitStatus.PREFLIGHT_FAILED,
        )
