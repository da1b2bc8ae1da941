"""Runs the checks again and again, and says what changes.

The pause is from start to start. A run that takes longer is followed by the next one at once, and what was
missed is not made up for. A deployment that does not answer is a failed run, not the end. Ctrl-C is, or
SIGTERM: the usual end of a watch, so that the exit status is that of its last run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.smoke.board import Board, Round, Watched, span
from scripts.smoke.report import Report
from scripts.smoke.report.text import plural

if TYPE_CHECKING:
    from rich.console import RenderableType


class Clock:
    """The time; tests have their own."""

    def now(self) -> float:
        """Seconds that only go forward."""
        return time.monotonic()

    def moment(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        time.sleep(seconds)


class Watch:
    """One watch.

    Args:
        url: What is watched.
        every: Seconds from the start of a run to the start of the next.
        console: Shows a rolling table on a terminal, else a line for each change; with ``--json`` an event
            for each run.
        until_failed: End at the first run that fails, also when that is the very first.
        clock: Instead of the machine's.
    """

    def __init__(
        self,
        url: str,
        every: float,
        console: Console,
        *,
        until_failed: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._url = url
        self._every = every
        self._console = console
        self._until_failed = until_failed
        self._clock = clock or Clock()
        self._board = Board()
        self._due = self._began = self._clock.now()
        self._doing = ""

    def follow(self, look: Callable[[], Report]) -> None:
        """Repeat `look` until Ctrl-C, or until it fails if that was asked for.

        Args:
            look: One run. A deployment that does not answer is a report, too.

        Raises:
            KeyboardInterrupt: when not even one run has ended.
            DeployError: with `ExitStatus.SMOKE_FAILED` when the last run failed.
        """
        ok = True
        try:
            with self._display():
                for round in self._rounds(look):
                    ok = round.report.ok
                    self._show(round)
                    if self._until_failed and not ok:
                        break
        except KeyboardInterrupt:
            if not self._board.rounds:
                raise
        board, seconds = self._board, self._clock.now() - self._began
        self._console.show(Watched(self._url, seconds, tuple(board.rounds), tuple(board.rows.values())))
        if not ok:
            raise DeployError(
                "The deployment stopped behaving" if any(board.rounds) else "The deployment does not behave",
                f"Run {len(board.rounds)} failed, the last of this watch.",
                "The reasons are above; inv smoke shows them with their evidence.",
                status=ExitStatus.SMOKE_FAILED,
            )

    def _rounds(self, look: Callable[[], Report]) -> Iterator[Round]:
        while True:
            self._doing, at = "running", self._clock.moment()
            report = look()
            self._due = max(self._due + self._every, self._clock.now())
            self._doing = "waiting"
            yield self._board.add(report, at)
            self._clock.sleep(max(self._due - self._clock.now(), 0.0))  # to show it took time, too

    @contextmanager
    def _display(self) -> Iterator[None]:
        """On a terminal, the rows so far."""
        if not self._console.interactive:
            self._console.say_plain(f"Watching {self._url} every {span(self._every)}; Ctrl-C ends it.")
            yield
            return
        from rich.live import Live

        with Live(self, console=self._console.rich, refresh_per_second=4, vertical_overflow="ellipsis"):
            try:
                yield
            finally:
                self._doing = "ended"  # rich draws it once more

    def _show(self, round: Round) -> None:
        self._console.event("smoke.run", **round.to_json())
        if self._console.interactive:
            return  # the table shows it
        now = f"{self._clock.moment().astimezone():%Y-%m-%d %H:%M:%S}"
        if round.number == 1:
            self._console.say_plain(f"{now} {round.report.summary}")
        for change in round.changes:
            self._console.say_plain(f"{now} {change.line()}")

    def __rich__(self) -> RenderableType:
        """The table as it is now; rich asks for it several times a second."""
        runs, failed = len(self._board.rounds), self._board.rounds.count(False)
        left = max(self._due - self._clock.now(), 0.0)
        doing = {"running": f"run {runs + 1} …", "waiting": f"the next in {left:.0f} s"}.get(
            self._doing, self._doing
        )
        heading = (
            f"{self._url} · every {span(self._every)} · {plural(runs, 'run')}, {failed} failed · {doing}"
        )
        size = self._console.rich.size
        return self._board.draw(heading, lines=size.height - 1, width=size.width)
