"""Named steps, run side by side where their order allows it, each with its time.

On a terminal the steps are shown while they run, and a command that has to do with time shows them all in
one table at its end. A log has a line for each step, when it ends.

A step starts as soon as the steps that it follows have ended. The first failure ends the run: what
has not begun does not begin, and the subprocesses of what runs are asked to stop. Those that have not
after half a minute, or at another Ctrl-C, are killed.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from scripts import processes
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus

if TYPE_CHECKING:
    from rich.console import RenderableType

_STOP_SECONDS = 30.0
"""How long a failed or interrupted run waits for the steps that it has asked to stop."""

_CLEANUP_SECONDS = 5.0
"""How long it then waits for those whose subprocesses it has ended: a saved plan holds secrets."""


class NothingToDo(Exception):
    """Raised by a step that finds that it is not needed: it counts as ended and is not shown."""


@dataclass(frozen=True)
class Step:
    """A piece of work with a name that a reader understands.

    Attributes:
        name: Shown and reported; unique within a run.
        run: The work. It may return a short note on what it did (``cached``), or None.
        after: Names of the steps that must have ended before.
    """

    name: str
    run: Callable[[], str | None]
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timing:
    """When a step ran, in seconds since the start of the run, and after which others."""

    name: str
    started: float
    ended: float
    note: str = ""
    after: tuple[str, ...] = ()

    @property
    def took(self) -> float:
        """Duration in seconds."""
        return self.ended - self.started

    def beside(self, other: Timing) -> bool:
        """Whether both ran at the same time for longer than a blink."""
        return min(self.ended, other.ended) - max(self.started, other.started) > 0.05


class Steps:
    """Runs steps and remembers their times. One object a command; the times of all add up in it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._zero = time.monotonic()
        self.timings: list[Timing] = []

    def run(self, *steps: Step) -> None:
        """Run all steps, each as early as possible.

        Raises:
            BaseException: the first failure of a step, or KeyboardInterrupt; the steps that ran
                beside it have ended or were asked to by then. What one that was ended at once says of it
                takes the place of KeyboardInterrupt, and is a warning beside a failure.
        """
        waiting = {step.name: step for step in steps}
        unknown = {name for step in steps for name in step.after} - set(waiting)
        if unknown:
            raise ValueError(f"steps follow unknown ones: {sorted(unknown)}")
        under_way = _UnderWay()
        done: set[str] = set()
        since, before = processes.now(), len(self.timings)
        with self._display(under_way.names, lambda: self.timings[before:]):
            try:
                while waiting or under_way.names:
                    for step in [s for s in waiting.values() if done.issuperset(s.after)]:
                        del waiting[step.name]
                        under_way.begin(step.name, partial(self._run_and_show, step))
                    if not under_way.names:
                        raise ValueError(f"steps wait for each other: {sorted(waiting)}")
                    name, error = under_way.next()
                    done.add(name)
                    if error is not None:
                        raise error
            except BaseException as failure:
                with contextlib.suppress(KeyboardInterrupt):  # another one: nothing runs any more
                    under_way.stop(since)
                if isinstance(failure, KeyboardInterrupt) and under_way.said:
                    raise under_way.said[0] from None
                for left in under_way.said:
                    self._console.warn(f"{left.why} {left.next_step}")
                raise

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a piece of work in the calling thread."""
        started = self._now()
        try:
            with self._display([name]):
                yield
        except BaseException:
            self._failed(name, started)
            raise
        self._ended(Timing(name, started, self._now()))

    @property
    def total(self) -> float:
        """Seconds since the start of the run."""
        return self._now()

    def show(self) -> None:
        """Show the times so far. A log has them already: there, only the total."""
        times = Times(tuple(sorted(self.timings, key=lambda timing: timing.started)), self.total)
        if self._console.interactive or self._console.json_lines:
            self._console.show(times)
        else:
            self._console.say(f"Total {times.total:.1f} s")

    def _now(self) -> float:
        return time.monotonic() - self._zero

    def _run_and_show(self, step: Step) -> None:
        started = self._now()
        try:
            note = step.run()
        except NothingToDo:
            return
        except BaseException:
            self._failed(step.name, started)
            raise
        self._ended(Timing(step.name, started, self._now(), note or "", step.after))

    def _ended(self, timing: Timing) -> None:
        self.timings.append(timing)
        if not self._console.interactive:
            self._console.say(_line(timing))
        self._console.event("step", name=timing.name, took=round(timing.took, 3), note=timing.note)

    def _failed(self, name: str, started: float) -> None:
        took = self._now() - started
        # Not to be replaced by what keeps it from being shown, such as a closed pipe (SystemExit, from rich).
        with contextlib.suppress(OSError, UnicodeError, SystemExit):
            self._console.say(f"[red]✗[/red] {name} [dim]{took:.1f} s[/dim]")
            self._console.event("step", name=name, took=round(took, 3), failed=True)

    @contextlib.contextmanager
    def _display(
        self, running: Sequence[str], ended: Callable[[], Sequence[Timing]] = tuple
    ) -> Iterator[None]:
        """On a terminal, a line for each step that has ended and one that says what runs now."""
        if not self._console.interactive:
            yield
            return
        from rich.live import Live

        now = _Now(running, ended, time.monotonic())
        with Live(now, console=self._console.rich, transient=True, refresh_per_second=8):
            yield


class _UnderWay:
    """The steps that run.

    Whether one has ended is never asked of its thread: for Python 3.11 a thread has ended once its `join` was
    interrupted. https://github.com/python/cpython/issues/90882

    Attributes:
        names: Those of the steps.
        said: What steps that were ended at once say has to be done now, such as to release a lock.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.said: list[DeployError] = []
        self._ended: queue.SimpleQueue[tuple[str, BaseException | None]] = queue.SimpleQueue()

    def begin(self, name: str, work: Callable[[], None]) -> None:
        """Start a step."""
        # Daemon threads: an interrupted run must not wait for a hanging request.
        thread = threading.Thread(target=self._work, args=(name, work), name=name, daemon=True)
        self.names.append(name)
        thread.start()

    def next(self, timeout: float | None = None) -> tuple[str, BaseException | None]:
        """The next step that has ended, and its failure.

        Raises:
            queue.Empty: when none has, after `timeout` seconds.
        """
        name, error = self._ended.get(timeout=timeout)
        self.names.remove(name)
        return name, error

    def stop(self, since: float) -> None:
        """Ask the subprocesses to stop, then wait; at last, or at another Ctrl-C, end them."""
        if not self.names:
            return
        try:
            processes.interrupt_background()
            processes.signal_children(signal.SIGTERM, since=since)
            self._wait(_STOP_SECONDS)
        finally:
            if self.names:
                processes.signal_children(signal.SIGKILL, since=since)
                if processes.kill_background():
                    self._wait(_CLEANUP_SECONDS)

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with contextlib.suppress(queue.Empty):
            while self.names:
                _, error = self.next(max(0.0, deadline - time.monotonic()))
                if isinstance(error, DeployError) and error.status is ExitStatus.INTERRUPTED:
                    self.said.append(error)

    def _work(self, name: str, work: Callable[[], None]) -> None:
        """Report the end of a step whatever happens, be it that it cannot be shown: it is waited for."""
        failure: BaseException | None = None
        try:
            work()
        except BaseException as error:
            failure = error
        self._ended.put((name, failure))


