"""Whether the holder of a lock is still there. Looks at the processes of this machine; ends none."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from scripts.state.lock import Lock


class Presence(Enum):
    """What is known about a holder."""

    RUNS = "runs"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Holder:
    """A holder and how we know. `pid` is that of the process that holds, when it is known to run."""

    presence: Presence
    reason: str
    pid: int = 0


def find(lock: Lock, directory: Path, binary: str, *, only_here: bool = False) -> Holder:
    """Look for the Terraform process that took a lock.

    Args:
        lock: The lock.
        directory: Where Terraform works on this state, on this machine.
        binary: Name or path of the ``terraform`` binary, which may be called otherwise.
        only_here: Nobody can work on this state from anywhere else (the embedded AWS's own copy).
    """
    here = platform.node()
    if lock.host != here and not only_here:
        return Holder(
            Presence.UNKNOWN,
            f"It was taken on the host {lock.host or '(unknown)'}, and this is {here}: it cannot be seen.",
        )
    elsewhere: list[str] = []
    for pid, started, cwd in _terraforms(Path(binary).name):
        # One that was started after the lock was taken waits for it, as we do.
        if lock.since and started > lock.since.timestamp() + _START_ERROR:
            continue
        if cwd == directory.resolve():
            return Holder(Presence.RUNS, f"Process {pid} works in {directory}.", pid)
        elsewhere.append(f"process {pid} in {cwd or 'a directory that we may not see'}")
    if elsewhere and not only_here:
        return Holder(Presence.UNKNOWN, f"Terraform runs elsewhere on this host: {', '.join(elsewhere)}.")
    return Holder(Presence.GONE, "No Terraform of that time runs on this host any more.")


_START_ERROR = 1.0
"""Seconds. Start times of processes are counted from the boot, whose own time is known to the second."""


def _terraforms(name: str) -> list[tuple[int, float, Path | None]]:
    """Process id, start and directory of every Terraform on this machine; not of its providers.

    Whoever holds the lock may have run the usual ``terraform``, or the one that is called `name`.
    """
    import psutil

    return [
        (process.pid, process.info["create_time"], Path(process.info["cwd"]) if process.info["cwd"] else None)
        for process in psutil.process_iter(["name", "create_time", "cwd"])
        if (running := process.info["name"] or "") == name
        or (running.startswith("terraform") and not running.startswith("terraform-p"))
    ]
