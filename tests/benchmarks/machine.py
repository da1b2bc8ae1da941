"""The machine that measured, and when: figures mean nothing without it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Machine:
    """Where and when a run took place.

    Attributes:
        load: Load average over the last minute when the run began: above `cores` others were at work.
    """

    date: str
    processor: str
    cores: int
    memory_gb: float
    system: str
    node: str
    python: str
    commit: str
    load: float

    def line(self) -> str:
        """For people."""
        return (
            f"{self.date} · {self.cores} cores of {self.processor}, {self.memory_gb:.0f} GB, {self.system} · "
            f"Node {self.node}, Python {self.python}, commit {self.commit} · load before it {self.load:.1f}"
        )


def commit() -> str:
    """What is measured. Asked once a run, before its own results change the documentation."""
    return _said("git", "describe", "--always", "--dirty")


def look(commit: str) -> Machine:
    """This machine, now, with the commit that is measured."""
    information = Path("/proc/cpuinfo").read_text()
    name = re.search(r"^model name\s*:\s*(.+)$", information, re.MULTILINE)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        processor=name[1] if name else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=memory,
        system=f"{platform.system()} {platform.release().split('-')[0]}",
        node=_said("node", "--version").removeprefix("v"),
        python=platform.python_version(),
        commit=commit,
        load=os.getloadavg()[0],
    )


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
