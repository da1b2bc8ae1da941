"""Ctrl-C while requests are under way: they are cancelled in order.

The handler of `scripts.processes.interruptible` raises where the program happens to be. Inside an event loop
that is the middle of somebody's bookkeeping: connections stay open, and asyncio reports a bug.

What has to be undone first takes its time, and whoever waits is told what for.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Signals are the whole process's, and so is what they are answered with.
_promises: list[str] = []


def run(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, but a signal that ends us cancels `work` first.

    Raises:
        KeyboardInterrupt: when one came, once `work` has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(work)  # signals are the business of the main thread

    async def cancellable() -> T:
        with _cancelled_by_signals():
            return await work

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


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
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


@contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    # What is ignored stays ignored: nohup wants us to go on.
    previous = {
        number: handler for number in _SIGNALS if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }

    def interrupt() -> None:
        if _promises and not task.cancelling():
            say(f"\nInterrupted. {' '.join(_promises)} Ctrl-C again ends without that.")
        task.cancel()

    for number in previous:
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    finally:
        for number, handler in previous.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
