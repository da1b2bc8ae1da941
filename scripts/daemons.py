"""Work in daemon threads, side by side: neither Ctrl-C nor the end of the program waits for it.

A ``ThreadPoolExecutor`` does wait, for every request that runs: minutes when a service hangs. So this is
for looks, which leave nothing behind when nobody waits for them any more, and never for writing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def start(work: Callable[[], _Out]) -> Future[_Out]:
    """Begin, in a thread of its own. The future has the result, or raises what the work raised."""
    future: Future[_Out] = Future()
    threading.Thread(target=_run, args=(work, future), daemon=True).start()
    return future


def each(work: Callable[[_In], _Out], items: Iterable[_In], *, parallel: int) -> list[_Out]:
    """The results for all items, in their order; at most `parallel` at once."""
    gate = threading.Semaphore(parallel)

    def one(item: _In) -> _Out:
        with gate:
            return work(item)

    futures = [start(partial(one, item)) for item in items]
    return [future.result() for future in futures]


def _run(work: Callable[[], _Out], future: Future[_Out]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # whatever it is: somebody waits for it
        future.set_exception(error)
