"""Lambda proxy integrations: invoking the function and handing on its output, streamed or whole.

https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
Functions run elsewhere (`Functions`); here is only what API Gateway does with them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from scripts.local.edge.call import Call
from scripts.local.edge.event import proxy_event
from scripts.local.edge.gateway_error import bad_gateway, misconfigured, timed_out, too_large
from scripts.local.edge.media_types import is_binary
from scripts.local.edge.messages import ConnectionCut, Headers, Response, whole
from scripts.local.edge.model import Integration
from scripts.local.edge.permission import may_invoke
from scripts.local.edge.proxy_format import Head, MalformedResponse, parse_buffered, read_prelude
from scripts.local.lambda_.invocation import InvokeError

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_EVENT_BYTES = 6 * 1024 * 1024

_LAMBDA_URI = re.compile(
    r"arn:aws[a-z-]*:apigateway:[a-z0-9-]+:lambda:path/(?P<version>[\d-]+)/functions/(?P<function>arn:[^/]+)"
    r"/(?P<action>invocations|response-streaming-invocations)"
)
_BUFFERED_CALL = ("2015-03-31", "invocations")
_STREAMING_CALL = ("2021-11-15", "response-streaming-invocations")

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_REMAPPED = frozenset({"connection", "content-length", "date", "server", "www-authenticate"})
_DROPPED = frozenset({"transfer-encoding", "keep-alive", "trailer", "upgrade", "te", "proxy-authenticate"})

_PACED_PIECE = 64 * 1024


class Invocation(Protocol):
    """A started invocation: iterate over the bytes that the runtime posts, then look at `error`."""

    error: Any

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body, each piece as soon as it arrives."""

    async def abandon(self) -> None:
        """Nobody reads on; the function goes on. Without effect after the end."""


class Functions(Protocol):
    """The Lambda service as API Gateway uses it."""

    async def invoke(self, function: str, event: bytes, /, *, clock: int = 1) -> Invocation:
        """Start an invocation; returns when the response begins.

        The function's timeout runs `clock` times as fast as configured (`scripts.local.clock`). A caller
        that is cancelled leaves the function running: API Gateway's timeouts end nothing.

        Raises:
            InvokeError: when Lambda refuses.
        """


@dataclass(frozen=True)
class Limits:
    """Limits of streamed responses; the defaults are AWS's for Regional endpoints.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html
    Sizes in bytes, times in seconds.
    """

    unthrottled_bytes: int = 10 * 1024 * 1024
    bytes_per_second: float = 2 * 1024 * 1024
    idle_timeout: float = 300


class LambdaIntegration:
    """Integrations of type AWS_PROXY.

    Args:
        functions: The Lambda service.
        limits: Limits of streamed responses.
    """

    def __init__(self, functions: Functions, limits: Limits) -> None:
        self._functions = functions
        self._limits = limits

    async def answer(self, call: Call) -> Response:
        """Invoke the function and answer as soon as its response allows.

        Raises:
            GatewayError: when there is nothing to hand on.
        """
        function, streaming = _target(call)
        _check_permission(call, function)
        event = proxy_event(call)
        if len(event) > MAX_EVENT_BYTES:
            raise too_large("Request Too Long")
        invocation: Invocation | None = None
        try:
            async with asyncio.timeout_at(call.deadline):
                invocation = await self._invoke(function, event, call.request.clock)
                if not streaming:
                    return await _buffered(call, invocation)
                chunks = aiter(invocation)
                head, first = await _prelude(chunks, invocation)
        except BaseException as error:
            if invocation is not None:
                await invocation.abandon()
            if isinstance(error, MalformedResponse):
                raise bad_gateway(str(error)) from error
            if isinstance(error, TimeoutError):
                timeout = call.integration.timeout_ms
                raise timed_out(f"no response within the integration timeout of {timeout} ms") from error
            raise
        empty = call.request.method == "HEAD" or head.status in (204, 304)
        body = whole() if empty else self._stream(call, invocation, chunks, first)
        return Response(head.status, _response_headers(head, call), body, close=invocation.abandon)

    async def _invoke(self, function: str, event: bytes, clock: int) -> Invocation:
        try:
            return await self._functions.invoke(function, event, clock=clock)
        except InvokeError as error:
            # "If the Lambda API rejects the invocation request, API Gateway returns a 500 error code."
            # https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html
            raise misconfigured(f"Lambda refused the invocation: {error}") from error

    async def _stream(
        self, call: Call, invocation: Invocation, chunks: AsyncIterator[bytes], first: bytes
    ) -> AsyncIterator[bytes]:
        """The body after the prelude: each read handed on at once, throttled after the first 10 MB."""
        loop = asyncio.get_running_loop()
        limits = self._limits
        idle_timeout = limits.idle_timeout / call.request.clock
        sent, throttled_since = 0, 0.0
        chunk: bytes | None = first
        while chunk is not None:
            # Beyond the allowance in small steps, so that pacing is never mistaken for silence.
            for piece in _pieces(chunk) if sent + len(chunk) > limits.unthrottled_bytes else (chunk,):
                if sent >= limits.unthrottled_bytes:
                    throttled_since = throttled_since or loop.time()
                    due = throttled_since + (sent - limits.unthrottled_bytes) / limits.bytes_per_second
                    await asyncio.sleep(max(0.0, due - loop.time()))
                sent += len(piece)
                if piece:
                    yield piece
            try:
                async with asyncio.timeout_at(min(call.deadline, loop.time() + idle_timeout)):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                overdue = loop.time() >= call.deadline
                limit = (
                    f"integration timeout of {call.integration.timeout_ms} ms" if overdue else "idle timeout"
                )
                raise ConnectionCut(f"the {limit} of the streamed response passed") from None
        if invocation.error is not None:
            # There is no way to say so once the headers are out: the response just does not end properly.
            raise ConnectionCut(f"the function failed after its first byte: {invocation.error}")


