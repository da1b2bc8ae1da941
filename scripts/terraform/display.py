"""Shows an apply while it runs: a live table on a terminal, else a line for each finished resource."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.console import Console
from scripts.terraform import events

if TYPE_CHECKING:
    from rich.console import RenderableType

_RECENT = 5
"""Finished resources that the live table still shows."""

_SHOWN = 12
"""Resources in progress that the live table shows; the longest-running ones."""

_SAY_EVERY = 30.0
"""Seconds between two signs of life in a log."""

_DONE = {"create": "created", "update": "changed", "delete": "destroyed"}
_DOING = {"create": "creating", "update": "changing", "delete": "destroying"}


@dataclass
class _Work:
    action: str
    started: float
    last_line: str = ""


class ApplyDisplay:
    """Listens to the events of one apply.

    Args:
        console: Where to show.
        total: Number of resource operations that the plan announces (a replacement is two).
    """

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._working: dict[str, _Work] = {}
        self._recent: deque[tuple[str, str, float]] = deque(maxlen=_RECENT)
        self._done = 0
        self._live = False
        self._said = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[ApplyDisplay]:
        """Show live within the block, when somebody watches."""
        if not self._console.interactive:
            yield self
            return
        from rich.live import Live

        self._live = True
        with Live(self, console=self._console.rich, transient=True, refresh_per_second=4):
            yield self

    def __call__(self, event: events.Event) -> None:
        """Take in an event."""
        if getattr(event, "action", "") == "read":
            return  # a data source; the plan does not count it either
        match event:
            case events.ApplyStart():
                self._working[event.address] = _Work(event.action, time.monotonic())
                self._report(event.address, event.action, "started")
            case events.ProvisionOutput() if event.address in self._working:
                self._working[event.address].last_line = event.text
            case events.ApplyProgress():
                self._sign_of_life()
            case events.ApplyComplete():
                self._finish(event.address, event.action, event.elapsed)
            case events.ApplyErrored():
                self._fail(event.address, event.action, event.elapsed)
            case events.Message() if "Interrupt received" in event.text:
                self._console.warn(
                    "Stopping: Terraform finishes what is in flight, saves the state and releases the "
                    "lock. A second Ctrl-C ends it at once: state and lock may then be left as they are."
                )

    def __rich__(self) -> RenderableType:
        """The table of what is in progress."""
        from rich.table import Table
        from rich.text import Text

        table = Table(f"{self._done}/{self._total} done", box=None, pad_edge=False)
        table.add_column("", no_wrap=True)
        table.add_column("Time", justify="right")
        table.add_column("", no_wrap=True, style="dim", overflow="ellipsis")
        for address, action, elapsed in list(self._recent):
            table.add_row(Text(address, "green"), _DONE.get(action, action), f"{elapsed:.0f} s", "")
        now = time.monotonic()
        working = list(self._working.items())
        for address, work in working[:_SHOWN]:
            doing = _DOING.get(work.action, work.action)
            table.add_row(Text(address, "cyan"), doing, f"{now - work.started:.0f} s", Text(work.last_line))
        if len(working) > _SHOWN:
            table.add_row(f"and {len(working) - _SHOWN} more", "", "", "")
        return table

    def _finish(self, address: str, action: str, elapsed: float) -> None:
        self._working.pop(address, None)
        self._done += 1
        self._recent.append((address, action, elapsed))
        self._report(address, action, "complete", elapsed)
        if not self._live:
            done = _DONE.get(action, action)
            self._line(f"[green]✓[/green] {done} {_plain(address)} [dim]{elapsed:.0f} s[/dim]")

    def _fail(self, address: str, action: str, elapsed: float) -> None:
        self._working.pop(address, None)
        self._report(address, action, "errored", elapsed)
        failed = f"{_DOING.get(action, action)} {_plain(address)} failed"
        self._console.say(f"  [red]✗[/red] {failed} [dim]{elapsed:.0f} s[/dim]")

    def _sign_of_life(self) -> None:
        """In a log, say now and then what takes so long; on a terminal the table does."""
        if self._live or not self._working or time.monotonic() - self._said < _SAY_EVERY:
            return
        address, work = min(self._working.items(), key=lambda item: item[1].started)
        waited = time.monotonic() - work.started
        others = f" and {len(self._working) - 1} others" if len(self._working) > 1 else ""
        self._line(f"… {_plain(address)}{others}: {waited:.0f} s so far")

    def _line(self, text: str) -> None:
        self._said = time.monotonic()
        self._console.say(f"  [dim]{self._done}/{self._total}[/dim] {text}")

    def _report(self, address: str, action: str, phase: str, elapsed: float = 0.0) -> None:
        self._console.event("resource", address=address, action=action, phase=phase, elapsed=elapsed)


def _plain(address: str) -> str:
    """An address whose brackets are not taken for markup."""
    from rich.markup import escape

    return escape(address)
