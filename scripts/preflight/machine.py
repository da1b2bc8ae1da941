"""Room for the builds on this machine: disk and memory."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from scripts.frontend.librechat import NEEDS
from scripts.frontend.sources import kind
from scripts.preflight.model import Finding, failed, not_checked, ok, warning
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Machine"

_GB = 1_000_000_000

DISK = 500_000_000
"""Bytes under .build that any run may take: the stand-in's client, image and copies are a tenth of it."""

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def probes(settings: Settings) -> Iterator[Probe]:
    """Disk and memory; memory only matters where LibreChat's own client is built."""
    builds_librechat = kind(settings) in ("checkout", "git")
    yield Probe(GROUP, "disk", lambda: disk(settings.project_root / ".build", builds_librechat))
    yield Probe(GROUP, "memory", lambda: memory(builds_librechat))


def disk(directory: Path, builds_librechat: bool) -> Finding:
    """Free space where we build; the directory may not be there yet."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(there).free
    found = f"{_gb(free)} free"
    remedy = "Make room; everything in .build is made again when it is missing."
    if free < DISK:
        return failed(f"{found}, a build takes up to {_gb(DISK)}", remedy)
    if builds_librechat and free < NEEDS.disk:
        return warning(f"{found}, a build of LibreChat's client takes up to {_gb(NEEDS.disk)}", remedy)
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
            f"{_gb(available)} available, LibreChat's client takes {_gb(NEEDS.memory)} to build",
            "End other programs or add swap; else the system may kill the build.",
        )
    return ok(f"{_gb(available)} available")


def available_memory() -> int | None:
    """Bytes, or None where the system does not say."""
    try:
        sizes = dict(re.findall(r"^(\w+):\s+(\d+) kB", _MEMINFO.read_text(), re.MULTILINE))
        available = (int(sizes["MemAvailable"]) + int(sizes["SwapFree"])) * 1024
    except (OSError, KeyError):
        return None
    return min(available, _left_in_container(available))


def _left_in_container(otherwise: int) -> int:
    """What the control group leaves us. https://docs.kernel.org/admin-guide/cgroup-v2.html#memory"""
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        if limit == "max":
            return otherwise
        used = int((_CGROUP / "memory.current").read_text())
        # The page cache counts as used, and is given back when a program asks.
        cache = re.search(r"^inactive_file (\d+)$", (_CGROUP / "memory.stat").read_text(), re.MULTILINE)
        return int(limit) - used + int(cache.group(1) if cache else 0)
    except (OSError, ValueError):
        return otherwise


def _gb(size: int) -> str:
    return f"{size / _GB:.1f} GB"
