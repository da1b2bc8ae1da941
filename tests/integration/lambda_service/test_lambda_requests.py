"""What a function is called with, and what is refused."""

from __future__ import annotations

import pytest

from scripts.local.lambda_.invocation import MAX_EVENT_BYTES, InvokeError
from scripts.local.lambda_.service import LambdaService
from tests.integration.lambda_service.calls import invoke

pytestmark = pytest.mark.integration


async def test_a_function_that_does_not_exist_is_not_found(service: LambdaService) -> None:
    with pytest.raises(InvokeError) as refused:
        await service.invoke("no-such-function", b"{}")
    assert (refused.value.status, refused.value.type) == (404, "ResourceNotFoundException")


async def test_an_event_over_6_mib_is_refused(service: LambdaService, function: str) -> None:
    with pytest.raises(InvokeError) as refused:
        await service.invoke(function, b'"' + b"x" * MAX_EVENT_BYTES + b'"')
    assert (refused.value.status, refused.value.type) == (413, "RequestTooLargeException")


async def test_an_event_that_is_not_json_is_refused(service: LambdaService, function: str) -> None:
    with pytest.raises(InvokeError) as refused:
        await service.invoke(function, b"{")
    assert (refused.value.status, refused.value.type) == (400, "InvalidRequestContentException")


async def test_a_large_event_arrives_whole(service: LambdaService, function: str) -> None:
    result = await invoke(service, function, action="hash", body="x" * (5 * 1024**2))
    assert result.body == b"dba67a476fa78973aabb087f214a1010f3bebca053674e0af50dfe5a582112be"