@dataclass(frozen=True)
class Times:
    """Each step's time and what ran beside it. An `Outcome` of the console."""

    timings: tuple[Timing, ...]
    total: float

    type = "times"

    def to_json(self) -> dict[str, Any]:
        """Seconds, rounded to milliseconds."""
        return {
            "total": round(self.total, 3),
            "steps": [
                {
                    "name": timing.name,
                    "started": round(timing.started, 3),
                    "took": round(timing.took, 3),
                    "after": list(timing.after),
                    "beside": [o.name for o in self.timings if o is not timing and timing.beside(o)],
                }
                for timing in self.timings
            ],
        }

    def __rich__(self) -> RenderableType:
        """A table whose bars show what ran side by side."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        table.add_column("Step", no_wrap=True)
        table.add_column("Time", justify="right", no_wrap=True)
        table.add_column("Side by side", no_wrap=True)
        table.add_column("", style="dim")  # the one that may wrap
        for timing in self.timings:
            bar = Text(_bar(timing, self.total), "cyan")
            table.add_row(timing.name, f"{timing.took:.1f} s", bar, Text(timing.note))
        table.add_row(Text("Total", "bold"), Text(f"{self.total:.1f} s", "bold"), "")
        return table


@dataclass
class _Now:
    """What runs at this moment; drawn again by rich several times a second."""

    running: Sequence[str]
    ended: Callable[[], Sequence[Timing]]
    started: float
    _frames: str = field(default="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", init=False)

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        elapsed = time.monotonic() - self.started
        frame = self._frames[int(elapsed * 8) % len(self._frames)]
        lines = [Text.from_markup(_line(timing), emoji=False) for timing in list(self.ended())]
        lines.append(Text(f"{frame} {', '.join(list(self.running)) or '…'}  {elapsed:.0f} s", "cyan"))
        return Text("\n").join(lines)


_BAR_WIDTH = 30


def _line(timing: Timing) -> str:
    """What is said of a step that has ended, as markup."""
    from rich.markup import escape

    note = f" [dim]({escape(timing.note)})[/dim]" if timing.note else ""
    return f"[green]✓[/green] {timing.name} [dim]{timing.took:.1f} s[/dim]{note}"


def _bar(timing: Timing, total: float) -> str:
    scale = _BAR_WIDTH / max(total, 0.001)
    start = min(int(timing.started * scale), _BAR_WIDTH - 1)
    return " " * start + "━" * max(1, round(timing.took * scale))
