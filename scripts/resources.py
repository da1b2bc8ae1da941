"""What this machine has left for a build. What a build needs is said by who builds."""

from __future__ import annotations

import re
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def gigabytes(size: int) -> str:
    """Bytes for a reader: ``4.2 GB``."""
    return f"{size / 1_000_000_000:.1f} GB"


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
