"""How often a stream is measured, and what counts in the end. The recordings are made by hand: no clock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import pytest

from scripts.smoke.checks.streaming import ATTEMPTS, FIRST_EVENT_SECONDS, diagnostic_stream
from scripts.smoke.client import Client
from scripts.smoke.model import NotCheckedError, Result
from scripts.smoke.site import Site
from scripts.smoke.sse import Event
from scripts.smoke.timing import Arrival, Read, Recording, Stall
from tests.unit.smoke.server import INTERVAL, OUTPUTS, SETTINGS

COUNT = SETTINGS.stream_chunks
LAST = (COUNT - 1) * INTERVAL


def stream(times: Sequence[float], *, stalls: Sequence[Stall] = ()) -> Recording:
    """A complete diagnostic stream whose events arrived at `times`."""
    arrivals = [
        Arrival(at, Event("chunk", json.dumps({"sent_ms": i * INTERVAL * 1000})))
        for i, at in enumerate(times)
    ]
    return Recording(
        status=200,
        headers=(("content-type", "text/event-stream"),),
        headers_at=0.01,
        reads=tuple(Read(at, 50) for at in times),
        arrivals=(*arrivals, Arrival(times[-1], Event("done", "{}"))),
        ended_at=times[-1],
        head=b"",
        stalls=tuple(stalls),
    )


GOOD = stream([0.1 + i * INTERVAL for i in range(COUNT)])
WHOLE = stream([0.1 + LAST] * COUNT)
BLOCKS = stream([0.1 + (i // 4) * 4 * INTERVAL for i in range(COUNT)])
LATE = stream([FIRST_EVENT_SECONDS + 1 + i * INTERVAL for i in range(COUNT)])
HIDDEN = stream([0.1 + LAST] * COUNT, stalls=[Stall(0, 0.1 + LAST)])
"""All of it arrived while we stood still: nobody knows how."""


class Scripted:
    """A client that gives one recording after the other."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self.left = list(recordings)

    async def record(self, *_: Any, **__: Any) -> Recording:
        return self.left.pop(0)


class HealthySite(Site):
    async def need_api(self) -> None:
        """It is."""


async def measure(*recordings: Recording) -> tuple[Result, int]:
    """The result, and how many recordings it took."""
    client = Scripted(recordings)
    result = await diagnostic_stream(HealthySite(cast(Client, client), SETTINGS, OUTPUTS))
    return result, len(recordings) - len(client.left)


async def test_a_good_stream_is_measured_once() -> None:
    result, tries = await measure(GOOD, BLOCKS)
    assert (result.ok, tries) == (True, 1)
    assert "earlier try" not in result.measured


@pytest.mark.parametrize(("bad", "shown"), [(BLOCKS, "in blocks"), (WHOLE, "buffered whole")])
async def test_an_incident_that_does_not_come_again_is_told_and_is_no_failure(
    bad: Recording, shown: str
) -> None:
    result, tries = await measure(bad, GOOD)
    assert (result.ok, tries) == (True, 2)
    assert f"; earlier try: {shown}" in result.measured


async def test_one_cold_environment_does_not_fail_a_stream() -> None:
    result, tries = await measure(LATE, GOOD)
    assert (result.ok, tries) == (True, 2)
    assert "earlier try: waited 4.0 s" in result.measured


@pytest.mark.parametrize(("bad", "named"), [(BLOCKS, "fills a buffer"), (WHOLE, "responseTransferMode")])
async def test_what_buffers_every_time_fails(bad: Recording, named: str) -> None:
    result, tries = await measure(*[bad] * ATTEMPTS)
    assert tries == ATTEMPTS
    assert named in result.reason


async def test_a_first_byte_that_is_slow_every_time_fails() -> None:
    result, _ = await measure(*[LATE] * ATTEMPTS)
    assert "The first event came after 4.0 s" in result.reason


async def test_a_machine_that_stood_still_measures_again_and_blames_nobody() -> None:
    assert (await measure(HIDDEN, GOOD))[0].ok
    with pytest.raises(NotCheckedError, match=r"this machine is too busy to measure: it stood still for"):
        await measure(*[HIDDEN] * ATTEMPTS)
