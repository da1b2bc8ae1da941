"""Waits for a healthy API, whose function may start cold, and says how long that took."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass

import httpx

from scripts.smoke import diagnosis
from scripts.smoke.client import Client, Response
from scripts.smoke.evidence import describe

# The same error four times, or twice once this many seconds have passed, will not go away by waiting.
_SAME_ANSWER_LIMIT = 4
_PATIENCE_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0


@dataclass(frozen=True)
class Health:
    """How the API came up.

    Attributes:
        ok: Whether it answered ``OK`` within the budget.
        answer: The last answer, None when none came.
        problem: Why no answer came.
        attempts: Number of answers.
        seconds: From the first request to the last answer: the cold start, when there was one.
        warm_seconds: A second request at once after the first success; None when that got no answer.
    """

    ok: bool
    answer: Response | None
    problem: str
    attempts: int
    seconds: float
    warm_seconds: float | None = None


async def wait(client: Client, budget: float) -> Health:
    """Ask until the body is ``OK``; given up before the budget is used when waiting cannot help.

    Errors are retried: permissions and a new stage take seconds to spread on AWS. A success that
    is not ``OK`` is wrong for good.
    """
    start = time.perf_counter()
    seen: list[str] = []
    pause = _FIRST_PAUSE_SECONDS
    while True:
        left = budget - (time.perf_counter() - start)
        answer: Response | None = None
        problem = ""
        try:
            answer = await client.fetch("/api/health", limit=max(left, 0.1))
            # Times and ids in a message differ from try to try, the failure does not.
            seen.append(re.sub(r"[0-9a-f-]{36}|[\d.]+", "#", diagnosis.explain_api(answer)))
        except httpx.HTTPError as error:
            problem = describe(error)
        elapsed = time.perf_counter() - start
        if answer and _is_ok(answer):
            return Health(True, answer, "", len(seen), elapsed, await _warm_seconds(client))
        hopeless = answer is not None and (
            answer.status < 400
            or seen.count(seen[-1]) >= (2 if elapsed > _PATIENCE_SECONDS else _SAME_ANSWER_LIMIT)
        )
        if hopeless or elapsed + pause >= budget:
            return Health(False, answer, problem, len(seen), elapsed)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


async def _warm_seconds(client: Client) -> float | None:
    with contextlib.suppress(httpx.HTTPError):
        return (await client.fetch("/api/health")).seconds
    return None


def _is_ok(answer: Response) -> bool:
    """LibreChat answers unknown paths with 200 and a page, so that only the body proves health."""
    return answer.status == 200 and answer.body.strip() == b"OK"
