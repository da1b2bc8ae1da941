"""What comes back from a function under the real aws-lambda-ric, and when."""

from __future__ import annotations

import asyncio
import itertools
import json
import re

import pytest

from scripts.local.lambda_.service import LambdaService
from tests.integration.lambda_service.calls import LogLines, collect, invoke, settled

pytestmark = pytest.mark.integration


async def test_a_streamed_response_arrives_whole_and_in_order(service: LambdaService, function: str) -> None:
    result = await invoke(service, function, action="stream", chunks=5, intervalMs=10)

    assert result.content_type == "application/vnd.awslambda.http-integration-response"
    prelude, _, body = result.body.partition(b"\0" * 8)
    assert json.loads(prelude) == {"statusCode": 200, "headers": {"x-a": "b"}, "cookies": ["a=1"]}
    assert body == b"".join(b"chunk %d\n" % i for i in range(5))


async def test_a_chunk_arrives_while_the_function_is_still_at_work(
    service: LambdaService, function: str
) -> None:
    invocation = await service.invoke(function, b'{"action": "hang"}')

    assert await anext(aiter(invocation)) == b"partial"
    assert not invocation.finished


async def test_an_empty_body_still_has_its_prelude(service: LambdaService, function: str) -> None:
    result = await invoke(service, function, action="empty")

    assert result.body.endswith(b"\0" * 8)
    assert result.error is None


async def test_a_failure_after_the_first_byte_is_known_at_the_end(
    service: LambdaService, function: str
) -> None:
    result = await invoke(service, function, action="failLate")

    assert result.body == b"before the failure"
    assert str(result.error) == "TypeError: too late"


async def test_a_failure_before_the_first_byte_has_no_body(service: LambdaService, function: str) -> None:
    for tried in itertools.count(1):
        result = await invoke(service, function, action="failEarly")
        # aws-lambda-ric has one second to connect when it reports a failure, and a crowded machine is late.
        if "without answering" not in str(result.error) or tried == 5:
            break

    assert result.body == b""
    assert str(result.error) == "RangeError: at once"
    assert (await invoke(service, function, action="echo")).json["invocations"] == tried + 1, (
        "the environment lives on"
    )


async def test_a_slow_reader_holds_the_function_back(
    service: LambdaService, function: str, log_lines: LogLines
) -> None:
    size = 40 * 1024**2
    invocation = await service.invoke(function, json.dumps({"action": "fill", "bytes": size}).encode())
    written = 0
    # Quiet once every buffer on the way is full; there is no event for that.
    while not written or written != written_by(log_lines()):
        written = written_by(log_lines())
        await asyncio.sleep(0.5)
    assert written < size / 2

    assert len((await collect(invocation)).body) == size


async def test_when_the_caller_leaves_the_function_goes_on(
    service: LambdaService, function: str, log_lines: LogLines
) -> None:
    event = {"action": "stream", "chunks": 3, "intervalMs": 50}
    invocation = await service.invoke(function, json.dumps(event).encode())
    await invocation.abandon()
    await settled(service)

    assert f"END RequestId: {invocation.request_id}" in log_lines()
    assert [each.state for each in await service.status()] == ["idle"]


def written_by(lines: list[str]) -> int:
    """How many bytes the function says it has written; 0 before the first."""
    numbers = re.findall(r"written (\d+)", "\n".join(lines))
    return max(map(int, numbers), default=0)
