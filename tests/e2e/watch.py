"""Looks over a deployment's shoulder: what other users of this machine could see while it works."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_PAUSE_SECONDS = 0.2


class Watch:
    """Collects the argument lists of all processes, and the content of every saved plan.

    Args:
        workspace: Where Terraform runs; its saved plans live briefly below ``.terraform``.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._ended = threading.Event()
        self.arguments: set[str] = set()
        self.plans: dict[str, str] = {}

    @contextmanager
    def running(self) -> Iterator[Watch]:
        """Look until the block ends."""
        thread = threading.Thread(target=self._look_until_ended, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()

    def _look_until_ended(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            self.arguments |= {
                "\n".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
            }
            for plan in self._workspace.glob(".terraform/plan-*/plan"):
                if content := _unzipped(plan):
                    self.plans[str(plan)] = content


def _unzipped(plan: Path) -> str:
    """Everything in a saved plan, which is a zip file; empty while it is being written or removed."""
    try:
        with zipfile.ZipFile(plan) as members:
            return "\n".join(members.read(name).decode(errors="replace") for name in members.namelist())
    except (OSError, zipfile.BadZipFile):
        return ""
