"""CPU time of processes, in seconds: user and system together."""

from __future__ import annotations

import resource

import psutil


def children_cpu() -> float:
    """Of all processes that this one has started, and that have ended and been waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_seconds(process: psutil.Process) -> float:
    """Of one process, so far."""
    used = process.cpu_times()
    return float(used.user + used.system)
