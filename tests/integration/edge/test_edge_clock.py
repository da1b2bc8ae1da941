"""The rehearsal's clock: the timeouts that were deployed, sooner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from scripts.local import clock
from scripts.local.edge.lambda_integration import Limits
from scripts.local.edge.model import ControlPlane
from tests.integration.edge.edge_deployment import (
    API_ORIGIN,
    FakeFunctions,
    FakeInvocation,
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

FAST = {clock.HEADER: str(clock.FASTEST)}
NEVER = 100_000


def silent_after_the_first_event() -> FakeFunctions:
    async def handler(_invocation: FakeInvocation) -> AsyncIterator[bytes]:
        yield prelude(headers={"Content-Type": "text/event-stream"}) + b"data: 1\n\n"
        await asyncio.Event().wait()

    return FakeFunctions(handler)


def plane(*, read_timeout: float, timeout_ms: int) -> ControlPlane:
    origins = {**distribution().origins, "api": replace(API_ORIGIN, read_timeout=read_timeout)}
    resources = default_resources(integration(timeout_ms=timeout_ms))
    return deployed(distributions=(distribution(origins=origins),), api=rest_api(resources=resources))


@pytest.mark.parametrize(
    ("read_timeout", "timeout_ms", "idle", "cause"),
    [
        (60, NEVER * 1000, NEVER, "the origin sent nothing for 0.6 s"),
        (NEVER, 60_000, NEVER, "integration timeout of 60000 ms"),
        (NEVER, NEVER * 1000, 60, "idle timeout"),
    ],
)
async def test_a_silent_stream_is_cut_by_each_timeout_a_hundredth_of_what_is_deployed(
    read_timeout: float, timeout_ms: int, idle: float, cause: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "edge")
    deployment = plane(read_timeout=read_timeout, timeout_ms=timeout_ms)
    limits = Limits(idle_timeout=idle)
    async with (
        viewing(deployment, silent_after_the_first_event(), limits=limits) as viewer,
        viewer.get("/api/chat", headers=FAST) as response,
    ):
        assert await response.content.readany() == b"data: 1\n\n"
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert cause in caplog.text


async def test_the_function_gets_the_clock_for_its_own_timeout_and_in_its_event():
    functions = ok()
    async with viewing(functions=functions) as viewer, viewer.get("/api/chat", headers=FAST) as response:
        assert response.headers[clock.HEADER] == "100"
    assert functions.clocks == [100]
    assert functions.event["headers"][clock.HEADER] == "100"


@pytest.mark.parametrize("asked", ["", "1", "0", "101", "-5", "1.5", "fast", "²"])
async def test_any_other_value_changes_nothing_and_is_not_confirmed(asked: str):
    functions = ok()
    headers = {clock.HEADER: asked}
    async with viewing(functions=functions) as viewer, viewer.get("/api/chat", headers=headers) as response:
        assert clock.HEADER not in response.headers
    assert functions.clocks == [1]


async def test_a_viewer_without_the_header_has_the_deployed_timeouts():
    functions = ok()
    async with viewing(functions=functions) as viewer, viewer.get("/api/chat") as response:
        assert clock.HEADER not in response.headers
    assert functions.clocks == [1]
