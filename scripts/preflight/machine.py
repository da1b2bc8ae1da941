"""Room for the builds on this machine: disk and memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from scripts.frontend.librechat import NEEDS
from scripts.frontend.sources import kind
from scripts.preflight.model import Finding, failed, not_checked, ok, warning
from scripts.preflight.runner import Probe
from scripts.resources import available_memory, gigabytes
from scripts.settings import Settings

GROUP = "Machine"

DISK = 500_000_000
"""Bytes under .build that any run may take: the stand-in's client, image and copies are a tenth of it."""


def probes(settings: Settings) -> Iterator[Probe]:
    """Disk and memory; memory only matters where LibreChat's own client is built."""
    builds_librechat = kind(settings) in ("checkout", "git")
    yield Probe(GROUP, "disk", lambda: disk(settings.project_root / ".build", builds_librechat))
    yield Probe(GROUP, "memory", lambda: memory(builds_librechat))


def disk(directory: Path, builds_librechat: bool) -> Finding:
    """Free space where we build; the directory may not be there yet."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(there).free
    found = f"{gigabytes(free)} free"
    remedy = "Make room; everything in .build is made again when it is missing."
    if free < DISK:
        return failed(f"{found}, a build takes up to {gigabytes(DISK)}", remedy)
    if builds_librechat and free < NEEDS.disk:
        return warning(f"{found}, a build of LibreChat's client takes up to {gigabytes(NEEDS.disk)}", remedy)
    return ok(found)


def memory(builds_librechat: bool) -> Finding:
    """Memory that a build could have: free, reclaimable, or swap, within the container's limit."""
    if not builds_librechat:
        return ok("not needed: LibreChat's client is not built")
    available = available_memory()
    if available is None:
        return not_checked("this system does not say how much memory is available")
    if available < NEEDS.memory:
        return warning(
            f"{gigabytes(available)} available, LibreChat's client takes {gigabytes(NEEDS.memory)} to build",
            "End other programs or add swap; else the system may kill the build.",
        )
    return ok(f"{gigabytes(available)} available")
