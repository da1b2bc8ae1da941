"""How often a stream is measured, and what counts in the end. The recordings are made by hand: no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import pytest

from scripts.smoke.checks.streaming import ATTEMPTS, diagnostic_stream
from scripts.smoke.client import Client
from scripts.smoke.deployed import Deployed
from scripts.smoke.model import NotCheckedError, Result
from scripts.smoke.site import Site
from scripts.smoke.stream.causes import FIRST_EVENT_SECONDS
from scripts.smoke.stream.recording import Recording, Stall
from tests.unit.smoke.server import ACCESS, INTERVAL, OUTPUTS, SETTINGS
from tests.unit.smoke.stream.made import recording

COUNT = SETTINGS.stream_chunks
LAST = (COUNT - 1) * INTERVAL
sent = partial(recording, interval=INTERVAL)
LATE_TIMES = [FIRST_EVENT_SECONDS + 1 + i * INTERVAL for i in range(COUNT)]

GOOD = sent([0.1 + i * INTERVAL for i in range(COUNT)])
WHOLE = sent([0.1 + LAST] * COUNT)
BLOCKS = sent([0.1 + (i // 4) * 4 * INTERVAL for i in range(COUNT)])
SQUEEZED = sent([0.1 + LAST + i * INTERVAL / 3 for i in range(COUNT)])
HELD = sent([0.7 + i * INTERVAL for i in range(COUNT)])
LATE = sent(LATE_TIMES, headers_at=LATE_TIMES[0])
COLD = sent(LATE_TIMES, headers_at=LATE_TIMES[0], x_environment_invocations="1")
WARM = sent(LATE_TIMES, headers_at=LATE_TIMES[0], x_environment_invocations="7")
CUT = recording([0.1, 0.2], done=False, fault="the connection broke")
HIDDEN = sent([0.1 + LAST] * COUNT, stalls=[Stall(0, 0.1 + LAST)])
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


async def measure(*recordings: Recording, deployed: Deployed | None = None) -> tuple[Result, int]:
    """The result, and how many recordings it took."""
    client = Scripted(recordings)
    site = HealthySite(cast(Client, client), SETTINGS, OUTPUTS, ask_account=lambda: deployed, access=ACCESS)
    result = await diagnostic_stream(site)
    return result, len(recordings) - len(client.left)


async def test_a_good_stream_is_measured_once() -> None:
    result, tries = await measure(GOOD, BLOCKS)
    assert (result.ok, tries) == (True, 1)
    assert "earlier try" not in result.measured


@pytest.mark.parametrize(
    ("bad", "shown"),
    [
        (BLOCKS, "in blocks"),
        (WHOLE, "buffered whole"),
        (SQUEEZED, "held back, then replayed"),
        (HELD, "held back"),
    ],
)
async def test_an_incident_that_does_not_come_again_is_told_and_is_no_failure(
    bad: Recording, shown: str
) -> None:
    result, tries = await measure(bad, GOOD)
    assert (result.ok, tries) == (True, 2)
    assert f"; earlier try: {shown}" in result.measured
    assert result.details["cause"] == "progressive"
    assert [before["verdict"] for before in result.details["earlier"]] == [shown]


@pytest.mark.parametrize(
    ("late", "told_by"), [(COLD, "its environment was new"), (LATE, "the next measurement began at once")]
)
async def test_a_cold_start_is_told_and_is_neither_a_failure_nor_a_buffer(
    late: Recording, told_by: str
) -> None:
    result, tries = await measure(late, GOOD)
    assert (result.ok, tries) == (True, 2)
    assert "earlier try: waited 4.0 s" in result.measured
    assert result.details["cause"] == "cold_start"
    assert told_by in result.details["explanation"]


@pytest.mark.parametrize(
    ("bad", "cause", "named"),
    [
        (BLOCKS, "buffered_blocks", "fills a buffer"),
        (WHOLE, "buffered_whole", "responseTransferMode"),
        (SQUEEZED, "squeezed", "held back"),
        (LATE, "late_headers", "starts cold for every stream"),
        (WARM, "late_headers", "the headers after 4.0 s"),
        (HELD, "held_back", "0.7 s later than the headers"),
    ],
)
async def test_what_happens_every_time_fails(bad: Recording, cause: str, named: str) -> None:
    result, tries = await measure(*[bad] * ATTEMPTS)
    assert tries == ATTEMPTS
    assert not result.ok and result.details["cause"] == cause
    assert named in result.reason and f"each of {ATTEMPTS} tries" in result.reason


async def test_incidents_of_several_kinds_are_told_one_by_one() -> None:
    result, _ = await measure(WHOLE, LATE, BLOCKS)
    assert result.details["cause"] == "buffered_blocks" and "tries" not in result.reason
    assert "; earlier try: buffered whole; earlier try: waited 4.0 s" in result.measured


async def test_a_late_answer_of_a_warm_environment_is_no_cold_start() -> None:
    result, tries = await measure(WARM, GOOD)
    assert (result.ok, tries) == (True, 2)
    assert result.details["cause"] == "late_once"
    assert "the environment was warm (its request no. 7)" in result.details["explanation"]


async def test_the_limit_is_what_is_tolerated() -> None:
    assert (await measure(GOOD))[0].limit == (
        "progressive: no burst of a quarter of the events, none held 0.5 s"
    )


async def test_a_stream_that_was_cut_is_not_measured_again() -> None:
    result, tries = await measure(CUT, GOOD)
    assert (result.ok, tries) == (False, 1)
    assert "tries" not in result.reason


async def test_a_machine_that_stood_still_measures_again_and_blames_nobody() -> None:
    assert (await measure(HIDDEN, GOOD))[0].ok
    with pytest.raises(NotCheckedError, match=r"this machine is too busy to measure: it stood still for"):
        await measure(*[HIDDEN] * ATTEMPTS)


async def test_the_heartbeat_that_is_deployed_is_asked_for() -> None:
    silent = recording([0.1 + i * 6 for i in range(COUNT)], interval=6)
    result, _ = await measure(*[silent] * ATTEMPTS, deployed=Deployed(heartbeat=2))
    assert result.details["cause"] == "heartbeat_missing"
    assert (await measure(silent))[0].details["cause"] == "progressive"


async def test_no_byte_in_time_is_told_with_the_timeout_that_is_deployed() -> None:
    page = b"<HTML>Generated by cloudfront (CloudFront)</HTML>"
    answer = replace(recording([], headers_at=60.1), status=504, head=page)
    result, _ = await measure(answer, deployed=Deployed(origin_read_timeout=60))
    assert result.details["cause"] == "cut_origin_response"
    assert "The answer took 60.1 s" in result.reason
    assert "CloudFront's origin response timeout (60 s)" in result.reason
