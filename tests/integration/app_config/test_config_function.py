"""A function that runs gets the configuration that was pushed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from scripts import app_config
from scripts.aws import Aws
from scripts.local.lambda_.service import LambdaService
from scripts.local.network import VpcNetwork
from scripts.settings import Settings
from scripts.target import aws_target
from tests.integration.app_config.commands import (
    BUCKET,
    DEPLOYED,
    FUNCTION,
    KEY,
    body,
    push,
    put,
    sign_out,
    variables,
)
from tests.integration.conftest import REGION, Emulator
from tests.integration.lambda_service.calls import settled

pytestmark = pytest.mark.integration


def test_a_push_gives_the_function_the_new_version_and_keeps_all_else(
    settings: Settings, s3: Any, file: Path, function: Any
) -> None:
    ended = push(settings, file)

    version = s3.head_object(Bucket=BUCKET, Key=KEY)["ETag"].strip('"')
    assert variables(function) == {"CONFIG_VERSION": version, "OTHER": "geheim"}
    status = function.get_function_configuration(FunctionName=FUNCTION)["LastUpdateStatus"]
    assert status == "Successful", "the push did not wait for the update"
    assert ended.events["config_pushed"]["function"] == "restarted"
    assert "geheim" not in ended.out


def test_the_next_plan_wants_what_the_push_has_set(
    settings: Settings, s3: Any, file: Path, function: Any
) -> None:
    """With credentials that may read the bucket, and with those that may not."""
    push(settings, file)
    has = variables(function)["CONFIG_VERSION"]
    deployer = aws_target(settings)
    assert app_config.version_to_deploy(settings, deployer) == has  # it keeps what is deployed
    reader = replace(deployer, aws=Aws(region=REGION, profile="apro-shared"))
    assert app_config.version_to_deploy(settings, reader) == has


def test_a_push_that_was_interrupted_before_the_restart_is_completed_by_the_next_one(
    settings: Settings, s3: Any, file: Path, function: Any
) -> None:
    put(s3, DEPLOYED)
    ended = push(settings, file)
    pushed = ended.events["config_pushed"]
    assert (pushed["uploaded"], pushed["function"]) == (False, "restarted")
    assert push(settings, file).events["config_pushed"]["function"] == "unchanged"


def test_without_a_restart_neither_function_nor_its_account_is_touched(
    settings: Settings, s3: Any, file: Path, function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_out(monkeypatch)
    ended = push(settings, file, restart=False)
    assert body(s3) == DEPLOYED
    assert variables(function)["CONFIG_VERSION"] == "old"
    assert ended.events["config_pushed"]["function"] == "not asked"


@pytest_asyncio.fixture
async def service(cloud: Emulator, tmp_path: Path) -> AsyncIterator[LambdaService]:
    network = VpcNetwork(cloud.aws, cloud.generation)
    running = LambdaService(cloud.aws, network, tmp_path / "lambda", cloud.generation)
    yield running
    await running.close()
    await network.close()


async def test_requests_after_a_push_are_served_by_a_new_environment(
    settings: Settings, s3: Any, file: Path, function: Any, service: LambdaService
) -> None:
    async def environment() -> dict[str, str]:
        invocation = await service.invoke(FUNCTION, b'{"action": "environment"}')
        answer: dict[str, str] = json.loads(b"".join([chunk async for chunk in invocation]))
        return answer

    assert (await environment())["CONFIG_VERSION"] == "old"
    await settled(service)  # only an idle environment is ended by the next request
    (old,) = await service.status()

    version = push(settings, file).events["config_pushed"]["version"]

    assert (await environment())["CONFIG_VERSION"] == version
    (new,) = await service.status()
    assert new.log_stream != old.log_stream
