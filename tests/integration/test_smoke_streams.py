"""The two streams that every run measures, against a deployment that answers wrongly.

Which faults on the way are told from each other is tested in `test_smoke_causes`.
"""

from __future__ import annotations

import asyncio
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


async def whole(request: web.Request) -> web.StreamResponse:
    """A proxy that passes nothing on until the end."""
    count, interval = await stream_parameters(request)
    response = await start_stream(request)
    await asyncio.sleep(interval * count)
    await response.write(b"".join(events_of(request, count, interval)))
    return response


@BOTH
async def test_a_good_stream_passes_with_its_figures(check: Check) -> None:
    async with site_of() as site:
        result = await check(site)
    assert result.ok, result
    assert result.measured.startswith("progressive: ")
    assert result.details["verdict"] == "progressive"
    assert len(result.details["arrivals_ms"]) == result.details["events"] >= 8
    # The chat says at first that the message was created, and at last that the answer is complete.
    assert result.details["expected"] == (8 if check is diagnostic_stream else 10)


@BOTH
async def test_a_stream_that_is_buffered_whole_points_at_the_transfer_mode(check: Check) -> None:
    async with site_of(streams(whole)) as site:
        result = await check(site)
    assert result.details["cause"] == "buffered_whole"
    assert "one burst" in result.reason and "responseTransferMode is not STREAM" in result.reason
    # The chat's events do not say when they were sent.
    assert ("An event waited up to" in result.reason) == (check is diagnostic_stream)


async def test_a_chat_without_its_final_event_ended_early() -> None:
    async def short(request: web.Request) -> web.StreamResponse:
        count, interval = await stream_parameters(request)
        response = await start_stream(request)
        for event in events_of(request, count, interval)[:-1]:
            await response.write(event)
        return response

    async with site_of({"/api/agents/chat": short}) as site:
        assert (await chat_stream(site)).details["cause"] == "ended_early"


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
    refused = always(lambda: api({"error": "Bad request: chunks must be …"}, 400))
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
