"""Waiting for the first of several things."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first_of(*waits: Coroutine[Any, Any, object], seconds: float | None = None) -> None:
    """Return when one of `waits` does, or after `seconds`; the others are cancelled.

    The caller looks at the state that it waited for, which also settles ties.
    """
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # A cancelled wait still holds what it waits on (a stream has one reader) until it has run.
        await asyncio.gather(*tasks, return_exceptions=True)
