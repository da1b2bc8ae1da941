"""Each cause that a stream can have, provoked by a hop between client and origin, and recognised.

The rules themselves are tested on recordings made by hand (tests/unit/smoke/stream); here everything is
real but small: a server, a proxy with one fault, the smoke check's own client and its verdict. What a
machine shows that stalls is measured again at half the pace: no outcome depends on how busy it is.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from scripts.local.edge.lambda_integration import Limits
from scripts.smoke.checks import streaming
from scripts.smoke.checks.streaming import Stream, measure
from scripts.smoke.client import Client
from scripts.smoke.deployed import Deployed
from scripts.smoke.model import NotCheckedError, Result
from scripts.smoke.site import Site
from scripts.smoke.stream import causes
from scripts.smoke.stream.sender import Sender, stamp
from tests.integration import hop
from tests.integration.edge import edge_deployment as edge
from tests.unit.smoke.server import OUTPUTS, SETTINGS, Deployment, Handler, start_stream

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parent.parent.parent
TABLE = ROOT / ".artifacts" / "smoke-causes.md"
PATH = "/api/health/stream"
EVENTS = 12
PACES = (0.04, 0.08, 0.16, 0.32)
"""Seconds between two events, for one try after the other."""

CUT = 0.6
"""Seconds of the one timeout that is short; all others are a hundred times as long."""

LONG = CUT * 100
TIMEOUTS = Deployed(
    endpoint_type="REGIONAL", origin_read_timeout=LONG, integration_timeout=LONG, function_timeout=LONG
)
HEARTBEAT = 0.15
SILENT_BEATS = 6
PING = b"event: ping\ndata: 1\n\n"


def event(number: int, sent: float) -> bytes:
    data = json.dumps({"i": number, "sent_ms": sent * 1000})
    return f"event: chunk\nid: {number}\ndata: {data}\n\n".encode()


async def events(pace: float, count: int = EVENTS) -> AsyncIterator[bytes]:
    """The diagnostic stream's events on their schedule, or its first ones."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number * pace - loop.time()))
        yield event(number, loop.time() - began)
    if count == EVENTS:
        yield b"event: done\ndata: {}\n\n"


