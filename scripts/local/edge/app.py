"""The edge as an HTTP server: aiohttp on the outside, `CloudFront` on the inside.

Everything that concerns sockets is here: reading a viewer's request, writing each piece of a
response the moment it arrives, and dropping the connection when a response ends before its time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from typing import Final, Protocol

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from scripts.aws import Aws
from scripts.local import clock
from scripts.local.edge.api_gateway import ApiGateway, api_id_of
from scripts.local.edge.cloudfront import CloudFront, Served, error_page, new_hop
from scripts.local.edge.discovery import Changes, Discovery
from scripts.local.edge.lambda_integration import Functions, Limits
from scripts.local.edge.messages import MAX_REQUEST_BYTES, ConnectionCut, Request
from scripts.local.edge.model import ControlPlane
from scripts.local.edge.s3_behavior import EmulatedS3Behavior

log = logging.getLogger("edge")

# Options of the HTTP server. Its own limits lie far beyond CloudFront's, which `CloudFront` enforces.
SERVER_OPTIONS: Final = {"max_line_size": 65_536, "max_field_size": 65_536}

_UNREADABLE = "The embedded AWS cannot be read ({}). See `inv local.status` and `inv local.logs`."


class Deployed(Protocol):
    """Knows what is deployed (`Discovery`)."""

    async def current(self) -> ControlPlane:
        """What is deployed now."""


def make_app(aws: Aws, lambda_: Functions, generation: Changes, emulator_endpoint: str) -> web.Application:
    """The edge of an account as an application.

    Args:
        aws: The control plane's API.
        lambda_: Runs the functions.
        generation: Says when the control plane changed.
        emulator_endpoint: The emulator's address, for S3 behaviors.
    """
    return serving(Discovery(aws, generation), lambda_, emulator_endpoint, Limits())


def serving(
    deployed: Deployed, functions: Functions, emulator_endpoint: str, limits: Limits
) -> web.Application:
    """The edge as an application, for whatever source of what is deployed."""
    edge = _Edge(deployed, functions, emulator_endpoint, limits)
    app = web.Application()
    app.cleanup_ctx.append(edge.connected)
    app.on_response_prepare.append(_only_our_headers)
    app.router.add_route("*", r"/{path:[\s\S]*}", edge.handle)
    return app


class _Edge:
    """The request handler and what it stands on."""

    def __init__(self, deployed: Deployed, functions: Functions, endpoint: str, limits: Limits) -> None:
        self._deployed = deployed
        self._api_gateway = ApiGateway(functions, limits)
        self._endpoint = endpoint
        self._cloudfront: CloudFront | None = None

    async def connected(self, _app: web.Application) -> AsyncIterator[None]:
        """Hold the connections to the emulator for the time the application runs."""
        async with aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_read=30),
        ) as session:
            self._cloudfront = CloudFront(self._api_gateway, EmulatedS3Behavior(session, self._endpoint))
            yield

    async def handle(self, incoming: web.Request) -> web.StreamResponse:
        """Serve one request and log one line about it."""
        started = time.monotonic()
        served = await self._serve(incoming)
        response = served.response
        sent, ending = 0, "interrupted"
        outgoing = web.StreamResponse(status=response.status, headers=CIMultiDict(response.headers))
        if (speed := _clock(incoming)) != 1:
            outgoing.headers[clock.HEADER] = str(speed)
        try:
            await outgoing.prepare(incoming)
            async for chunk in response.body:
                if incoming.method != "HEAD":
                    await outgoing.write(chunk)
                    sent += len(chunk)
            await outgoing.write_eof()
            ending = response.reason
        except Exception as error:
            # A viewer that went away is not told to the function: API Gateway does not propagate it.
            gone = incoming.transport is None or incoming.transport.is_closing()
            ending = "viewer gone" if gone else f"connection cut: {error}"
            if not gone and not isinstance(error, ConnectionCut):
                log.exception("%s %s", incoming.method, incoming.raw_path)
            # Closed without the last chunk: only so does the viewer learn that something is missing.
            if incoming.transport is not None:
                incoming.transport.close()
        finally:
            await response.close()
            elapsed = (time.monotonic() - started) * 1000
            log.info(
                "%s %s %d %s %.0f ms %d bytes%s",
                incoming.method,
                incoming.raw_path,
                response.status,
                served.behavior,
                elapsed,
                sent,
                f" - {ending}" if ending else "",
            )
        return outgoing

    async def _serve(self, incoming: web.Request) -> Served:
        try:
            plane = await self._deployed.current()
        except Exception as error:
            log.exception("reading the control plane")
            return Served(error_page(503, _UNREADABLE.format(error), new_hop()))
        try:
            assert self._cloudfront is not None, "the application has not started"
            request = await _request(incoming)
            if api_id_of(request.header("Host")):
                # The API's own address, which is public on AWS, too: around CloudFront.
                return Served(await self._api_gateway.serve(plane, request), "execute-api")
            return await self._cloudfront.serve(plane, request)
        except Exception as error:
            log.exception("%s %s", incoming.method, incoming.raw_path)
            return Served(error_page(500, f"A fault of the local edge: {error!r}.", new_hop()))


async def _only_our_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Take back what aiohttp adds by itself: CloudFront passes the origin's headers and no others."""
    if "python" in response.headers.get("Server", "").lower():
        del response.headers["Server"]


async def _request(incoming: web.Request) -> Request:
    path, _, query = incoming.raw_path.partition("?")
    body = bytearray()
    # One byte too many is enough to know: API Gateway refuses it, and the rest is never read.
    while len(body) <= MAX_REQUEST_BYTES and (chunk := await incoming.content.readany()):
        body += chunk
    return Request(
        method=incoming.method,
        path=path,
        query=query,
        headers=tuple(incoming.headers.items()),
        body=bytes(body[: MAX_REQUEST_BYTES + 1]),
        client_ip=incoming.remote or "127.0.0.1",
        clock=_clock(incoming),
    )


def _clock(incoming: web.Request) -> int:
    return clock.parse(incoming.headers.get(clock.HEADER, ""))
