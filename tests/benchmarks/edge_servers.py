"""The servers that `tests.benchmarks.edge` measures, each as a process of its own.

All answer the same questions: ``/api/json``, ``/api/stream?events=N&interval=MS`` (each event says when it
was sent, in nanoseconds of the machine's monotonic clock) and, where there are files, ``/assets/app.js``.
Each prints its port and serves until its standard input ends. Not part of that package, so that a server
loads, and holds in memory, only what it serves with.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from scripts.local.lambda_.service import LambdaService

JSON_BODY = json.dumps({"status": "OK", "items": list(range(40))}).encode()
ASSET = b"/* an asset of the client */\n" * 1400
"""About 40 kB."""

_PRELUDE_END = bytes(8)


async def sent_events(query: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Events at an even pace, however long the reader takes."""
    loop = asyncio.get_running_loop()
    began, interval = loop.time(), float(query["interval"]) / 1000
    for number in range(1, int(query["events"]) + 1):
        await asyncio.sleep(began + number * interval - loop.time())
        yield b"data: %d\n\n" % time.monotonic_ns()


def bare() -> web.Application:
    """The limit: aiohttp, which the edge is written with, and nothing else."""

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        async for event in sent_events(request.query):
            await response.write(event)
        await response.write_eof()
        return response

    async def small(_request: web.Request) -> web.Response:
        return web.Response(body=JSON_BODY, content_type="application/json")

    async def asset(_request: web.Request) -> web.Response:
        return web.Response(body=ASSET, content_type="text/javascript")

    app = web.Application()
    app.router.add_get("/api/json", small)
    app.router.add_get("/api/stream", stream)
    app.router.add_get("/assets/app.js", asset)
    return app


class Instant:
    """A function in the edge's own process that takes no time: what is left is the edge."""

    async def invoke(self, function: str, event: bytes, /, *, clock: int = 1) -> _InstantInvocation:
        """Answer at once, or with a stream."""
        return _InstantInvocation(json.loads(event))


class _InstantInvocation:
    error: Any = None

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._event = event

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._event["path"] == "/api/json":
            yield _prelude("application/json") + JSON_BODY
            return
        yield _prelude("text/event-stream")
        async for event in sent_events(self._event["queryStringParameters"]):
            yield event

    async def abandon(self) -> None:
        """Nothing to end."""


def function_alone(functions: LambdaService, function: str) -> web.Application:
    """The Lambda service behind a bare server: the edge's part is what the whole chain adds to it."""

    async def answer(request: web.Request) -> web.StreamResponse:
        event = json.dumps({"path": request.path, "queryStringParameters": dict(request.query)})
        invocation = await functions.invoke(function, event.encode())
        response = web.StreamResponse()
        head = b""
        async for chunk in invocation:
            if not response.prepared:
                head += chunk
                text, found, chunk = head.partition(_PRELUDE_END)
                if not found:
                    continue
                response.headers.update(json.loads(text)["headers"])
                await response.prepare(request)
            if chunk:
                await response.write(chunk)
        await response.write_eof()
        return response

    app = web.Application()
    app.router.add_get("/api/{path}", answer)
    return app


def _prelude(content_type: str) -> bytes:
    head = {"statusCode": 200, "headers": {"content-type": content_type}}
    return json.dumps(head).encode() + _PRELUDE_END


@dataclass(frozen=True)
class Options:
    """The command line.

    Attributes:
        kind: ``bare``, ``edge``, ``function`` or ``chain``.
        endpoint: The control plane's address.
        state: The control plane's directory.
        function: ARN of the function.
    """

    kind: str
    endpoint: str
    state: Path
    function: str
    region: str


async def _app(options: Options, parts: AsyncExitStack) -> web.Application:
    if options.kind == "bare":
        return bare()
    from scripts.local.credentials import read_or_make
    from scripts.local.generation import Generation

    aws = read_or_make(options.state).clients(options.endpoint, options.region)
    generation = Generation(options.state / "generation")
    functions: Any = Instant()
    if options.kind != "edge":
        from scripts.local.lambda_.service import LambdaService
        from scripts.local.network import VpcNetwork

        network = VpcNetwork(aws, generation)
        await network.start()
        parts.push_async_callback(network.close)
        functions = LambdaService(aws, network, options.state / "lambda", generation)
        parts.push_async_callback(functions.close)
        if options.kind == "function":
            return function_alone(functions, options.function)
    from scripts.local.edge import make_app

    return make_app(aws, functions, generation, options.endpoint)


async def _serve(options: Options) -> None:
    async with AsyncExitStack() as parts:
        app = await _app(options, parts)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        parts.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Serve one kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("bare", "edge", "function", "chain"))
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--function", required=True)
    parser.add_argument("--region", required=True)
    asyncio.run(_serve(Options(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
