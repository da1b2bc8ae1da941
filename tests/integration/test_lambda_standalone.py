from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.unit.local.lambda_.fake_runtime import FakeRuntime, connect

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def addresses() -> AsyncIterator[dict[str, str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scripts.local.lambda_.runtime_api", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    yield json.loads(await process.stdout.readline())
    process.terminate()
    assert await process.wait() == 0


async def answer_one(runtime: FakeRuntime, trailers: dict[str, str] | None = None) -> None:
    event = await runtime.next()
    runtime.begin(event.headers["lambda-runtime-aws-request-id"])
    runtime.chunk(b"event was " + event.body)
    runtime.end(trailers)
    await runtime.answer()


async def test_an_event_posted_to_the_invoke_url_comes_back_as_the_runtime_answers(
    addresses: dict[str, str],
) -> None:
    async with httpx.AsyncClient() as client, connect(addresses["runtime_api"]) as runtime:
        answering = asyncio.create_task(answer_one(runtime))
        response = await client.post(addresses["invoke"], json={"a": 1})
        await answering
        last = await client.get(addresses["invoke"] + "/last-error")

    assert response.content == b'event was {"a":1}'
    assert response.headers["x-runtime-content-type"] == "application/vnd.awslambda.http-integration-response"
    assert last.json() is None


async def test_the_error_of_the_last_invocation_can_be_asked_for(addresses: dict[str, str]) -> None:
    payload = base64.b64encode(b'{"errorType": "E", "errorMessage": "late"}').decode()
    trailers = {
        "Lambda-Runtime-Function-Error-Type": "E",
        "Lambda-Runtime-Function-Error-Body": payload,
    }
    async with httpx.AsyncClient() as client, connect(addresses["runtime_api"]) as runtime:
        answering = asyncio.create_task(answer_one(runtime, trailers))
        await client.post(addresses["invoke"], json={})
        await answering
        last = await client.get(addresses["invoke"] + "/last-error")

    assert (last.json()["type"], last.json()["message"]) == ("E", "late")
