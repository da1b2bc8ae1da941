"""The streamed response on its way to the viewer: at once, in full, or visibly cut."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from scripts.local.edge.lambda_integration import Limits
from tests.integration.edge.edge_deployment import (
    API_ORIGIN,
    INVOCATIONS,
    FakeFunctions,
    FakeInvocation,
    answering,
    default_resources,
    deployed,
    distribution,
    integration,
    ok,
    prelude,
    rest_api,
    viewing,
)

pytestmark = pytest.mark.integration

SSE = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform"}


class Stepped:
    """A function that writes a piece whenever the test says so."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.functions = FakeFunctions(self._handler)

    async def _handler(self, _invocation: FakeInvocation) -> AsyncIterator[bytes]:
        while (piece := await self.pieces.get()) is not None:
            yield piece

    def write(self, *pieces: bytes | None) -> None:
        for piece in pieces:
            self.pieces.put_nowait(piece)


def with_origin(**changes: object) -> object:
    origins = {**distribution().origins, "api": replace(API_ORIGIN, **changes)}  # type: ignore[arg-type]
    return deployed(distributions=(distribution(origins=origins),))


async def test_headers_arrive_with_the_prelude_and_each_chunk_before_the_next_is_written():
    stepped = Stepped()
    stepped.write(prelude(headers=SSE))
    async with viewing(functions=stepped.functions) as viewer, viewer.get("/api/chat") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Transfer-Encoding"] == "chunked"
        for number in range(5):
            event = b"data: %d\n\n" % number
            stepped.write(event)
            assert await response.content.readany() == event
        stepped.write(None)
        assert await response.content.readany() == b""


async def test_a_delimiter_split_over_reads_is_found():
    head = prelude(headers={"Content-Type": "text/plain"})
    pieces = [head[at : at + 1] for at in range(len(head))]
    async with viewing(functions=answering(*pieces, b"OK")) as viewer, viewer.get("/api/x") as response:
        assert await response.text() == "OK"


async def test_a_failure_after_the_first_byte_cuts_the_connection():
    async def handler(invocation: FakeInvocation) -> AsyncIterator[bytes]:
        yield prelude(headers=SSE) + b"data: 1\n\n"
        invocation.error = RuntimeError("Runtime.ExitError")

    async with viewing(functions=FakeFunctions(handler)) as viewer, viewer.get("/api/chat") as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


@pytest.mark.parametrize("fault", [ValueError("a bug"), ConnectionResetError("of the runtime")])
async def test_any_other_fault_cuts_the_connection_too(fault: Exception):
    async def handler(_invocation: FakeInvocation) -> AsyncIterator[bytes]:
        yield prelude(headers=SSE) + b"data: 1\n\n"
        raise fault

    async with viewing(functions=FakeFunctions(handler)) as viewer, viewer.get("/api/chat") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_failure_before_the_delimiter_is_a_bad_gateway():
    async def handler(invocation: FakeInvocation) -> AsyncIterator[bytes]:
        invocation.error = RuntimeError("Task timed out after 3.00 seconds")
        return
        yield

    async with viewing(functions=FakeFunctions(handler)) as viewer, viewer.get("/api/chat") as response:
        assert response.status == 502
        assert await response.json() == {"message": "Internal server error"}


@pytest.mark.parametrize(
    "output",
    [
        b'{"statusCode": 200, "headers": {}}',
        b"hello" + bytes(8),
        b"[]" + bytes(8),
        prelude(headers={"Set-Cookie": ["a=1", "b=2"]}),
        prelude(headers={"X-Number": 1}),
        prelude(headers={"X-Split": "a\r\nb"}),
        prelude(headers={"bad name": "a"}),
        prelude(multiValueHeaders={"Set-Cookie": "a=1"}),
        prelude(status="fine"),
        prelude(headers={"X-Long": "x" * 16 * 1024}),
    ],
    ids=[
        "no delimiter",
        "no JSON",
        "no object",
        "list in headers",
        "number in headers",
        "line break in a header",
        "space in a name",
        "string in multiValueHeaders",
        "status in words",
        "delimiter after 16 KB",
    ],
)
async def test_a_malformed_prelude_is_a_bad_gateway(output: bytes):
    functions = answering(output, b"body")
    async with viewing(functions=functions) as viewer, viewer.get("/api/x") as response:
        assert response.status == 502
        assert await response.json() == {"message": "Internal server error"}
        assert functions.invocations[0].abandoned.is_set()


