"""Long and hard streams: what a good deployment shows, and each fault that the checks are there for.

The sizes are small and the clock is fast, so nothing here depends on the speed of the machine; the silent
stream goes through the real edge, whose timeouts are the ones under test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from scripts.local import clock
from scripts.local.edge.model import ControlPlane
from scripts.smoke.client import Client
from scripts.smoke.deployed import Deployed
from scripts.smoke.endurance import crowd, leaving, rehearsal, slow_reader, volume
from scripts.smoke.endurance.diagnostic import DiagnosticStream
from scripts.smoke.endurance.silence import silent_stream
from scripts.smoke.model import NotCheckedError, Result
from scripts.smoke.site import Site
from tests.integration.edge import edge_deployment as edge
from tests.unit.smoke.endurance.made import PING, events
from tests.unit.smoke.server import (
    ACCESS,
    INDEX,
    OUTPUTS,
    SETTINGS,
    Handler,
    always,
    api,
    site_of,
    start_stream,
)

pytestmark = pytest.mark.integration

PATH = "/api/health/stream"
SMALL = DiagnosticStream(chunks=40, size=4096)
PACE = 0.005
"""Seconds that the server takes for each event of it, so that it is never sent before anything is read."""


# A silent stream, through the edge.


def sending(heartbeat: float, *, told: bool = True) -> edge.FakeFunctions:
    """A function that does what the handler does: two events, and pings (none with 0) in the silence.

    Args:
        heartbeat: Seconds of silence before a ping.
        told: Whether it says so in a header.
    """

    async def handler(invocation: edge.FakeInvocation) -> AsyncIterator[bytes]:
        event = invocation.event
        if event["path"] == "/api/health":
            yield edge.prelude() + b"OK"
            return
        speed = clock.parse(event["headers"].get(clock.HEADER, ""))
        interval = int(event["queryStringParameters"]["interval_ms"]) / 1000 / speed
        stream = DiagnosticStream(2, interval)
        first, *rest = events(stream, [0.0, interval])
        headers = {"Content-Type": "text/event-stream", "x-environment-id": "e1"}
        headers |= {"x-heartbeat-ms": f"{heartbeat * 1000:.0f}"} if told else {}
        yield edge.prelude(headers=headers) + first
        due = asyncio.get_running_loop().time() + interval
        while heartbeat and (left := due - asyncio.get_running_loop().time()) > heartbeat / speed:
            await asyncio.sleep(min(left, heartbeat / speed))
            yield PING
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        for piece in rest:
            yield piece

    return edge.FakeFunctions(handler)


async def silence(
    monkeypatch: pytest.MonkeyPatch,
    *,
    heartbeat: float,
    read_timeout: float,
    speed: int,
    asked: bool = True,
    told: bool = True,
) -> Result:
    """What the check says; the account is `asked`, and the handler has `told` its heartbeat, or not."""
    monkeypatch.setattr(rehearsal, "CLOCK", speed)
    origins = {**edge.distribution().origins, "api": replace(edge.API_ORIGIN, read_timeout=read_timeout)}
    plane: ControlPlane = edge.deployed(distributions=(edge.distribution(origins=origins),))
    deployed = Deployed(
        endpoint_type="REGIONAL",
        origin_read_timeout=read_timeout,
        integration_timeout=900,
        function_timeout=900,
        heartbeat=heartbeat,
    )
    function = sending(heartbeat, told=told)
    async with edge.viewing(plane, function) as viewer, Client(viewer.url, timeout=60) as client:
        answer = deployed if asked else None
        return await silent_stream(Site(client, SETTINGS, OUTPUTS, ask_account=lambda: answer, access=ACCESS))


async def test_a_silent_stream_is_kept_open_by_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await silence(monkeypatch, heartbeat=15, read_timeout=60, speed=20)
    assert result.ok, result
    assert "heartbeats" in result.measured and "rehearsed 20 times as fast" in result.measured
    assert result.details["heartbeats_ms"]
    assert (result.details["cause"], result.details["clock"]) == ("kept_alive", 20)
    assert "CloudFront's origin response timeout (60 s)" in result.limit


@pytest.mark.parametrize(
    ("heartbeat", "read_timeout", "step"),
    [(0, 60, "SSE_HEARTBEAT_MS is 0"), (15, 10, "Raise origin_read_timeout")],
    ids=["heartbeats are off", "the timeout is shorter than the heartbeat's interval"],
)
async def test_a_silent_stream_that_is_not_kept_open_is_cut_by_the_timeout_that_was_deployed(
    monkeypatch: pytest.MonkeyPatch, heartbeat: float, read_timeout: float, step: str
) -> None:
    result = await silence(monkeypatch, heartbeat=heartbeat, read_timeout=read_timeout, speed=100)
    assert (result.ok, result.details["cause"]) == (False, "cut_origin_response")
    assert step in result.reason


async def test_a_silence_that_nothing_cuts_still_needs_its_heartbeats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = await silence(monkeypatch, heartbeat=0, read_timeout=120, speed=100)
    assert (result.ok, result.details["cause"]) == (False, "heartbeat_missing")


@pytest.mark.parametrize("told", [True, False])
async def test_a_long_heartbeat_that_no_account_was_asked_for_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    result = await silence(monkeypatch, heartbeat=40, read_timeout=600, speed=100, asked=False, told=told)
    assert (result.ok, result.details["cause"]) == (True, "kept_alive"), result
    # A ping every 40 s that is not known is judged by nothing but that one came.
    silent = await silence(monkeypatch, heartbeat=0, read_timeout=600, speed=100, asked=False, told=told)
    assert (silent.ok, silent.details["cause"]) == (False, "heartbeat_missing")
    assert "No ping came in 75 s of silence." in silent.reason


# Large streams, and slow readers.


class Sending:
    """A handler that streams as it was asked to.

    Args:
        fault: ``collected`` (by its stamps, all was sent at once), ``short`` (an event is lost), ``changed``
            (a byte is).
        confirmed: Whether the edge confirms the clock of a rehearsal.
    """

    def __init__(self, fault: str = "", *, confirmed: bool = False) -> None:
        self.fault = fault
        self.confirmed = {clock.HEADER: "10"} if confirmed else {}
        self.connections: list[object] = []

    @property
    def answers(self) -> dict[str, Handler]:
        return {PATH: self.stream, "/api/health": always(lambda: api("OK", **self.confirmed))}

    async def stream(self, request: web.Request) -> web.StreamResponse:
        self.connections.append(request.transport)
        loop = asyncio.get_running_loop()
        began = loop.time()
        stream = asked_for(request)
        now = (loop.time() - began for _ in range(stream.chunks))
        pieces = events(stream, [0.0] * stream.chunks if self.fault == "collected" else now)
        response = await start_stream(request, x_environment_id="e1")
        for number, piece in enumerate(pieces):
            if self.fault == "short" and number == 7:
                continue
            changed = self.fault == "changed" and number == 7
            await response.write(piece.replace(b"xxx", b"xyx", 1) if changed else piece)
            await asyncio.sleep(PACE)
        return response


def asked_for(request: web.Request) -> DiagnosticStream:
    query = request.query
    interval = int(query["interval_ms"]) / 1000
    return DiagnosticStream(
        int(query["chunks"]), interval, int(query.get("bytes", "0")), query.get("stream", "")
    )


async def large(monkeypatch: pytest.MonkeyPatch, fault: str = "") -> Result:
    monkeypatch.setattr(volume, "CHUNKS", SMALL.chunks)
    monkeypatch.setattr(volume, "SIZE", SMALL.size)
    async with site_of(Sending(fault).answers) as site:
        return await volume.large_stream(site)


async def test_a_large_stream_is_compared_byte_by_byte_and_its_throughput_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = await large(monkeypatch)
    assert result.ok, result
    assert "0.2 MB in" in result.measured
    assert result.details["cause"] == "whole"
    assert result.details["bytes"] > SMALL.chunks * SMALL.size
    assert result.details["bytes_per_second"] > 0


@pytest.mark.parametrize(
    ("fault", "cause", "says"),
    [
        ("short", "ended_early", "39 of 40 events"),
        ("changed", "damaged", "hash differs"),
        ("collected", "buffered_whole", "collects the whole response"),
    ],
)
async def test_a_large_stream_with_a_fault_is_found(
    monkeypatch: pytest.MonkeyPatch, fault: str, cause: str, says: str
) -> None:
    result = await large(monkeypatch, fault)
    assert (result.ok, result.details["cause"]) == (False, cause)
    assert says in result.reason


async def slowly(sending: Sending) -> Result:
    async with site_of(sending.answers) as site:
        return await slow_reader.read_by(site, SMALL, rate=SMALL.size / PACE, seconds=0.1)


async def test_a_slow_reader_loses_nothing() -> None:
    result = await slowly(Sending(confirmed=True))
    assert result.ok, result
    assert result.details["events"] == SMALL.chunks


async def test_the_small_buffer_of_a_slow_reader_is_nobody_elses() -> None:
    sending = Sending()
    async with site_of(sending.answers) as site:
        await slow_reader.read_by(site, SMALL, rate=SMALL.size / PACE, seconds=0)
        await SMALL.record(site.client, ACCESS, limit=60)
    slow, next_one = sending.connections
    assert slow is not next_one


async def test_a_sender_that_is_not_held_back_is_found_in_a_rehearsal() -> None:
    result = await slowly(Sending("collected", confirmed=True))
    assert (result.ok, result.details["cause"]) == (False, "no_backpressure")
    assert "must wait for its response stream to drain" in result.reason


async def test_on_aws_it_is_only_shown_how_far_ahead_the_sender_was() -> None:
    result = await slowly(Sending("collected"))
    assert result.ok
    assert "AWS does not say" in result.limit


@pytest.mark.parametrize(("fault", "cause"), [("short", "ended_early"), ("changed", "damaged")])
async def test_a_slow_reader_that_loses_something_is_found(fault: str, cause: str) -> None:
    result = await slowly(Sending(fault))
    assert (result.ok, result.details["cause"]) == (False, cause)


# Clients that leave, and crowds: an environment serves one stream at a time.


class Lambda:
    """Environments that are taken one by one, and a fault if one is named.

    Args:
        fault: ``hangs`` (who writes to a client that left never ends), ``leftovers`` (the next stream gets
            events of the last one), ``throttled`` (there is only one environment).
        confirmed: Whether the edge confirms the clock of a rehearsal.
        together: How many streams come at once: none begins before all of them were asked for.
    """

    def __init__(self, fault: str = "", *, confirmed: bool = False, together: int = 1) -> None:
        self.fault = fault
        self.awaited = together
        self.complete = asyncio.Event()
        self.confirmed = {clock.HEADER: "10"} if confirmed else {}
        self.busy: set[int] = set()
        self.served: dict[int, int] = {}

    @property
    def answers(self) -> dict[str, Handler]:
        return {PATH: self.stream, "/api/health": always(lambda: api("OK", **self.confirmed))}

    async def stream(self, request: web.Request) -> web.StreamResponse:
        self.awaited -= 1
        if self.awaited <= 0:
            self.complete.set()
        if self.fault == "throttled" and self.busy:
            return api({"message": "Internal server error"}, status=500)
        number = next(free for free in range(100) if free not in self.busy)
        self.busy.add(number)
        self.served[number] = self.served.get(number, 0) + 1
        await self.complete.wait()
        stream = asked_for(request)
        told = replace(stream, name="left") if self.fault == "leftovers" else stream
        loop = asyncio.get_running_loop()
        began = loop.time()
        response = await start_stream(
            request, x_environment_id=f"e{number}", x_environment_invocations=str(self.served[number])
        )
        try:
            for piece in events(told, (loop.time() - began for _ in range(stream.chunks))):
                await response.write(piece)
                await asyncio.sleep(stream.interval)
        finally:
            if not (self.fault == "hangs" and stream.name == leaving.LEFT.name):
                self.busy.discard(number)
        return response


async def left(lambda_: Lambda) -> Result:
    async with site_of(lambda_.answers) as site:
        return await leaving.leaving_client(site)


async def test_after_a_client_that_left_the_next_one_is_served() -> None:
    result = await left(Lambda(confirmed=True))
    assert result.ok, result
    assert result.details["cause"] == "undisturbed"


async def test_events_of_the_client_that_left_are_found_in_the_next_stream() -> None:
    result = await left(Lambda("leftovers"))
    assert (result.ok, result.details["cause"]) == (False, "disturbed")
    assert "left in next" in result.reason


@pytest.mark.parametrize("rehearsed", [True, False])
async def test_a_handler_that_waits_for_who_left_is_found_in_a_rehearsal(
    monkeypatch: pytest.MonkeyPatch, rehearsed: bool
) -> None:
    monkeypatch.setattr(leaving, "_PATIENCE_SECONDS", 1.0)
    result = await left(Lambda("hangs", confirmed=rehearsed))
    assert result.ok is not rehearsed  # Which environment AWS takes is not known, so it proves nothing there.
    assert "was not seen again" in result.measured


async def crowded(fault: str = "") -> Result:
    """A crowd in an account that has room for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowd, "room_on_aws", lambda aws, function, asked: (asked, ""))
        async with site_of(Lambda(fault, together=SETTINGS.streams_at_once).answers) as site:
            return await crowd.crowd_of(site, chunks=6, interval=0.2)


