"""Calling functions of a Lambda service, and waiting for the state of its environments."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from scripts.local.lambda_.invocation import FunctionError, Invocation
from scripts.local.lambda_.service import LambdaService

MakeService = Callable[..., Awaitable[LambdaService]]
LogLines = Callable[[], list[str]]


@dataclass
class Result:
    """A response, whole."""

    chunks: list[bytes] = field(default_factory=list)
    content_type: str = ""
    request_id: str = ""
    error: FunctionError | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def collect(invocation: Invocation) -> Result:
    """Read an invocation's response to its end."""
    chunks = [chunk async for chunk in invocation]
    return Result(chunks, invocation.content_type, invocation.request_id, invocation.error)


async def invoke(service: LambdaService, function: str, **event: Any) -> Result:
    """Invoke a function and read its response."""
    return await collect(await service.invoke(function, json.dumps(event).encode()))


async def settled(service: LambdaService) -> None:
    """Wait until no environment works."""
    await until(service, lambda states: not states & {"busy", "starting"})


async def until(service: LambdaService, condition: Callable[[set[str]], bool]) -> None:
    """Wait until the states of the environments fulfil `condition`."""
    async with asyncio.timeout(120):
        while not condition({each.state for each in await service.status()}):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
