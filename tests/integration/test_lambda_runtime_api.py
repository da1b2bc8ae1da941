from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from scripts.local.lambda_.invocation import BUFFER_BYTES, Invocation
from scripts.local.lambda_.runtime_api import RuntimeApi
from tests.unit.local.lambda_.fake_runtime import FakeRuntime, connect
from tests.unit.local.lambda_.waiting import until

pytestmark = pytest.mark.integration

ARN = "arn:aws:lambda:eu-west-1:515966504419:function:f"


@pytest_asyncio.fixture
async def api() -> AsyncIterator[RuntimeApi]:
    server = RuntimeApi()
    await server.start()
    yield server
    await server.close()


@pytest_asyncio.fixture
async def runtime(api: RuntimeApi) -> AsyncIterator[FakeRuntime]:
    async with connect(api.address) as client:
        yield client


async def invoke(api: RuntimeApi, runtime: FakeRuntime, event: bytes = b"{}") -> Invocation:
    runtime.ask_next()
    await api.idle.wait()
    invocation = Invocation(ARN, event)
    api.dispatch(invocation, timeout=30)
    await runtime.answer()
    return invocation


async def body_of(invocation: Invocation) -> bytes:
    return b"".join([chunk async for chunk in invocation])


async def test_next_hands_over_the_event_with_the_headers_of_lambda(
    api: RuntimeApi, runtime: FakeRuntime
) -> None:
    runtime.ask_next()
    await api.idle.wait()
    invocation = Invocation(ARN, b'{"a": 1}')
    api.dispatch(invocation, timeout=30)
    answer = await runtime.answer()

    assert answer.body == b'{"a": 1}'
    assert answer.headers["lambda-runtime-aws-request-id"] == invocation.request_id
    assert answer.headers["lambda-runtime-invoked-function-arn"] == ARN
    assert answer.headers["lambda-runtime-trace-id"].startswith("Root=1-")
    assert len(answer.headers["lambda-runtime-deadline-ms"]) == 13


async def test_chunks_arrive_one_by_one_before_the_end(api: RuntimeApi, runtime: FakeRuntime) -> None:
    invocation = await invoke(api, runtime)
    runtime.begin(invocation.request_id)
    await invocation.started()
    chunks = aiter(invocation)
    for expected in (b'{"statusCode":200}' + b"\0" * 8, b"one", b"two"):
        runtime.chunk(expected)
        assert await anext(chunks) == expected
        assert not invocation.finished
    runtime.end()

    assert [chunk async for chunk in chunks] == []
    assert invocation.error is None
    assert invocation.content_type == "application/vnd.awslambda.http-integration-response"
    assert (await runtime.answer()).status == 202


async def test_a_late_failure_travels_in_the_trailers(api: RuntimeApi, runtime: FakeRuntime) -> None:
    payload = json.dumps({"errorType": "TypeError", "errorMessage": "too late"}).encode()
    invocation = await invoke(api, runtime)
    runtime.begin(
        invocation.request_id,
        {"Trailer": "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"},
    )
    runtime.chunk(b"part")
    runtime.end(
        {
            "Lambda-Runtime-Function-Error-Type": "TypeError",
            "Lambda-Runtime-Function-Error-Body": base64.b64encode(payload).decode(),
        }
    )

    assert await body_of(invocation) == b"part"
    assert invocation.error is not None
    assert (invocation.error.type, invocation.error.message) == ("TypeError", "too late")
    assert invocation.error.payload == payload


async def test_an_empty_response_is_complete_and_no_failure(api: RuntimeApi, runtime: FakeRuntime) -> None:
    invocation = await invoke(api, runtime)
    runtime.begin(invocation.request_id)
    runtime.end()

    assert await body_of(invocation) == b""
    assert invocation.error is None


async def test_a_buffered_response_is_passed_on_like_a_streamed_one(
    api: RuntimeApi, runtime: FakeRuntime
) -> None:
    invocation = await invoke(api, runtime)
    answer = await runtime.post(
        f"/invocation/{invocation.request_id}/response", b"[1]", {"Content-Type": "application/json"}
    )

    assert (answer.status, await body_of(invocation)) == (202, b"[1]")
    assert (invocation.content_type, invocation.streamed) == ("application/json", False)


async def test_a_buffered_response_over_6_mib_is_refused(api: RuntimeApi, runtime: FakeRuntime) -> None:
    invocation = await invoke(api, runtime)
    await invocation.abandon()
    answer = await runtime.post(f"/invocation/{invocation.request_id}/response", b"x" * (6 * 1024**2 + 1))

    assert answer.status == 413
    assert invocation.error is not None and invocation.error.type == "Function.ResponseSizeTooLarge"


async def test_an_error_before_the_first_byte_has_no_body(api: RuntimeApi, runtime: FakeRuntime) -> None:
    invocation = await invoke(api, runtime)
    answer = await runtime.post(
        f"/invocation/{invocation.request_id}/error",
        b'{"errorType": "E", "errorMessage": "broken"}',
        {"Lambda-Runtime-Function-Error-Type": "E"},
    )
    await invocation.started()

    assert (answer.status, await body_of(invocation)) == (202, b"")
    assert str(invocation.error) == "E: broken"