async def test_a_crowd_is_counted_with_its_cold_starts() -> None:
    result = await crowded()
    assert result.ok, result
    assert result.measured.startswith(f"{SETTINGS.streams_at_once} of {SETTINGS.streams_at_once}, ")
    assert result.details["cold"] == result.details["environments"] == SETTINGS.streams_at_once
    assert result.details["first_event_median_ms"] <= result.details["first_event_p95_ms"]


async def test_where_the_account_is_not_known_the_crowd_is_one_for_the_smallest() -> None:
    async with site_of(Lambda().answers) as site:
        result = await crowd.crowd_of(site, chunks=6, interval=0.2)
    assert (result.details["streams"], result.details["asked"]) == (2, SETTINGS.streams_at_once)
    assert f"(of {SETTINGS.streams_at_once}: the account's concurrency is not known" in result.measured


async def test_a_crowd_that_is_throttled_names_the_concurrency() -> None:
    result = await crowded("throttled")
    assert (result.ok, result.details["cause"]) == (False, "throttled")
    assert "3 of 4: 500" in result.reason and "Concurrent executions" in result.reason


async def test_a_crowd_that_is_mixed_up_is_found() -> None:
    result = await crowded("leftovers")
    assert (result.ok, result.details["cause"]) == (False, "mixed_up")


async def test_a_deployment_whose_stream_is_switched_off_is_not_checked() -> None:
    page = always(lambda: web.Response(text=INDEX, content_type="text/html"))
    async with site_of({PATH: page}) as site:
        for check in (silent_stream, volume.large_stream, slow_reader.slow_reader, leaving.leaving_client):
            with pytest.raises(NotCheckedError, match="switched off"):
                await check(site)
        with pytest.raises(NotCheckedError, match="switched off"):
            await crowd.crowd(site)
