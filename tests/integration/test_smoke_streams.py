"""Every way in which a stream may be held back is found, and named."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from scripts.smoke.checks.streaming import chat_stream, diagnostic_stream
from scripts.smoke.model import NotCheckedError, Result
from scripts.smoke.site import Site
from tests.unit.smoke.server import (
    INDEX,
    Handler,
    always,
    api,
    api_headers,
    events_of,
    site_of,
    start_stream,
    stream_parameters,
)

pytestmark = pytest.mark.integration

Check = Callable[[Site], Awaitable[Result]]
BOTH = pytest.mark.parametrize("check", [diagnostic_stream, chat_stream])


def streams(handler: Handler) -> dict[str, Handler]:
    return {"/api/health/stream": handler, "/api/agents/chat": handler}


def in_blocks(size: int) -> Handler:
    """A proxy that passes bytes on when `size` of them have come together."""

    async def handler(request: web.Request) -> web.StreamResponse:
        count, interval = await stream_parameters(request)
        response = await start_stream(request)
        buffer = b""
        for event in events_of(request, count, interval):
            buffer += event
            await asyncio.sleep(interval)
            if len(buffer) >= size:
                await response.write(buffer)
                buffer = b""
        await response.write(buffer)
        return response

    return handler


@BOTH
async def test_a_good_stream_passes_with_its_figures(check: Check) -> None:
    async with site_of() as site:
        result = await check(site)
    assert result.ok, result
    assert result.measured.startswith("progressive: ")
    assert result.details["verdict"] == "progressive"
    assert len(result.details["arrivals_ms"]) == result.details["events"] >= 8
    assert result.drawing


@BOTH
async def test_a_stream_that_is_buffered_whole_points_at_the_transfer_mode(check: Check) -> None:
    async with site_of(streams(in_blocks(10**6))) as site:
        result = await check(site)
    assert result.measured.startswith("buffered whole")
    assert "one burst" in result.reason and "responseTransferMode is not STREAM" in result.reason


async def test_the_diagnostic_stream_says_how_long_an_event_was_held() -> None:
    async with site_of(streams(in_blocks(10**6))) as site:
        result = await diagnostic_stream(site)
    # Seven intervals of 60 ms; more where this machine is slow.
    assert re.search(r"An event waited up to \d+\.\d s on the way", result.reason)
    assert result.details["held_ms"] >= 400


async def test_blocks_are_found_with_their_size() -> None:
    async with site_of(streams(in_blocks(200))) as site:
        result = await diagnostic_stream(site)
    assert result.measured.startswith("in blocks")
    assert "fills a buffer" in result.reason
    assert 200 <= result.details["block_bytes"] < 300


async def test_a_compressed_stream_is_found() -> None:
    async def compressed(request: web.Request) -> web.StreamResponse:
        count, interval = await stream_parameters(request)
        assert "gzip" in request.headers["Accept-Encoding"]
        response = await start_stream(request, Content_Encoding="gzip")
        await response.write(gzip.compress(b"".join(events_of(request, count, interval))))
        return response

    async with site_of(streams(compressed)) as site:
        assert "compress must be false" in (await diagnostic_stream(site)).reason


@BOTH
async def test_a_stream_that_is_cut_is_found(check: Check) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        count, interval = await stream_parameters(request)
        response = await start_stream(request)
        for event in events_of(request, count, interval)[:5]:
            await response.write(event)
            await asyncio.sleep(interval)
        assert request.transport is not None
        request.transport.close()
        return response

    async with site_of(streams(cut)) as site:
        result = await check(site)
    assert result.measured.startswith("cut off")
    assert "was cut after 5 of 8 events" in result.reason


@BOTH
async def test_a_stream_that_ends_early_without_an_error_is_found(check: Check) -> None:
    async def short(request: web.Request) -> web.StreamResponse:
        count, interval = await stream_parameters(request)
        response = await start_stream(request)
        for event in events_of(request, count, interval)[:-3]:
            await response.write(event)
            await asyncio.sleep(interval)
        return response

    async with site_of(streams(short)) as site:
        assert "ended early" in (await check(site)).reason


async def test_a_comment_as_heartbeat_is_found() -> None:
    async def commented(request: web.Request) -> web.StreamResponse:
        count, interval = await stream_parameters(request)
        response = await start_stream(request)
        for event in events_of(request, count, interval):
            await response.write(b": ping\n\n" + event)
            await asyncio.sleep(interval)
        return response

    async with site_of(streams(commented)) as site:
        assert "comment lines" in (await chat_stream(site)).reason


async def test_heartbeats_of_their_own_type_are_not_counted_as_events() -> None:
    async def with_pings(request: web.Request) -> web.StreamResponse:
        count, interval = await stream_parameters(request)
        response = await start_stream(request)
        for event in events_of(request, count, interval):
            await response.write(event + b"event: ping\ndata: 1\n\n")
            await asyncio.sleep(interval)
        return response

    async with site_of(streams(with_pings)) as site:
        result = await diagnostic_stream(site)
    assert result.ok
    assert result.details["events"] == 8


async def test_a_page_instead_of_the_stream_points_at_the_switch() -> None:
    page = always(lambda: web.Response(text=INDEX, content_type="text/html", headers=api_headers()))
    async with site_of(streams(page)) as site:
        assert "DIAGNOSTIC_STREAM" in (await diagnostic_stream(site)).reason


async def test_a_stream_with_another_content_type_is_found() -> None:
    plain = always(lambda: api("data: 1\n\n"))
    async with site_of(streams(plain)) as site:
        assert "not text/event-stream" in (await diagnostic_stream(site)).reason


async def test_an_error_instead_of_the_stream_is_explained() -> None:
    broken = always(lambda: api({"message": "Internal server error"}, 502))
    async with site_of(streams(broken)) as site:
        result = await diagnostic_stream(site)
    assert "malformed" in result.reason
    assert "Internal server error" in result.evidence


async def test_limits_of_the_diagnostic_route_are_passed_on() -> None:
    refused = always(lambda: api({"error": "Bad request", "reason": "chunks must be …"}, 400))
    async with site_of(streams(refused)) as site:
        assert "Bad request: chunks must be" in (await diagnostic_stream(site)).reason


async def test_the_chat_of_real_librechat_is_not_checked() -> None:
    async with site_of({"/api/echo": always(lambda: api({"message": "x"}, 404))}) as site:
        with pytest.raises(NotCheckedError, match="login"):
            await chat_stream(site)


@BOTH
async def test_without_health_no_stream_is_measured(check: Check) -> None:
    async with site_of({"/api/health": always(lambda: api("down", 404))}, cold_start=0.1) as site:
        with pytest.raises(NotCheckedError, match="SC-003"):
            await check(site)