async def test_an_uncaught_exception_ends_a_stream_that_is_under_way(
    api: RuntimeApi, runtime: FakeRuntime
) -> None:
    invocation = await invoke(api, runtime)
    runtime.begin(invocation.request_id)
    runtime.chunk(b"part")
    await invocation.started()
    async with connect(api.address) as second:
        await second.post(f"/invocation/{invocation.request_id}/error", b"not even JSON")

    assert await body_of(invocation) == b"part"
    assert str(invocation.error) == "Unhandled: not even JSON"


async def test_a_slow_reader_slows_the_runtime_down(api: RuntimeApi, runtime: FakeRuntime) -> None:
    invocation = await invoke(api, runtime)
    runtime.begin(invocation.request_id)
    piece = b"x" * 65536
    pieces = 200  # 12.5 MiB: more than the runtime's socket, ours and our buffer hold together

    async def write() -> None:
        for _ in range(pieces):
            runtime.chunk(piece)
            await runtime.writer.drain()
        runtime.end()

    writing = asyncio.create_task(write())
    done, _ = await asyncio.wait([writing], timeout=0.5)
    assert not done, "the runtime wrote everything although nobody reads"

    assert invocation._output._buffered < BUFFER_BYTES + 65536
    assert len(await body_of(invocation)) == pieces * len(piece)
    await writing


async def test_after_the_caller_left_the_runtime_writes_on_unhindered(
    api: RuntimeApi, runtime: FakeRuntime
) -> None:
    invocation = await invoke(api, runtime)
    runtime.begin(invocation.request_id)
    runtime.chunk(b"first")
    await invocation.started()
    await invocation.abandon()
    for _ in range(400):
        runtime.chunk(b"x" * 65536)
        await runtime.writer.drain()
    runtime.end()

    assert (await runtime.answer()).status == 202
    assert invocation.finished


async def test_a_response_for_another_request_id_is_rejected(api: RuntimeApi, runtime: FakeRuntime) -> None:
    await invoke(api, runtime)
    answer = await runtime.post("/invocation/other/response", b"{}")

    assert answer.status == 400
    assert json.loads(answer.body)["errorType"] == "InvalidRequestID"


async def test_a_second_response_is_rejected(api: RuntimeApi, runtime: FakeRuntime) -> None:
    invocation = await invoke(api, runtime)
    await runtime.post(f"/invocation/{invocation.request_id}/response", b"1")
    answer = await runtime.post(f"/invocation/{invocation.request_id}/response", b"2")

    assert answer.status == 403
    assert await body_of(invocation) == b"1"


async def test_asking_again_without_an_answer_fails_the_invocation(
    api: RuntimeApi, runtime: FakeRuntime
) -> None:
    invocation = await invoke(api, runtime)
    runtime.ask_next()
    await invocation.started()

    assert invocation.error is not None and invocation.error.type == "Runtime.Unknown"


async def test_a_response_that_breaks_off_is_an_error(api: RuntimeApi) -> None:
    async with connect(api.address) as runtime:
        invocation = await invoke(api, runtime)
        runtime.begin(invocation.request_id)
        runtime.chunk(b"part")
        await invocation.started()

    assert await body_of(invocation) == b"part"
    assert invocation.error is not None and invocation.error.type == "Runtime.TruncatedResponse"


async def test_a_runtime_that_left_is_not_idle(api: RuntimeApi) -> None:
    async with connect(api.address) as runtime:
        runtime.ask_next()
        await api.idle.wait()
    await until(lambda: not api.idle.is_set())


async def test_one_connection_serves_many_invocations(api: RuntimeApi, runtime: FakeRuntime) -> None:
    for i in range(5):
        invocation = await invoke(api, runtime)
        answer = await runtime.post(f"/invocation/{invocation.request_id}/response", str(i).encode())
        assert answer.status == 202
        assert await body_of(invocation) == str(i).encode()


async def test_an_init_error_is_kept_for_the_environment(api: RuntimeApi, runtime: FakeRuntime) -> None:
    answer = await runtime.post(
        "/init/error",
        b'{"errorType": "SyntaxError", "errorMessage": "unexpected"}',
        {"Lambda-Runtime-Function-Error-Type": "Runtime.UserCodeSyntaxError"},
    )

    assert answer.status == 202
    assert api.init_failed.is_set()
    assert str(api.init_error) == "Runtime.UserCodeSyntaxError: unexpected"


async def test_a_client_that_expects_100_continue_gets_it(api: RuntimeApi, runtime: FakeRuntime) -> None:
    invocation = await invoke(api, runtime)
    runtime.send(
        f"POST /2018-06-01/runtime/invocation/{invocation.request_id}/response HTTP/1.1\r\nHost: x\r\n"
        "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode()
    )
    assert (await runtime.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
    runtime.send(b"ok")

    assert (await runtime.answer()).status == 202
    assert await body_of(invocation) == b"ok"


async def test_only_one_event_at_a_time(api: RuntimeApi, runtime: FakeRuntime) -> None:
    await invoke(api, runtime)
    with pytest.raises(RuntimeError, match="one request at a time"):
        api.dispatch(Invocation(ARN, b"{}"), timeout=1)


async def test_an_unknown_path_is_not_found(runtime: FakeRuntime) -> None:
    assert (await runtime.post("/restore/next", b"")).status == 404
