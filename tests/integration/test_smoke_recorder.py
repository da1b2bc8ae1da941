"""Recording real responses on loopback."""

from __future__ import annotations

import asyncio
import time
import zlib

import httpx
import pytest
from aiohttp import web

from scripts.smoke.client import Client
from scripts.smoke.stream import sse
from scripts.smoke.stream.recorder import Slowly
from tests.unit.smoke.server import Deployment, Handler, start_stream

pytestmark = pytest.mark.integration


async def record(handler: Handler, *, limit: float = 60.0):  # type: ignore[no-untyped-def]
    async with Deployment({"/s": handler}).serve() as url, Client(url, timeout=60) as client:
        return await client.record("/s", limit=limit)


async def test_events_are_timed_when_they_arrive_and_not_when_the_body_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = asyncio.Event()
    feed = sse.Parser.feed

    def tell(parser: sse.Parser, chunk: bytes) -> list[sse.Event]:
        seen.set()
        return feed(parser, chunk)

    monkeypatch.setattr(sse.Parser, "feed", tell)

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request)
        await response.write(b"data: 1\n\n")
        await seen.wait()  # A client that took it only at the end would wait for ever.
        await response.write(b"data: 2\n\n")
        return response

    taken = await record(handler)
    first, second = taken.arrivals
    assert taken.headers_at <= first.at < second.at <= taken.ended_at
    assert [read.size for read in taken.reads] == [9, 9]
    assert not taken.fault


async def test_http_chunks_that_one_read_brings_count_as_one_read() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        chunk = b"9\r\ndata: 1\n\n\r\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        request.transport.write(head + chunk * 5 + b"0\r\n\r\n")  # type: ignore[attr-defined]
        await asyncio.Event().wait()
        raise AssertionError

    taken = await record(handler)
    assert [read.size for read in taken.reads] == [45]
    assert len(taken.arrivals) == 5


async def test_a_read_is_seen_as_it_was_wherever_it_cuts_http_chunks_and_events() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = [
        b"9\r\ndata",  # the beginning of a chunk and of an event
        b": 1\n\n",  # the rest of both, but for the chunk's end
        b"\r\n1",  # no byte of the body
        b"2\r\ndata: 2\n\ndata: 3\n\n\r\n0\r\n\r\n",  # two events in one chunk of 0x12 bytes
    ]

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        for piece in [head, *pieces]:
            request.transport.write(piece)  # type: ignore[attr-defined]
            await asyncio.sleep(0.05)
        await asyncio.Event().wait()
        raise AssertionError

    taken = await record(handler)
    assert [(read.size, read.whole) for read in taken.reads] == [(4, False), (5, True), (18, True)]
    assert [arrival.event.data for arrival in taken.arrivals] == ["1", "2", "3"]
    first, second, third = taken.arrivals
    assert first.at == taken.reads[1].at
    assert second.at <= third.at and second.at == taken.reads[2].at


async def test_a_body_larger_than_a_read_is_several_reads() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request)
        await response.write(b"data: " + b"x" * 300_000 + b"\n\n")
        return response

    taken = await record(handler)
    assert sum(read.size for read in taken.reads) == 300_008
    assert max(read.size for read in taken.reads) <= 65_536
    assert [read.whole for read in taken.reads] == [False] * (len(taken.reads) - 1) + [True]
    assert len(taken.arrivals) == 1


async def test_a_compressed_stream_is_timed_event_by_event_and_sized_as_it_was_transferred() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request, Content_Encoding="gzip")
        deflate = zlib.compressobj(wbits=zlib.MAX_WBITS + 16)
        for text in ("1", "2" * 1000):
            await response.write(deflate.compress(f"data: {text}\n\n".encode()))
            await response.write(deflate.flush(zlib.Z_SYNC_FLUSH))
            await asyncio.sleep(0.05)
        await response.write(deflate.flush())
        return response

    taken = await record(handler)
    assert [len(arrival.event.data) for arrival in taken.arrivals] == [1, 1000]
    assert taken.arrivals[1].at > taken.arrivals[0].at
    assert sum(read.size for read in taken.reads) < 200
    assert taken.head.startswith(b"data: 1\n\n")


@pytest.mark.parametrize("coding", ["br", "gzip"])
async def test_a_coding_that_cannot_be_undone_has_no_events(coding: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request, Content_Encoding=coding)
        await response.write(b"\x8b\x03\x80neither of them")
        return response

    taken = await record(handler)
    assert taken.arrivals == () and taken.header("content-encoding") == coding
    assert not taken.fault


async def test_a_connection_that_breaks_is_a_fault_and_keeps_what_arrived() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request)
        await response.write(b"data: 1\n\n")
        assert request.transport is not None
        request.transport.close()
        return response

    taken = await record(handler)
    assert taken.fault.startswith("the connection broke")
    assert len(taken.arrivals) == 1


async def test_a_body_that_ends_inside_an_event_is_a_fault() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request)
        await response.write(b"data: 1\n\ndata: 2\n")
        return response

    assert (await record(handler)).fault == "the body ended in the middle of an event"


async def test_a_slow_reader_takes_no_more_than_its_rate_and_notes_the_same_as_a_fast_one() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request)
        for number in range(20):
            await response.write(f"data: {number}\n\n".encode() + b"x" * 1000 + b"\n\n")
        return response

    async with Deployment({"/s": handler}).serve() as url, Client(url, timeout=60) as client:
        taken = await client.record("/s", limit=60, slowly=Slowly(rate=40_000, seconds=0.2))
    assert len(taken.arrivals) == 20 and not taken.fault
    received = 0
    for read in taken.reads:
        assert read.at - taken.headers_at >= min(received / 40_000, 0.2) - 0.001
        received += read.size
    assert taken.ended_at - taken.headers_at >= 0.2


async def test_a_stream_that_does_not_end_is_given_up_after_the_limit() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request)
        await response.write(b"data: 1\n\n")
        await asyncio.Event().wait()
        return response

    taken = await record(handler, limit=0.3)
    assert taken.fault == "still open after 0.3 s"
    assert taken.gave_up
    assert taken.ended_at >= 0.3


async def test_no_headers_within_the_limit_is_no_response() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(httpx.ReadTimeout, match=r"no response within 0\.2 s"):
        await record(handler, limit=0.2)


async def test_the_time_to_connect_is_known_where_a_connection_was_made() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request)
        await response.write(b"data: 1\n\n")
        return response

    async with Deployment({"/s": handler}).serve() as url, Client(url, timeout=60) as client:
        first, second = [await client.record("/s", limit=60) for _ in range(2)]
    assert first.connected_at is not None and 0 < first.connected_at <= first.headers_at
    assert second.connected_at is None


async def test_repeated_headers_stay_apart() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.Response(text="x")
        response.headers.add("Set-Cookie", "a=1")
        response.headers.add("Set-Cookie", "b=2")
        return response

    taken = await record(handler)
    assert [value for name, value in taken.headers if name == "set-cookie"] == ["a=1", "b=2"]


async def test_the_recorder_notices_when_it_stood_still_itself() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request)
        await response.write(b"data: 1\n\n")
        await asyncio.sleep(0.05)
        time.sleep(0.15)  # noqa: ASYNC251 - the very stall that is to be noticed
        return response

    taken = await record(handler)
    assert taken.lag >= 0.14
    assert any(stall.start <= taken.ended_at - 0.14 <= stall.end for stall in taken.stalls)
