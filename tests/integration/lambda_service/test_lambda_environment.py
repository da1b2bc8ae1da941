"""What a function finds around it: variables, credentials, files, its log."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.local.lambda_.service import LambdaService
from tests.integration.lambda_service.calls import MakeService, invoke, settled

pytestmark = pytest.mark.integration


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


PUBLISHED = (
    "AWS4-HMAC-SHA256 Credential=515966504419/20261201/eu-west-1/ssm/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


@pytest.mark.parametrize(
    "attempt",
    [
        {"path": "/_ministack/reset"},
        {"path": "/_ministack/config", "body": "{}"},
        {"path": "/2015-03-31/functions", "method": "GET"},
        {"path": "/_rehearsal/next-id", "body": "{}"},
        {
            "headers": {
                "authorization": PUBLISHED,
                "x-amz-target": "AmazonSSM.GetParameter",
                "content-type": "application/x-amz-json-1.1",
            },
            "body": '{"Name": "/x"}',
        },
    ],
    ids=lambda attempt: attempt.get("path", "ssm"),
)
async def test_its_way_to_aws_opens_nothing_without_its_own_signature(
    service: LambdaService, function: str, attempt: dict[str, Any]
) -> None:
    assert (await invoke(service, function, action="request", **attempt)).json["status"] == 403


async def test_with_its_own_signature_it_may_do_what_its_role_allows_only(
    service: LambdaService, function: str, emulator: Any
) -> None:
    variables = (await invoke(service, function, action="environment")).json
    app = emulator.as_key(
        variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], variables["AWS_SESSION_TOKEN"]
    )
    for refused in (app.client("lambda").list_functions, app.client("ssm").describe_parameters):
        with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
            await asyncio.to_thread(refused)


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