async def test_cookies_and_repeated_headers_stay_apart():
    head = prelude(
        201,
        headers={"Set-Cookie": "c=3", "X-One": "1"},
        multiValueHeaders={"set-cookie": ["a=1; Path=/", "b=2"]},
        cookies=["d=4"],
    )
    async with viewing(functions=answering(head)) as viewer, viewer.get("/api/login") as response:
        assert response.status == 201
        assert sorted(response.headers.getall("Set-Cookie")) == ["a=1; Path=/", "b=2", "c=3", "d=4"]
        assert await response.read() == b""


async def test_headers_that_api_gateway_owns_are_remapped():
    head = prelude(
        headers={"Content-Length": "2", "Server": "x", "Connection": "keep-alive", "Date": "today"}
    )
    async with viewing(functions=answering(head + b"OK")) as viewer, viewer.get("/api/x") as response:
        assert await response.text() == "OK"
        assert response.headers["x-amzn-Remapped-Content-Length"] == "2"
        assert response.headers["x-amzn-Remapped-Server"] == "x"
        assert response.headers["x-amzn-Remapped-Date"] == "today"
        assert "Server" not in response.headers
        assert response.headers["x-amzn-RequestId"]
        assert response.headers["X-Amzn-Trace-Id"].startswith("Root=1-")


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_body_have_none(status: int):
    async with viewing(functions=answering(prelude(status), b"ignored")) as viewer:
        async with viewer.get("/api/x") as response:
            assert response.status == status
            assert await response.read() == b""
            assert "Transfer-Encoding" not in response.headers
        async with viewer.get("/api/x") as response:
            assert response.status == status


async def test_a_head_request_gets_headers_only_and_leaves_the_function_running():
    functions = ok()
    async with viewing(functions=functions) as viewer:
        for _ in range(2):
            async with viewer.request("HEAD", "/api/health") as response:
                assert response.status == 200
                assert await response.read() == b""
    assert functions.invocations[0].abandoned.is_set()


async def test_a_viewer_that_goes_away_does_not_stop_the_function():
    stepped = Stepped()
    stepped.write(prelude(headers=SSE) + b"data: 0\n\n")
    async with viewing(functions=stepped.functions) as viewer:
        async with viewer.get("/api/chat") as response:
            await response.content.readany()
            response.close()
        (invocation,) = stepped.functions.invocations
        async with asyncio.timeout(120):
            while not invocation.abandoned.is_set():
                stepped.write(b"data: more\n\n")
                await asyncio.sleep(0)
    assert invocation.error is None


async def test_a_slow_viewer_holds_the_function_back():
    written = 0

    async def handler(_invocation: FakeInvocation) -> AsyncIterator[bytes]:
        nonlocal written
        yield prelude()
        for _ in range(300):
            written += 1
            yield bytes(64 * 1024)

    limits = Limits(unthrottled_bytes=2**30)
    functions = FakeFunctions(handler)
    async with viewing(functions=functions, limits=limits) as viewer, viewer.get("/api/big") as response:
        # Quiet once every buffer on the way is full; there is no event for that.
        last = -1
        while last != written:
            last = written
            await asyncio.sleep(0.1)
        assert written < 300
        assert len(await response.read()) == 300 * 64 * 1024


async def test_beyond_the_allowance_the_stream_is_throttled_but_complete():
    limits = Limits(unthrottled_bytes=100_000, bytes_per_second=1_000_000)
    functions = answering(prelude(), bytes(100_000), bytes(150_000), bytes(50_000))
    loop = asyncio.get_running_loop()
    async with viewing(functions=functions, limits=limits) as viewer:
        started = loop.time()
        async with viewer.get("/api/big") as response:
            assert len(await response.read()) == 300_000
    assert loop.time() - started >= 0.15


