"""The Runtime API with an invoke URL, and nothing else: for tests of a handler and for benchmarks.

Prints one line, ``{"runtime_api": "127.0.0.1:PORT", "invoke": "http://127.0.0.1:PORT/invoke"}``.
POST an event to the invoke URL: the response streams back as the runtime posts it, its content type
in ``x-runtime-content-type``. ``GET …/invoke/last-error`` tells how the last invocation ended:
``null``, or ``{"type", "message", "payload"}``. Invocations run one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import signal

from scripts.local.lambda_.http11 import Disconnected, Exchange, HttpServer, Request
from scripts.local.lambda_.invocation import FunctionError, Invocation
from scripts.local.lambda_.runtime_api import RuntimeApi


class InvokeServer:
    """The invoke URL in front of one `RuntimeApi`."""

    def __init__(
        self, runtime_api: RuntimeApi, *, timeout: float, lenience: float, function_arn: str
    ) -> None:
        self._runtime_api = runtime_api
        self._timeout = timeout
        self._cut = timeout + lenience
        self._function_arn = function_arn
        self._last_error: FunctionError | None = None
        self._one_at_a_time = asyncio.Lock()
        self._server = HttpServer(self._handle)

    async def start(self) -> str:
        """Listen and return the URL."""
        return f"http://{await self._server.start()}/invoke"

    async def close(self) -> None:
        """Stop listening."""
        await self._server.close()

    async def _handle(self, request: Request, exchange: Exchange) -> None:
        if (request.method, request.path) == ("POST", "/invoke"):
            event = await exchange.read()
            async with self._one_at_a_time:
                await self._invoke(event, exchange)
        elif (request.method, request.path) == ("GET", "/invoke/last-error"):
            await exchange.respond(
                200, _to_json(self._last_error).encode(), {"Content-Type": "application/json"}
            )
        else:
            await exchange.respond(404)

    async def _invoke(self, event: bytes, exchange: Exchange) -> None:
        invocation = Invocation(self._function_arn, event)
        await self._runtime_api.idle.wait()
        self._runtime_api.dispatch(invocation, timeout=self._timeout)
        try:
            async with asyncio.timeout(self._cut):
                await invocation.started()
                await exchange.start(
                    200,
                    {
                        "Content-Type": "application/octet-stream",
                        "x-runtime-content-type": invocation.content_type,
                        "x-request-id": invocation.request_id,
                    },
                )
                async for chunk in invocation:
                    await exchange.write(chunk)
        except TimeoutError:
            invocation.finish(FunctionError.make("Sandbox.Timedout", f"No end within {self._cut:g} s"))
            raise Disconnected("timed out") from None
        except Disconnected:
            await invocation.abandon()
            raise
        finally:
            self._last_error = invocation.error
        await exchange.finish()


def _to_json(error: FunctionError | None) -> str:
    if error is None:
        return "null"
    return json.dumps(dataclasses.asdict(error) | {"payload": error.payload.decode(errors="replace")})


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    runtime_api = RuntimeApi()
    await runtime_api.start()
    invoke = InvokeServer(
        runtime_api,
        timeout=options.timeout,
        lenience=options.lenience,
        function_arn=options.function_arn,
    )
    url = await invoke.start()
    print(json.dumps({"runtime_api": runtime_api.address, "invoke": url}), flush=True)
    await stop.wait()
    await invoke.close()
    await runtime_api.close()


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(description="The Lambda Runtime API with an invoke URL.")
    parser.add_argument("--timeout", type=float, default=30, help="seconds that a function has")
    parser.add_argument(
        "--lenience",
        type=float,
        default=0,
        help="seconds between the end that the function is told and the one that is enforced: tests of what "
        "it does at its end must not depend on how fast this machine does it",
    )
    parser.add_argument("--function-arn", default="arn:aws:lambda:eu-west-1:000000000000:function:standalone")
    asyncio.run(_serve(parser.parse_args()))
