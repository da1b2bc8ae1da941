"""The generation of the control plane: changes whenever something deployed changed.

The emulator touches one file after every mutating call; the edge, the Lambda service and the VPC
network compare its modification time before they trust what they read earlier. A file instead of a
message, because the control plane is another process that may be restarted at any time.
"""

from __future__ import annotations

import os
import time
from pathlib import Path


class Generation:
    """Reader of the generation file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def current(self) -> int:
        """The generation in nanoseconds, 0 while nothing was ever changed. Costs one ``stat``."""
        try:
            return self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return 0


def touch(path: Path) -> None:
    """Start a new generation. Two calls never leave the same generation behind."""
    path.touch()
    before = path.stat().st_mtime_ns
    # The kernel stamps files with the coarse clock tick (4 ms); two changes within one tick must differ.
    stamp = max(time.time_ns(), before + 1)
    os.utime(path, ns=(stamp, stamp))
