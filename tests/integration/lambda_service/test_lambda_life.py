"""The life of execution environments: one request at a time, frozen in between, replaced, ended."""

from __future__ import annotations

import asyncio

import pytest

from scripts.local.lambda_.invocation import InvokeError
from scripts.local.lambda_.service import LambdaService
from tests.integration.lambda_functions import Deployment
from tests.integration.lambda_service.calls import MakeService, invoke, settled, until

pytestmark = pytest.mark.integration


async def test_between_invocations_time_stands_still(service: LambdaService, function: str) -> None:
    first = (await invoke(service, function, action="echo")).json
    await settled(service)
    await asyncio.sleep(2)
    second = (await invoke(service, function, action="echo")).json

    assert second["pid"] == first["pid"] and second["invocations"] == 2
    assert second["ticks"] - first["ticks"] < 100, "a 10 ms timer ran on for two seconds"


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
    busy = await service.invoke(function, b'{"action": "hang"}')
    with pytest.raises(InvokeError) as refused:
        await invoke(service, function, action="echo")
    assert not busy.finished

    assert (refused.value.status, refused.value.type) == (429, "TooManyRequestsException")


async def test_a_function_has_no_more_environments_than_are_reserved_for_it(
    service: LambdaService, deployment: Deployment, image: str, function: str
) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""
    arn = deployment.function(image)
    client = deployment.aws.client("lambda")
    client.put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=1)
    busy = await service.invoke(arn, b'{"action": "hang"}')
    with pytest.raises(InvokeError) as refused:
        await invoke(service, arn, action="echo")
    assert not busy.finished

    assert (refused.value.status, refused.value.type) == (429, "TooManyRequestsException")
    assert (await invoke(service, function, action="echo")).json, "the others have what is left"


async def test_an_idle_environment_ends(make_service: MakeService, function: str) -> None:
    service = await make_service(idle_seconds=0.4)
    await invoke(service, function, action="echo")
    await until(service, lambda states: not states)

    assert (await invoke(service, function, action="echo")).json["invocations"] == 1


async def test_the_environments_of_a_deleted_function_end(
    make_service: MakeService, deployment: Deployment, image: str
) -> None:
    service = await make_service(idle_seconds=3600)
    arn = deployment.function(image)
    await invoke(service, arn, action="echo")
    deployment.aws.client("lambda").delete_function(FunctionName=deployment.functions.pop())

    # Not for being idle: nobody would wait for that.
    await until(service, lambda states: not states)


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
