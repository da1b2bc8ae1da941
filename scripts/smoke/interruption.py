"""Ctrl-C while requests are under way: they are cancelled in order, and it is never lost.

The handler of `scripts.processes.interruptible` raises where the program happens to be. Inside an event loop
that is the middle of somebody's bookkeeping: connections stay open, and asyncio reports a bug. The loop's own
`add_signal_handler` drops a signal that comes in the last round of the work: it is taken off again before the
loop looks. A watch that repeats a short run would go on for ever.

What has to be undone first takes its time, and whoever waits is told what for.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from scripts.printable import printable

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Signals are the whole process's, and so is what they are answered with.
_promises: list[str] = []


def run(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, but a signal that ends us cancels `work` first.

    Raises:
        KeyboardInterrupt: when one came, once `work` has ended; also when it was too late to cancel it.
    """
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(work)  # signals are the business of the main thread
    interruption = _Interruption()
    with interruption.noticed():
        try:
            result = asyncio.run(interruption.cancelling(work))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
    if interruption.came:
        raise KeyboardInterrupt
    return result


@contextmanager
def promised(what: str) -> Iterator[None]:
    """Within this block a signal is answered with `what` happens next: a sentence."""
    _promises.append(what)
    try:
        yield
    finally:
        _promises.remove(what)


def say(text: str) -> None:
    """A line for whoever interrupted us. On stderr, because stdout may be JSON."""
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()


class _Interruption:
    """The signals of one run.

    Attributes:
        came: Whether there was one.
    """

    def __init__(self) -> None:
        self.came = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    async def cancelling(self, work: Coroutine[Any, Any, T]) -> T:
        """`work`, cancelled by what comes until it ends, or came before it began."""
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        if self.came:
            self._interrupt()
        try:
            return await work
        finally:
            self._loop = None

    @contextmanager
    def noticed(self) -> Iterator[None]:
        """Within this block signals are ours. What is ignored stays ignored: nohup wants us to go on."""
        previous = {
            number: signal.signal(number, self._handle)
            for number in _SIGNALS
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _handle(self, _signal: int, _frame: FrameType | None) -> None:
        again, self.came = self.came, True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._interrupt)  # wakes the loop, which may be waiting
        elif again:
            raise KeyboardInterrupt  # the loop ends, or waits for a thread that does not

    def _interrupt(self) -> None:
        if self._task is None or self._task.done():
            return
        if _promises and not self._task.cancelling():
            say(f"\nInterrupted. {' '.join(_promises)} Ctrl-C again ends without that.")
        self._task.cancel()
