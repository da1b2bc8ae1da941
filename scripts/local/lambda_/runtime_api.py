"""The Lambda Runtime API, version 2018-06-01, for one runtime.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, and for streamed responses
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming.
Knows nothing of processes: `environment.py` starts and stops them. Alone, for tests of a handler:

    python -m scripts.local.lambda_.runtime_api
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import socket
import time
from collections.abc import Mapping

from scripts.local.lambda_.http11 import Disconnected, Exchange, HttpServer, Request
from scripts.local.lambda_.invocation import FunctionError, Invocation, ResponseTooLarge
from scripts.local.lambda_.waiting import first_of

_PREFIX = "/2018-06-01/runtime"
_INVOCATION_PATH = re.compile(_PREFIX + r"/invocation/([^/]+)/(response|error)")
_ERROR_TYPE = "lambda-runtime-function-error-type"
_ERROR_BODY = "lambda-runtime-function-error-body"


class RuntimeApi:
    """Server side of one runtime's loop: next, response or error, next, …

    Attributes:
        idle: Set while the runtime waits for an event.
        init_failed: Set when the runtime reported that it cannot start; see `init_error`.
    """

    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self.init_failed = asyncio.Event()
        self.init_error: FunctionError | None = None
        self.address = ""
        self._current: Invocation | None = None
        self._deadline_ms = 0
        self._dispatched = asyncio.Event()
        self._server = HttpServer(self._handle)

    async def start(self, listening: socket.socket | None = None) -> None:
        """Listen on a free loopback port, or on a socket of another network namespace."""
        self.address = await self._server.start(listening)

    async def close(self) -> None:
        """Cut the runtime off."""
        await self._server.close()

    def dispatch(self, invocation: Invocation, *, timeout: float) -> None:
        """Answer the waiting runtime with an event. Only while `idle` is set.

        Args:
            invocation: The event, and where its response goes.
            timeout: Seconds that the function has, for the deadline it is told.
        """
        if not self.idle.is_set():
            raise RuntimeError("the runtime is busy: one request at a time per environment")
        self.idle.clear()
        self._current = invocation
        self._deadline_ms = int((time.time() + timeout) * 1000)
        self._dispatched.set()

    async def _handle(self, request: Request, exchange: Exchange) -> None:
        route = (request.method, request.path)
        if route == ("GET", f"{_PREFIX}/invocation/next"):
            await self._next(exchange)
        elif route == ("POST", f"{_PREFIX}/init/error"):
            self.init_error = FunctionError.parse(request.headers.get(_ERROR_TYPE, ""), await exchange.read())
            self.init_failed.set()
            await _accepted(exchange)
        elif request.method == "POST" and (match := _INVOCATION_PATH.fullmatch(request.path)):
            await self._result(match[1], match[2], request.headers, exchange)
        else:
            await exchange.respond(404, b"404 page not found")

    async def _next(self, exchange: Exchange) -> None:
        if self._current is not None and not self._current.finished:
            self._current.finish(
                FunctionError.make(
                    "Runtime.Unknown", "The runtime asked for the next event without answering the last one"
                )
            )
        self._current = None
        self.idle.set()
        try:
            await first_of(self._dispatched.wait(), exchange.disconnected())
            if not self._dispatched.is_set():
                raise Disconnected("the runtime left while waiting for an event")
        except BaseException:
            self.idle.clear()
            raise
        self._dispatched.clear()
        invocation = self._current
        assert invocation is not None
        await exchange.respond(
            200,
            invocation.event,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(self._deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                "Lambda-Runtime-Trace-Id": invocation.trace_id,
            },
        )

    async def _result(
        self, request_id: str, kind: str, headers: Mapping[str, str], exchange: Exchange
    ) -> None:
        invocation = self._current
        if invocation is None or invocation.request_id != request_id:
            await _rejected(exchange, 400, "InvalidRequestID", "Invalid request ID")
        elif kind == "error":
            # Also while a response is under way: an uncaught exception ends the stream.
            invocation.finish(FunctionError.parse(headers.get(_ERROR_TYPE, ""), await exchange.read()))
            await _accepted(exchange)
        elif invocation.finished:
            await _rejected(exchange, 403, "InvalidStateTransition", "The invocation has already ended")
        else:
            await self._response(invocation, headers, exchange)

    async def _response(self, invocation: Invocation, headers: Mapping[str, str], exchange: Exchange) -> None:
        streamed = headers.get("lambda-runtime-function-response-mode", "").lower() == "streaming"
        invocation.begin(headers.get("content-type", "application/octet-stream"), streamed=streamed)
        try:
            async for chunk in exchange.body():
                await invocation.write(chunk)
        except ResponseTooLarge as quota:
            invocation.finish(FunctionError.make("Function.ResponseSizeTooLarge", str(quota)))
            await _rejected(exchange, 413, "RequestEntityTooLarge", str(quota))
        except Disconnected:
            # Usually the runtime's death, which the environment explains better and sooner; this
            # is the rest: a runtime that gave its own response up and lives on.
            error = FunctionError.make("Runtime.TruncatedResponse", "The runtime broke off its response")
            asyncio.get_running_loop().call_later(1, invocation.finish, error)
            raise
        else:
            invocation.finish(_trailing_error(exchange.trailers))
            await _accepted(exchange)


def _trailing_error(trailers: Mapping[str, str]) -> FunctionError | None:
    """The failure after the first byte: the body trailer is base64 of the error's JSON."""
    if _ERROR_TYPE not in trailers and _ERROR_BODY not in trailers:
        return None
    encoded = trailers.get(_ERROR_BODY, "")
    try:
        payload = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        payload = encoded.encode()
    return FunctionError.parse(trailers.get(_ERROR_TYPE, ""), payload)


async def _accepted(exchange: Exchange) -> None:
    await exchange.respond(202, b'{"status":"OK"}\n', {"Content-Type": "application/json"})


async def _rejected(exchange: Exchange, status: int, type: str, message: str) -> None:
    document = {"errorType": type, "errorMessage": message}
    await exchange.respond(status, json.dumps(document).encode(), {"Content-Type": "application/json"})


if __name__ == "__main__":
    from scripts.local.lambda_.standalone import main

    main()
