"""Ctrl-C while requests are under way: they are cancelled in order.

The handler of `scripts.processes.interruptible` raises where the program happens to be. Inside an event loop
that is the middle of somebody's bookkeeping: connections stay open, and asyncio reports a bug.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
def _cancelled_by_signals() -> Iterator[None]:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    # What is ignored stays ignored: nohup wants us to go on.
    previous = {
        number: handler for number in _SIGNALS if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }
    for number in previous:
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number, handler in previous.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