async def test_an_idle_stream_is_cut():
    stepped = Stepped()
    stepped.write(prelude(), b"first")
    async with (
        viewing(functions=stepped.functions, limits=Limits(idle_timeout=0.5)) as viewer,
        viewer.get("/api/x") as response,
    ):
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_silence_before_the_response_times_out_at_the_gateway():
    stepped = Stepped()
    api = rest_api(resources=default_resources(integration(timeout_ms=50)))
    async with viewing(deployed(api=api), stepped.functions) as viewer, viewer.get("/api/x") as response:
        assert response.status == 504
        assert await response.json() == {"message": "Endpoint request timed out"}
    assert stepped.functions.invocations[0].abandoned.is_set()


async def test_the_integration_timeout_cuts_a_stream_under_way():
    stepped = Stepped()
    stepped.write(prelude(), b"first")
    api = rest_api(resources=default_resources(integration(timeout_ms=1000)))
    async with viewing(deployed(api=api), stepped.functions) as viewer, viewer.get("/api/x") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_cloudfront_tries_a_silent_origin_again_for_get_and_gives_up():
    stepped = Stepped()
    plane = with_origin(read_timeout=0.05, connection_attempts=3)
    async with viewing(plane, stepped.functions) as viewer, viewer.get("/api/x") as response:
        assert response.status == 504
        assert "did not respond within" in await response.text()
        assert response.headers["X-Cache"] == "Error from cloudfront"
        assert response.headers["Server"] == "CloudFront"
    assert len(stepped.functions.invocations) == 3


async def test_cloudfront_never_repeats_a_post():
    stepped = Stepped()
    plane = with_origin(read_timeout=0.05)
    async with (
        viewing(plane, stepped.functions) as viewer,
        viewer.request("POST", "/api/x", data=b"{}") as response,
    ):
        assert response.status == 504
    assert len(stepped.functions.invocations) == 1


async def test_cloudfront_cuts_a_stream_whose_next_packet_is_late():
    stepped = Stepped()
    stepped.write(prelude(), b"first")
    async with (
        viewing(with_origin(read_timeout=0.5), stepped.functions) as viewer,
        viewer.get("/api/x") as response,
    ):
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_buffered_integration_answers_with_the_proxy_document():
    api = rest_api(
        resources=default_resources(integration(response_transfer_mode="BUFFERED", uri=INVOCATIONS))
    )
    functions = answering(b'{"statusCode": 418, "headers": {"X-A": "1", "X-Bool": true}, ', b'"body": "tea"}')
    async with viewing(deployed(api=api), functions) as viewer, viewer.get("/api/x") as response:
        assert response.status == 418
        assert response.headers["X-Bool"] == "true"
        assert response.headers["Content-Length"] == "3"
        assert response.headers["Content-Type"] == "application/json"
        assert await response.text() == "tea"


async def test_two_hundred_streams_at_once_all_arrive_in_full():
    async def handler(_invocation: FakeInvocation) -> AsyncIterator[bytes]:
        yield prelude(headers=SSE)
        for number in range(10):
            await asyncio.sleep(0.01)
            yield b"data: %d\n\n" % number

    async with viewing(functions=FakeFunctions(handler)) as viewer:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def one() -> bytes:
                async with session.get(f"{viewer.url}/api/chat") as response:
                    return await response.read()

            bodies = await asyncio.gather(*(one() for _ in range(200)))
    assert set(bodies) == {b"".join(b"data: %d\n\n" % number for number in range(10))}


async def test_every_request_leaves_a_line_in_the_log(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, logger="edge")
    async with viewing(deployed(policy=())) as viewer, viewer.get("/api/health"):
        pass
    line = [record.getMessage() for record in caplog.records if record.name == "edge"][-1]
    assert line.startswith("GET /api/health 500 /api/* ")
    assert "Invalid permissions on Lambda function" in line
