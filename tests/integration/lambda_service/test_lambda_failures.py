"""What becomes of a call when its function crashes, hangs, outgrows its memory, or cannot start."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from scripts.local.lambda_.invocation import InvokeError
from scripts.local.lambda_.service import LambdaService
from tests.integration.lambda_functions import Deployment
from tests.integration.lambda_service.calls import LogLines, MakeService, collect, invoke, settled

pytestmark = pytest.mark.integration


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
    assert (await invoke(service, function, action="crashLater", afterMs=2000)).body == b"answered"
    await settled(service)
    result = await invoke(service, function, action="hang")

    assert result.error is not None and result.error.message.endswith("exit status 3")
    assert (await invoke(service, function, action="echo")).json["invocations"] == 1


async def test_a_function_over_its_timeout_is_stopped(
    service: LambdaService, deployment: Deployment, image: str, log_lines: LogLines
) -> None:
    arn = deployment.function(image, Timeout=3)
    result = await invoke(service, arn, action="hang")
    await settled(service)

    assert result.body == b"partial"
    assert result.error is not None and result.error.type == "Sandbox.Timedout"
    assert result.error.message.endswith("Task timed out after 3.00 seconds")
    assert "Status: timeout" in log_lines()[-1]
    assert (await invoke(service, arn, action="echo")).json["invocations"] == 1


async def test_a_rehearsals_clock_brings_the_timeout_forward(
    service: LambdaService, deployment: Deployment, image: str
) -> None:
    arn = deployment.function(image, Timeout=100)
    result = await collect(await service.invoke(arn, b'{"action": "hang"}', clock=100))

    assert result.error is not None and result.error.type == "Sandbox.Timedout"
    assert result.error.message.endswith("Task timed out after 1.00 seconds")


@pytest.mark.parametrize("in_child", [False, True])
async def test_memory_over_the_limit_ends_the_environment(
    service: LambdaService, deployment: Deployment, image: str, in_child: bool, log_lines: LogLines
) -> None:
    arn = deployment.function(image, MemorySize=192)
    result = await invoke(service, arn, action="allocate", megabytes=1000, inChild=in_child)
    await settled(service)

    assert result.body == b"start"
    assert result.error is not None and result.error.type == "Runtime.ExitError"
    assert result.error.message.endswith("signal: killed")
    assert "Max Memory Used: 192 MB" in log_lines()[-1]


async def test_init_over_its_limit_is_done_again_inside_the_first_invocation(
    make_service: MakeService, deployment: Deployment, image: str, log_lines: LogLines
) -> None:
    service = await make_service(init_seconds=0.5)
    arn = deployment.function(image, variables={"INIT_SLEEP_MS": "1200"})
    result = await invoke(service, arn, action="echo")
    await settled(service)
    lines = log_lines()

    assert result.json["invocations"] == 1
    cut = next(line for line in lines if line.startswith("INIT_REPORT"))
    assert "Phase: init\tStatus: timeout" in cut
    assert lines.index(cut) < lines.index(f"START RequestId: {result.request_id} Version: $LATEST")
    duration = float(re.search(r"Duration: ([\d.]+) ms", lines[-1])[1])  # type: ignore[index]
    assert duration > 1200, "the second init runs on the function's time"


async def test_an_init_that_throws_is_tried_twice_and_then_told(
    service: LambdaService, deployment: Deployment, image: str, log_lines: LogLines
) -> None:
    arn = deployment.function(image, variables={"INIT": "throw"})
    result = await invoke(service, arn, action="echo")
    await settled(service)

    assert result.body == b""
    assert str(result.error) == "Error: init is broken"
    assert sum("INIT_REPORT" in line for line in log_lines()) == 1
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
