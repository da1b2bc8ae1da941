"""Functions under the real aws-lambda-ric: image from ECR, role from STS, life of their environments."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lambda_functions import Deployment

from scripts.local.lambda_.invocation import MAX_EVENT_BYTES, FunctionError, Invocation, InvokeError
from scripts.local.lambda_.service import LambdaService
from scripts.local.network import VpcNetwork

pytestmark = pytest.mark.integration

MakeService = Callable[..., Awaitable[LambdaService]]


@dataclass
class Result:
    """A response as it arrived: each chunk with its time, in seconds."""

    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    content_type: str = ""
    request_id: str = ""
    error: FunctionError | None = None

    @property
    def body(self) -> bytes:
        return b"".join(chunk for _, chunk in self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def collect(invocation: Invocation, began: float = 0.0) -> Result:
    result = Result(content_type=invocation.content_type, request_id=invocation.request_id)
    async for chunk in invocation:
        result.chunks.append((time.monotonic() - began, chunk))
    result.error = invocation.error
    return result


async def invoke(service: LambdaService, function: str, **event: Any) -> Result:
    began = time.monotonic()
    return await collect(await service.invoke(function, json.dumps(event).encode()), began)


async def settled(service: LambdaService) -> None:
    """Wait until no environment works."""
    await until(service, lambda states: not states & {"busy", "starting"})


async def until(service: LambdaService, condition: Callable[[set[str]], bool]) -> None:
    """Wait until the states of the environments fulfil `condition`."""
    async with asyncio.timeout(20):
        while not condition({each.state for each in await service.status()}):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def deployment(emulator: Any) -> Iterator[Deployment]:
    deployed = Deployment(emulator.aws, emulator.endpoint)
    yield deployed
    deployed.remove()


@pytest.fixture(scope="module")
def image(deployment: Deployment) -> str:
    return deployment.image()


@pytest.fixture(scope="module")
def function(deployment: Deployment, image: str) -> str:
    return deployment.function(image, variables={"OVERRIDDEN": "function"})


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lambda")


@pytest_asyncio.fixture
async def make_service(emulator: Any, state: Path) -> AsyncIterator[MakeService]:
    network = VpcNetwork(emulator.aws, emulator.generation)
    services: list[LambdaService] = []

    async def make(**options: Any) -> LambdaService:
        services.append(LambdaService(emulator.aws, network, state, emulator.generation, **options))
        return services[-1]

    yield make
    for service in services:
        await service.close()
    await network.close()


@pytest_asyncio.fixture
async def service(make_service: MakeService) -> LambdaService:
    return await make_service()


# --- The response -----------------------------------------------------------------------------------


async def test_chunks_arrive_in_order_and_as_they_are_written(service: LambdaService, function: str) -> None:
    await invoke(service, function, action="echo")
    result = await invoke(service, function, action="stream", chunks=5, intervalMs=100)
    arrivals = [at for at, _ in result.chunks]

    assert result.content_type == "application/vnd.awslambda.http-integration-response"
    prelude, _, body = result.body.partition(b"\0" * 8)
    assert json.loads(prelude) == {"statusCode": 200, "headers": {"x-a": "b"}, "cookies": ["a=1"]}
    assert body == b"".join(b"chunk %d\n" % i for i in range(5))
    assert len(arrivals) == 6
    assert arrivals[-1] - arrivals[0] > 0.4, "the response came in one burst"


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
    result = await invoke(service, function, action="failEarly")

    assert result.body == b""
    assert str(result.error) == "RangeError: at once"
    assert (await invoke(service, function, action="echo")).json["invocations"] == 2, (
        "the environment lives on"
    )


async def test_a_slow_reader_holds_the_function_back(service: LambdaService, function: str) -> None:
    size = 40 * 1024**2
    invocation = await service.invoke(function, json.dumps({"action": "fill", "bytes": size}).encode())
    await asyncio.sleep(0.5)
    written = [int(n) for n in re.findall(r"written (\d+)", "\n".join(service.recent_logs(lines=1000)))]
    assert max(written) < size / 2

    assert len((await collect(invocation)).body) == size


async def test_when_the_caller_leaves_the_function_goes_on(service: LambdaService, function: str) -> None:
    event = {"action": "stream", "chunks": 3, "intervalMs": 50}
    invocation = await service.invoke(function, json.dumps(event).encode())
    await invocation.abandon()
    await settled(service)

    assert f"END RequestId: {invocation.request_id}" in service.recent_logs()
    assert [each.state for each in await service.status()] == ["idle"]


# --- The request ------------------------------------------------------------------------------------


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


# --- The environment --------------------------------------------------------------------------------


async def test_variables_are_those_of_lambda(service: LambdaService, function: str, emulator: Any) -> None:
    variables = (await invoke(service, function, action="environment")).json

    assert variables["OVERRIDDEN"] == "function"
    assert variables["FROM_IMAGE"] == "image"
    assert variables["AWS_REGION"] == "eu-west-1"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == function.rpartition(":")[2]
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert variables["_HANDLER"] == "behaviours.handler"
    assert variables["LAMBDA_TASK_ROOT"] == "/var/task"
    assert variables["AWS_ENDPOINT_URL"] == emulator.endpoint
    assert "HOME" not in variables
    assert os.environ.keys() & variables.keys() <= {"PATH", "LANG", "TZ", "PWD"}


async def test_its_credentials_are_those_of_its_role(
    service: LambdaService, function: str, emulator: Any
) -> None:
    variables = (await invoke(service, function, action="environment")).json
    caller = emulator.as_key(
        variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], variables["AWS_SESSION_TOKEN"]
    )
    identity = await asyncio.to_thread(caller.client("sts").get_caller_identity)

    assert ":assumed-role/lambda-test-" in identity["Arn"]


async def test_the_tree_is_read_only_and_tmp_is_not(service: LambdaService, function: str) -> None:
    for path in ("/var/task/x", "/x", "/usr/x"):
        assert (await invoke(service, function, action="write", path=path)).body == b"EROFS"
    assert (await invoke(service, function, action="write", path="/tmp/x")).body == b"written"


async def test_tmp_belongs_to_one_environment_and_outlives_its_invocations(
    make_service: MakeService, function: str
) -> None:
    first, second = await make_service(), await make_service()
    await invoke(first, function, action="write", path="/tmp/mine")

    assert (await invoke(first, function, action="exists", path="/tmp/mine")).json == "\0"
    assert (await invoke(second, function, action="exists", path="/tmp/mine")).json is None


async def test_between_invocations_time_stands_still(service: LambdaService, function: str) -> None:
    first = (await invoke(service, function, action="echo")).json
    await settled(service)
    await asyncio.sleep(1)
    second = (await invoke(service, function, action="echo")).json

    assert second["pid"] == first["pid"] and second["invocations"] == 2
    assert second["ticks"] - first["ticks"] < 30, "a 10 ms timer ran on for a second"


async def test_one_environment_serves_calls_that_follow_each_other(
    service: LambdaService, function: str
) -> None:
    counts = [(await invoke(service, function, action="echo")).json["invocations"] for _ in range(5)]
    assert counts == [1, 2, 3, 4, 5]


async def test_calls_at_the_same_time_get_environments_of_their_own(
    service: LambdaService, function: str
) -> None:
    # Both listen on one port: as on two machines.
    calls = [invoke(service, function, action="listen", port=3080, holdMs=700) for _ in range(2)]
    results = await asyncio.gather(*calls)

    assert [result.body for result in results] == [b"listening on 3080"] * 2
    assert len(await service.status()) == 2


async def test_beyond_the_limit_calls_are_throttled(make_service: MakeService, function: str) -> None:
    service = await make_service(max_environments=1)
    busy = asyncio.create_task(invoke(service, function, action="stream", chunks=10, intervalMs=100))
    await until(service, lambda states: states == {"busy"})
    with pytest.raises(InvokeError) as refused:
        await invoke(service, function, action="echo")
    await busy

    assert (refused.value.status, refused.value.type) == (429, "TooManyRequestsException")


async def test_an_idle_environment_ends(make_service: MakeService, function: str) -> None:
    service = await make_service(idle_seconds=0.4)
    await invoke(service, function, action="echo")
    await until(service, lambda states: not states)

    assert (await invoke(service, function, action="echo")).json["invocations"] == 1


async def test_the_environments_of_a_deleted_function_end(
    make_service: MakeService, deployment: Deployment, image: str
) -> None:
    service = await make_service(idle_seconds=4)
    arn = deployment.function(image)
    await invoke(service, arn, action="echo")
    deployment.aws.client("lambda").delete_function(FunctionName=deployment.functions.pop())

    began = time.monotonic()
    await until(service, lambda states: not states)
    assert time.monotonic() - began < 3.5, "it ended for being idle"


async def test_idle_environments_make_room_for_other_functions(
    make_service: MakeService, deployment: Deployment, image: str, function: str
) -> None:
    service = await make_service(max_environments=1)
    await invoke(service, deployment.function(image), action="echo")
    await settled(service)

    assert (await invoke(service, function, action="echo")).json["invocations"] == 1


async def test_a_changed_configuration_means_a_new_environment(
    service: LambdaService, deployment: Deployment, image: str
) -> None:
    arn = deployment.function(image, variables={"VALUE": "old"})
    assert (await invoke(service, arn, action="environment")).json["VALUE"] == "old"
    await settled(service)
    client = deployment.aws.client("lambda")
    client.update_function_configuration(FunctionName=arn, Environment={"Variables": {"VALUE": "new"}})
    await asyncio.to_thread(client.get_waiter("function_updated_v2").wait, FunctionName=arn)

    assert (await invoke(service, arn, action="environment")).json["VALUE"] == "new"
    await settled(service)
    assert len(await service.status()) == 1


# --- Failures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "reason"), [({"code": 3}, "exit status 3"), ({"signal": "SIGKILL"}, "signal: killed")]
)
async def test_a_crash_is_an_exit_error_and_the_next_call_starts_afresh(
    service: LambdaService, function: str, how: dict[str, Any], reason: str
) -> None:
    result = await invoke(service, function, action="exit", **how)

    assert result.error is not None and result.error.type == "Runtime.ExitError"
    assert (
        result.error.message == f"RequestId: {result.request_id} Error: Runtime exited with error: {reason}"
    )
    assert (await invoke(service, function, action="echo")).json["invocations"] == 1


async def test_a_crash_in_mid_stream_keeps_what_was_sent(service: LambdaService, function: str) -> None:
    result = await invoke(service, function, action="exit", code=1, first=True)

    assert result.body == b"first"
    assert result.error is not None and result.error.type == "Runtime.ExitError"


async def test_a_crash_after_the_thaw_fails_the_invocation_that_thawed_it(
    service: LambdaService, function: str
) -> None:
    assert (await invoke(service, function, action="crashLater", afterMs=150)).body == b"answered"
    await settled(service)
    result = await invoke(service, function, action="hang")

    assert result.error is not None and result.error.message.endswith("exit status 3")
    assert (await invoke(service, function, action="echo")).json["invocations"] == 1


async def test_a_function_over_its_timeout_is_stopped(
    service: LambdaService, deployment: Deployment, image: str
) -> None:
    arn = deployment.function(image, Timeout=1)
    result = await invoke(service, arn, action="hang")
    await settled(service)

    assert result.body == b"partial"
    assert result.error is not None and result.error.type == "Sandbox.Timedout"
    assert result.error.message.endswith("Task timed out after 1.00 seconds")
    assert "Status: timeout" in service.recent_logs()[-1]
    assert (await invoke(service, arn, action="echo")).json["invocations"] == 1


@pytest.mark.parametrize("in_child", [False, True])
async def test_memory_over_the_limit_ends_the_environment(
    service: LambdaService, deployment: Deployment, image: str, in_child: bool
) -> None:
    arn = deployment.function(image, MemorySize=192)
    result = await invoke(service, arn, action="allocate", megabytes=1000, inChild=in_child)
    await settled(service)

    assert result.body == b"start"
    assert result.error is not None and result.error.type == "Runtime.ExitError"
    assert result.error.message.endswith("signal: killed")
    assert "Max Memory Used: 192 MB" in service.recent_logs()[-1]


async def test_init_over_its_limit_is_done_again_inside_the_first_invocation(
    make_service: MakeService, deployment: Deployment, image: str
) -> None:
    service = await make_service(init_seconds=0.5)
    arn = deployment.function(image, variables={"INIT_SLEEP_MS": "1200"})
    result = await invoke(service, arn, action="echo")
    await settled(service)
    lines = service.recent_logs()

    assert result.json["invocations"] == 1
    cut = next(line for line in lines if line.startswith("INIT_REPORT"))
    assert "Phase: init\tStatus: timeout" in cut
    assert lines.index(cut) < lines.index(f"START RequestId: {result.request_id} Version: $LATEST")
    duration = float(re.search(r"Duration: ([\d.]+) ms", lines[-1])[1])  # type: ignore[index]
    assert duration > 1200, "the second init runs on the function's time"


async def test_an_init_that_throws_is_tried_twice_and_then_told(
    service: LambdaService, deployment: Deployment, image: str
) -> None:
    arn = deployment.function(image, variables={"INIT": "throw"})
    result = await invoke(service, arn, action="echo")
    await settled(service)

    assert result.body == b""
    assert str(result.error) == "Error: init is broken"
    assert sum("INIT_REPORT" in line for line in service.recent_logs()) == 1
    assert await service.status() == []


async def test_an_init_that_exits_is_an_exit_error(
    service: LambdaService, deployment: Deployment, image: str
) -> None:
    arn = deployment.function(image, variables={"INIT": "exit"})
    result = await invoke(service, arn, action="echo")

    assert result.error is not None and result.error.message.endswith("exit status 7")


async def test_an_image_that_was_deleted_is_named(
    make_service: MakeService, deployment: Deployment, emulator: Any
) -> None:
    uri = deployment.image({"/var/task/different.mjs": Path(__file__)})
    arn = deployment.function(uri)
    repository = deployment.repositories.pop()
    emulator.aws.client("ecr").delete_repository(repositoryName=repository, force=True)
    service = await make_service()

    with pytest.raises(InvokeError, match=repository) as refused:
        await service.invoke(arn, b"{}")
    assert (refused.value.status, refused.value.type) == (502, "ImageDeleted")


async def test_closing_ends_running_invocations_and_processes(
    make_service: MakeService, function: str
) -> None:
    service = await make_service()
    invocation = await service.invoke(function, b'{"action": "hang"}')
    await service.close()

    result = await collect(invocation)
    assert result.error is not None and result.error.type == "Sandbox.Failure"
    assert await service.status() == []


# --- The log ----------------------------------------------------------------------------------------


async def test_output_stands_between_start_and_end_in_cloudwatch(
    service: LambdaService, function: str, emulator: Any, state: Path
) -> None:
    result = await invoke(service, function, action="echo")
    await settled(service)
    stream = (await service.status())[0].log_stream
    await service.close()
    name = function.rpartition(":")[2]
    events = await asyncio.to_thread(
        emulator.aws.client("logs").get_log_events,
        logGroupName=f"/aws/lambda/{name}",
        logStreamName=stream,
        startFromHead=True,
    )
    messages = [event["message"] for event in events["events"]]
    start = messages.index(f"START RequestId: {result.request_id} Version: $LATEST")
    end = messages.index(f"END RequestId: {result.request_id}")

    assert [message.rpartition("\t")[2] for message in messages[start + 1 : end]] == ["action echo"]
    assert re.fullmatch(
        rf"REPORT RequestId: {result.request_id}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 512 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t",
        messages[end + 1],
    )
    assert "action echo" in (state / "logs/lambda.log").read_text()
    assert service.recent_logs(name)[-1] == messages[end + 1]
