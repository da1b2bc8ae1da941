"""Recording real responses on loopback."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from aiohttp import web

from scripts.smoke.client import Client
from tests.unit.smoke.server import Deployment, Handler, start_stream

pytestmark = pytest.mark.integration


async def record(handler: Handler, *, limit: float = 60.0):  # type: ignore[no-untyped-def]
    async with Deployment({"/s": handler}).serve() as url, Client(url, timeout=60) as client:
        return await client.record("/s", limit=limit)


async def test_events_are_timed_when_they_arrive_and_not_when_the_body_ends() -> None:
    release = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request)
        await response.write(b"data: 1\n\n")
        asyncio.get_running_loop().call_later(0.2, release.set)
        await release.wait()
        await response.write(b"data: 2\n\n")
        return response

    taken = await record(handler)
    first, second = taken.arrivals
    assert second.at - first.at >= 0.19
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


async def test_a_stream_that_does_not_end_is_given_up_after_the_limit() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await start_stream(request)
        await response.write(b"data: 1\n\n")
        await asyncio.Event().wait()
        return response

    taken = await record(handler, limit=0.3)
    assert taken.fault == "still open after 0.3 s"
    assert taken.ended_at >= 0.3


async def test_no_headers_within_the_limit_is_no_response() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(httpx.ReadTimeout, match=r"no response within 0\.2 s"):
        await record(handler, limit=0.2)


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