def serving(body: Callable[[float], AsyncIterator[bytes]], pace: float) -> Handler:
    """An origin that streams a body."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request)
        async for piece in body(pace):
            await response.write(piece)
        return response

    return handler


async def hangs(pace: float) -> AsyncIterator[bytes]:
    """A quarter of the events, and then nothing, for as long as anybody listens."""
    async for piece in events(pace, EVENTS // 4):
        yield piece
    await asyncio.Event().wait()


async def idles(pace: float) -> AsyncIterator[bytes]:
    """Four events, and between them silences that pings break."""
    for number in range(4):
        if number:
            for _ in range(SILENT_BEATS - 1):
                await asyncio.sleep(HEARTBEAT)
                yield PING
            await asyncio.sleep(HEARTBEAT)
        yield event(number, number * SILENT_BEATS * HEARTBEAT)
    yield b"event: done\ndata: {}\n\n"


async def fails(pace: float) -> AsyncIterator[bytes]:
    """The handler's last word when the app breaks off."""
    async for piece in events(pace, EVENTS // 4):
        yield piece
    yield b'event: error\ndata: {"text": "LibreChat failed to answer"}\n\n'


@dataclass(frozen=True)
class Case:
    """A fault and how it must show.

    Attributes:
        provoked: What is wrong, for the table.
        cause: The machine name that must come out.
        says: Pattern of the explanation.
        way: Makes the hop's fault, for a pace.
        body: What the origin sends.
        deployed: What the account says.
        before: Makes the hop's wait before each request.
        headers: What the hop sets.
        sender: Changes to what is known of the sender.
        timeout: Seconds that the client waits beyond the stream's own time.
    """

    provoked: str
    cause: str
    says: str
    way: Callable[[float], hop.Way] = lambda pace: hop.passes
    body: Callable[[float], AsyncIterator[bytes]] = events
    deployed: Deployed = TIMEOUTS
    before: Callable[[], hop.Wait] = lambda: lambda: 0.0
    headers: dict[str, str] = field(default_factory=dict)
    sender: dict[str, float] = field(default_factory=dict)
    timeout: float = 60


GOOD = r"none was held for more than \d+ ms \(limit \d+ ms\)"
GZIP = {"Content-Encoding": "gzip"}
IDLE = {"interval": SILENT_BEATS * HEARTBEAT, "events": 4}

CASES = (
    Case("nothing", "progressive", GOOD),
    Case("every byte in a write of its own", "progressive", GOOD, lambda pace: hop.trickles),
    Case("nothing passed on until the end", "buffered_whole", r"in one burst .* responseTransferMode",
         lambda pace: hop.buffers_whole),
    Case("a buffer of 256 bytes", "buffered_blocks", r"blocks of exactly 256 bytes",
         lambda pace: hop.buffers_blocks(256)),
    Case("two reads passed on in one write", "buffered_blocks", r"12 events came in \d blocks of about",
         lambda pace: hop.merges),
    Case("held back, then sent in a third of the time", "squeezed", "the first ones were held back",
         lambda pace: hop.replays(pace / 3)),
    Case("a delay line of eight intervals", "held_back", r"came \d\.\d s later than the headers",
         lambda pace: hop.delays(max(8 * pace, 0.8))),
    Case("gzip, flushed after each event", "compressed", r"\(gzip\).*12 events: progressive",
         lambda pace: hop.compresses, headers=GZIP),
    Case("gzip of the whole", "compressed", r"\(gzip\).*12 events: buffered whole",
         lambda pace: hop.compresses_whole, headers=GZIP),
    Case("CloudFront's origin response timeout of 0.6 s, connection broken", "cut_origin_response",
         r"\d\.\d s of them silent.*broke.*origin response timeout \(0\.6 s\).*Raise origin_read_timeout",
         lambda pace: hop.cuts_after_silence(CUT), hangs, replace(TIMEOUTS, origin_read_timeout=CUT)),
    Case("the same, ended as if it were complete", "cut_origin_response", "no error on the connection",
         lambda pace: hop.cuts_after_silence(CUT, properly=True), hangs,
         replace(TIMEOUTS, origin_read_timeout=CUT)),
    Case("API Gateway's idle timeout of 300 s, on a clock 500 times as fast", "cut_gateway_idle",
         "a regional API", lambda pace: hop.cuts_after_silence(CUT), hangs,
         replace(TIMEOUTS, origin_read_timeout=LONG * 500), sender={"clock": 500}),
    Case("an edge-optimized API's idle timeout of 30 s, on a clock 50 times as fast", "cut_gateway_idle",
         "Make the endpoint REGIONAL", lambda pace: hop.cuts_after_silence(CUT), hangs,
         replace(TIMEOUTS, endpoint_type="EDGE", origin_read_timeout=LONG * 50), sender={"clock": 50}),
    Case("an integration timeout of 0.6 s in the middle of a flowing stream", "cut_integration",
         "timeoutInMillis", lambda pace: hop.cuts_after(CUT), lambda pace: events(max(pace, 0.08)),
         replace(TIMEOUTS, integration_timeout=CUT)),
    Case("a function's timeout of 0.6 s", "cut_function", "the function's timeout \\(0.6 s\\)",
         lambda pace: hop.cuts_after(CUT, properly=True), lambda pace: events(max(pace, 0.08)),
         replace(TIMEOUTS, function_timeout=CUT)),
    Case("a response completion timeout of 0.6 s", "cut_origin_completion", "response_completion_timeout",
         lambda pace: hop.cuts_after(CUT), lambda pace: events(max(pace, 0.08)),
         replace(TIMEOUTS, origin_completion_timeout=CUT)),
    Case("a function that hangs, and a client that gives up", "cut_client", "raise smoke.timeout",
         body=hangs, timeout=0.2),
    Case("broken after three events", "cut_unknown", "No timeout of the deployment is near",
         lambda pace: hop.cuts_after_reads(3)),
    Case("ended properly after three events", "ended_early", "3 of 12 events",
         lambda pace: hop.cuts_after_reads(3, properly=True)),
    Case("an app that dies, told by the handler", "ended_early", "last word: .LibreChat failed",
         body=fails),
    Case("silences with pings", "progressive", GOOD, body=idles,
         deployed=replace(TIMEOUTS, heartbeat=HEARTBEAT), sender=IDLE),
    Case("pings dropped", "heartbeat_missing", r"silent for \d\.\d s, and a ping was due every 0\.15 s",
         lambda pace: hop.drops(PING), idles, replace(TIMEOUTS, heartbeat=HEARTBEAT), sender=IDLE),
    Case("comments for heartbeats", "heartbeat_comments", r"1[23] comment lines", lambda pace: hop.comments),
    Case("a late first answer", "cold_start", "the next measurement began at once",
         before=lambda: hop.only_first(0.7)),
    Case("every answer late", "late_headers", "starts cold for every stream",
         before=lambda: lambda: 0.7),
)  # fmt: skip


@pytest.fixture(scope="module")
def table() -> Iterator[list[tuple[str, str, str]]]:
    """Collects what each fault showed."""
    rows: list[tuple[str, str, str]] = []
    yield rows
    lines = ["| provoked | cause | and says |", "|---|---|---|"]
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n")


Place = Callable[[Case, float], AbstractAsyncContextManager[str]]

EDGE_CASES = (
    Case("nothing, through the embedded edge", "progressive", GOOD),
    Case("the embedded edge with an origin_read_timeout of 0.6 s", "cut_origin_response",
         "Raise origin_read_timeout", body=hangs, deployed=replace(TIMEOUTS, origin_read_timeout=CUT)),
    Case("the embedded edge with a timeoutInMillis of 600", "cut_integration", "timeoutInMillis",
         body=lambda pace: events(max(pace, 0.08)), deployed=replace(TIMEOUTS, integration_timeout=CUT)),
    Case("the embedded edge with an idle timeout of 0.6 s", "cut_gateway_idle", "a regional API", body=hangs,
         deployed=replace(TIMEOUTS, origin_read_timeout=LONG * 500), sender={"clock": 500}),
)  # fmt: skip


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(causes, "FIRST_EVENT_SECONDS", 0.5)
    monkeypatch.setattr(streaming, "ATTEMPTS", 2)


@asynccontextmanager
async def through_a_hop(case: Case, pace: float) -> AsyncIterator[str]:
    """A deployment behind the hop."""
    async with (
        Deployment({PATH: serving(case.body, pace)}).serve() as origin,
        hop.hop(origin, case.way(pace), headers=case.headers, before=case.before()) as url,
    ):
        yield url


@asynccontextmanager
async def through_the_edge(case: Case, pace: float) -> AsyncIterator[str]:
    """The embedded AWS's own edge, with one timeout set short."""

    async def handler(invocation: edge.FakeInvocation) -> AsyncIterator[bytes]:
        yield edge.prelude(headers={"Content-Type": "text/event-stream"})
        async for piece in case.body(pace):
            yield piece

    told = case.deployed
    origin = replace(edge.API_ORIGIN, read_timeout=told.origin_read_timeout or LONG)
    integration = edge.integration(timeout_ms=int((told.integration_timeout or LONG) * 1000))
    plane = edge.deployed(
        distributions=(edge.distribution(origins={**edge.distribution().origins, "api": origin}),),
        api=edge.rest_api(resources=edge.default_resources(integration)),
    )
    limits = Limits(idle_timeout=300 / case.sender.get("clock", 1))
    async with edge.viewing(plane, edge.FakeFunctions(handler), limits=limits) as viewer:
        yield viewer.url


async def measured(case: Case, place: Place) -> Result:
    """What the check says. A surprise counts only when this machine found the time to measure."""
    for pace in PACES:
        sender = Sender(pace, EVENTS, "chunk", lambda event: event.type == "done", stamp)
        stream = Stream(PATH, replace(sender, **case.sender))
        settings = replace(SETTINGS, timeout=case.timeout)
        async with place(case, pace) as url, Client(url, timeout=60) as client:
            site = Site(client, settings, OUTPUTS, ask_account=lambda: case.deployed)
            try:
                result = await measure(site, stream)
            except NotCheckedError:
                continue
        if result.details["cause"] == case.cause or result.details["lag_ms"] < pace * 1000 / 2:
            return result
    pytest.skip("this machine stood still at every try")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.provoked)
async def test_a_fault_on_the_way_is_named(case: Case, table: list[tuple[str, str, str]]) -> None:
    result = await measured(case, through_a_hop)
    said = result.reason or result.details["explanation"]
    table.append((case.provoked, f"`{result.details['cause']}`", said))
    assert result.details["cause"] == case.cause, said
    assert re.search(case.says, said), said
    assert result.ok == (case.cause in ("progressive", "cold_start"))


@pytest.mark.parametrize("case", EDGE_CASES, ids=lambda case: case.provoked)
async def test_a_timeout_of_the_embedded_edge_is_named(case: Case, table: list[tuple[str, str, str]]) -> None:
    result = await measured(case, through_the_edge)
    said = result.reason or result.details["explanation"]
    table.append((case.provoked, f"`{result.details['cause']}`", said))
    assert result.details["cause"] == case.cause, said
    assert re.search(case.says, said), said


def test_the_documentation_lists_every_cause_that_is_provoked() -> None:
    text = (ROOT / "docs" / "smoke.md").read_text()
    listed = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert {case.cause for case in CASES} <= listed
