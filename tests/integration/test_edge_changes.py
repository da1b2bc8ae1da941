"""The edge notices every change of what is deployed, and reads nothing again without one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.local.edge.discovery import Discovery
from tests.integration.conftest import Emulator
from tests.integration.edge_stack import ALL_VIEWER, ALL_VIEWER_EXCEPT_HOST, Stack, deployed, viewer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stack(emulator: Emulator) -> Iterator[Stack]:
    with deployed(emulator) as made:
        yield made


async def test_changes_are_seen_by_the_next_request(stack: Stack):
    async with viewer(stack) as session:
        async with session.get("/api/x") as response:
            assert response.status == 200
        await asyncio.to_thread(stack.forbid)
        async with session.get("/api/x") as response:
            assert response.status == 500
        await asyncio.to_thread(stack.permit)
        async with session.get("/api/x") as response:
            assert response.status == 200


async def test_forwarding_the_host_header_is_forbidden(stack: Stack):
    def policy(identifier: str) -> Any:
        return lambda config: config["CacheBehaviors"]["Items"][0].update(OriginRequestPolicyId=identifier)

    async with viewer(stack) as session:
        await asyncio.to_thread(stack.update_distribution, policy(ALL_VIEWER))
        async with session.get("/api/x") as response:
            assert response.status == 403
            assert await response.json() == {"message": "Forbidden"}
        await asyncio.to_thread(stack.update_distribution, policy(ALL_VIEWER_EXCEPT_HOST))
        async with session.get("/api/x") as response:
            assert response.status == 200


async def test_a_new_method_is_served_only_after_a_deployment(stack: Stack):
    api = stack.client("apigateway")
    resources = api.get_resources(restApiId=stack.api_id)["items"]
    (parent,) = (resource["id"] for resource in resources if resource["path"] == "/api")
    stack.method(parent, "GET")
    async with viewer(stack) as session:
        async with session.get("/api/") as response:
            assert response.status == 403
        await asyncio.to_thread(api.create_deployment, restApiId=stack.api_id, stageName="default")
        async with session.get("/api/") as response:
            assert response.status == 200


async def test_nothing_is_read_again_while_nothing_changes(stack: Stack):
    discovery = Discovery(stack.emulator.aws, stack.emulator.generation)
    first, second = await asyncio.gather(discovery.current(), discovery.current())
    assert first is second is await discovery.current()