def function_of(integration: Integration, stage_variables: Mapping[str, str]) -> str:
    """The ARN of the function behind a Lambda integration; empty for any other."""
    match = _LAMBDA_URI.fullmatch(_with_stage_variables(integration.uri, stage_variables))
    return match["function"] if match else ""


def _target(call: Call) -> tuple[str, bool]:
    """The function's ARN and whether its response is streamed."""
    integration = call.integration
    if integration.type != "AWS_PROXY":
        raise misconfigured(f"the local edge serves MOCK and AWS_PROXY integrations, not {integration.type}")
    if integration.http_method != "POST":
        raise misconfigured(f"a Lambda integration is called with POST, not {integration.http_method}")
    uri = _with_stage_variables(integration.uri, call.stage.variables)
    match = _LAMBDA_URI.fullmatch(uri)
    if match is None:
        raise misconfigured(f"not the invocation URI of a Lambda function: {uri!r}")
    streaming = integration.response_transfer_mode == "STREAM"
    # Each mode has its own Lambda API, and the URI has to name the same one.
    if (match["version"], match["action"]) != (_STREAMING_CALL if streaming else _BUFFERED_CALL):
        raise misconfigured(
            f"responseTransferMode {integration.response_transfer_mode} does not go with the URI "
            f"…/{match['version']}/functions/…/{match['action']}"
        )
    return match["function"], streaming


def _with_stage_variables(uri: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\$\{stageVariables\.(\w+)\}", lambda match: variables.get(match[1], match[0]), uri)


def _check_permission(call: Call, function: str) -> None:
    if call.integration.credentials:
        raise misconfigured("the local edge does not assume the role of an integration's credentials")
    plane = call.plane
    source_arn = (
        f"arn:aws:execute-api:{plane.region}:{plane.account_id}:"
        f"{call.api.id}/{call.stage.name}/{call.request.method}{call.route.resource.path}"
    )
    policy = plane.function_policies.get(function, ())
    if not may_invoke(policy, function_arn=function, source_arn=source_arn, source_account=plane.account_id):
        raise misconfigured(
            f"Invalid permissions on Lambda function: no statement of the resource policy of {function} "
            f"lets API Gateway invoke it for {source_arn}"
        )


async def _prelude(chunks: AsyncIterator[bytes], invocation: Invocation) -> tuple[Head, bytes]:
    try:
        return await read_prelude(chunks)
    except MalformedResponse as error:
        if invocation.error is not None:
            raise MalformedResponse(f"Lambda execution failed: {invocation.error}") from error
        raise


async def _buffered(call: Call, invocation: Invocation) -> Response:
    payload = b"".join([chunk async for chunk in invocation])
    if invocation.error is not None:
        raise MalformedResponse(f"Lambda execution failed: {invocation.error}")
    accept = call.request.header("Accept").partition(",")[0]
    accepts_binary = bool(accept) and is_binary(accept, call.api.binary_media_types)
    head, body = parse_buffered(payload, accepts_binary=accepts_binary)
    headers = (*_response_headers(head, call), ("Content-Length", str(len(body))))
    return Response(head.status, headers, whole(b"" if call.request.method == "HEAD" else body))


def _response_headers(head: Head, call: Call) -> Headers:
    """The function's headers as API Gateway hands them on."""
    headers = [
        (f"x-amzn-Remapped-{name.title()}" if name.lower() in _REMAPPED else name, value)
        for name, value in head.headers
        if name.lower() not in _DROPPED
    ]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return (*headers, *call.ids.headers, ("X-Amzn-Trace-Id", call.ids.trace_id))


def _pieces(chunk: bytes) -> list[bytes]:
    return [chunk[at : at + _PACED_PIECE] for at in range(0, len(chunk), _PACED_PIECE)]
