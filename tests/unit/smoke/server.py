"""A deployment on loopback that behaves, and whose every answer a test can replace by a wrong one.

It plays CloudFront, API Gateway with the function behind it, and (below ``/s3``) the buckets.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from scripts.settings import ChatSettings, SmokeSettings
from scripts.smoke import access
from scripts.smoke.access import Access
from scripts.smoke.client import Client
from scripts.smoke.site import Site

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CHAT = ChatSettings(
    user="",
    password_from="env:NOBODY_SETS_THIS",
    host="",
    endpoint="",
    model="",
    message="Say something",
    timeout=60,
)
SETTINGS = SmokeSettings(
    timeout=60, cold_start=60, stream_chunks=8, stream_interval_ms=60, streams_at_once=4, chat=CHAT
)
OUTPUTS = {
    "frontend_bucket": "the-frontend",
    "files_bucket": "the-files",
    "region": "eu-west-1",
    "api_invoke_url": "https://abc123def4.execute-api.eu-west-1.amazonaws.com/default",
}
ACCESS = Access("0f" * 32)
FUNCTION = {
    "FunctionName": "the-function",
    "Environment": {"Variables": {"ORIGIN_KEY_HASHES": f"{ACCESS.key},{'1e' * 32},{'2d' * 32}"}},
}
INTERVAL = SETTINGS.stream_interval_ms / 1000
YEAR = "public, max-age=31536000, immutable"
INDEX = """<!doctype html>
<html><head><base href="/" />
<link rel="icon" type="image/svg+xml" href="favicon.svg" />
<link rel="preconnect" href="https://fonts.example" />
<link rel="manifest" href="manifest.webmanifest" />
<script type="module" src="./assets/index.B1x-2_3d.js"></script>
<script src="https://elsewhere.example/analytics.js"></script>
<link rel="stylesheet" href="/assets/index.abcDEF12.css">
</head><body><div id="root"></div></body></html>
"""
FILES = {
    "/": (INDEX, "text/html", "no-cache"),
    "/index.html": (INDEX, "text/html", "no-cache"),
    "/assets/index.B1x-2_3d.js": ("export {}", "text/javascript", YEAR),
    "/assets/index.abcDEF12.css": ("body {}", "text/css", YEAR),
    "/favicon.svg": ("<svg/>", "image/svg+xml", "no-cache"),
    "/manifest.webmanifest": ("{}", "application/manifest+json", "no-cache"),
    "/sw.js": ("self", "text/javascript", "no-cache"),
}
SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Content-Security-Policy": "frame-ancestors 'self'; object-src 'none'",
    "Content-Security-Policy-Report-Only": "default-src 'self'; script-src 'self'",
}
DENIED = '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
CORS = {
    "Access-Control-Allow-Origin": "https://app.example",
    "Access-Control-Allow-Methods": "GET,POST,OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
}


def file(path: str, **headers: str) -> web.Response:
    """A file of the bucket as CloudFront gives it; `headers` with underscores replace its own."""
    text, kind, control = FILES[path]
    own = {"Cache-Control": control, "Server": "AmazonS3", "X-Cache": "Hit from cloudfront"}
    own |= SECURITY_HEADERS
    own |= {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(text=text, content_type=kind, headers=own)


def s3_denied() -> web.Response:
    return web.Response(
        status=403, text=DENIED, content_type="application/xml", headers={"Server": "AmazonS3"}
    )


def api_headers() -> dict[str, str]:
    return {
        name: SECURITY_HEADERS[name] for name in ("Strict-Transport-Security", "X-Content-Type-Options")
    } | {
        "x-amzn-RequestId": secrets.token_hex(8),
        "x-amz-apigw-id": secrets.token_hex(8),
        "X-Cache": "Miss from cloudfront",
    }


def api(body: object, status: int = 200, **headers: str) -> web.Response:
    """An answer of the function, or of API Gateway."""
    own = api_headers() | {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, str):
        return web.Response(text=body, status=status, headers=own)
    return web.json_response(body, status=status, headers=own)


def always(make: Callable[[], web.Response]) -> Handler:
    """A handler that answers every request with a new response of `make`."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return make()

    return handler


async def start_stream(request: web.Request, **headers: str) -> web.StreamResponse:
    own = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform"} | api_headers()
    own |= {name.replace("_", "-"): value for name, value in headers.items()}
    response = web.StreamResponse(headers=own)
    await response.prepare(request)
    return response


async def stream_parameters(request: web.Request) -> tuple[int, float]:
    if request.method == "POST":
        body = await request.json()
        return int(body["tokens"]), int(body["interval_ms"]) / 1000
    return int(request.query["chunks"]), int(request.query["interval_ms"]) / 1000


def events_of(request: web.Request, count: int, interval: float) -> list[bytes]:
    """The events of the stream that a path names, the sender's times as they should be."""
    return list(events_at(request, count, lambda number: number * interval))


def events_at(request: web.Request, count: int, sent: Callable[[int], float]) -> Iterator[bytes]:
    """The same, each made when it is asked for, which may be the time that it is sent."""
    if request.method == "POST":
        tokens = [{"created": True}, *({"text": "x" * i} for i in range(count)), {"final": True}]
        yield from (f"event: message\ndata: {json.dumps(token)}\n\n".encode() for token in tokens)
        return
    for i in range(count):
        data = json.dumps({"i": i, "n": count, "sent_ms": sent(i) * 1000})
        yield f"event: chunk\nid: {i}\ndata: {data}\n\n".encode()
    yield b'event: done\ndata: {"n": 1}\n\n'


def has_token(request: web.Request) -> bool:
    """Whether a request has what the handler wants before it streams."""
    sent = request.headers.get(access.HEADER, "")
    expires = int(sent.partition(".")[0] or 0)
    return sent == access.token(ACCESS.key, expires) and 0 < expires - time.time() <= 900


async def good_stream(request: web.Request) -> web.StreamResponse:
    if request.method == "GET" and not has_token(request):
        return api({"error": "The diagnostic stream needs a token of inv smoke"}, 403)
    count, interval = await stream_parameters(request)
    response = await start_stream(request)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for event in events_at(request, count, lambda number: loop.time() - began):
        await response.write(event)
        await asyncio.sleep(interval)
    return response


async def echo(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    return api(
        {
            "method": request.method,
            "url": request.raw_path,
            "cookies": dict(request.cookies),
            "body": {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()},
            "ip": request.remote,
        }
    )


async def login(request: web.Request) -> web.StreamResponse:
    response = api({"token": "the-token"})
    response.headers.add("Set-Cookie", "refreshToken=secret-1; Path=/; HttpOnly")
    response.headers.add("Set-Cookie", "token_provider=librechat; Path=/")
    return response


GOOD: Mapping[str, Handler] = {
    "/api/health": always(lambda: api("OK")),
    "/api/health/stream": good_stream,
    "/api/agents/chat": good_stream,
    "/api/echo": echo,
    "/api/auth/login": login,
    "/default/api/health": always(lambda: api({"error": "Forbidden"}, 403)),
    "/api/config": always(lambda: api({"appTitle": "x"})),
    # Lambda's API, for who has an account.
    "/2015-03-31/functions/the-function": always(lambda: web.json_response({"Configuration": FUNCTION})),
    "/2015-03-31/functions/the-function/configuration": always(lambda: web.json_response(FUNCTION)),
    "OPTIONS": always(lambda: web.Response(status=204, headers=CORS | api_headers())),
}


class Deployment:
    """The good deployment with some answers replaced.

    Args:
        wrong: Handlers by path; ``OPTIONS`` for that method, a path that ends in ``*`` for a prefix.
    """

    def __init__(self, wrong: Mapping[str, Handler] | None = None) -> None:
        self.wrong = dict(wrong or {})
        self.requests: list[web.Request] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        exact = request.method if request.method == "OPTIONS" else request.path
        prefixes = [key for key in self.wrong if key.endswith("*") and exact.startswith(key[:-1])]
        for key in (exact, *prefixes):
            if key in self.wrong:
                return await self.wrong[key](request)
        if exact in GOOD:
            return await GOOD[exact](request)
        if "x-amz-target" in request.headers:  # An API of AWS's: this account may only see its function.
            return web.json_response({"__type": "AccessDeniedException"}, status=400)
        if exact in FILES:
            return file(exact)
        if exact.startswith(("/api/", "/oauth/")):  # LibreChat answers unknown paths with its own page.
            return web.Response(text=INDEX, content_type="text/html", headers=api_headers())
        if exact.startswith("/s3/") or "." in exact.rsplit("/", 1)[-1]:
            return s3_denied()
        return file("/index.html")

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve on a free loopback port; gives the base URL."""
        app = web.Application(client_max_size=10**7)
        app.router.add_route("*", "/{path:.*}", self.handle)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        try:
            yield str(server.make_url("/")).rstrip("/")
        finally:
            await server.close()


@asynccontextmanager
async def site_of(wrong: Mapping[str, Handler] | None = None, **settings: float) -> AsyncIterator[Site]:
    """A site under test with some answers replaced and some settings changed."""
    from dataclasses import replace

    smoke = replace(SETTINGS, **settings)  # type: ignore[arg-type]
    async with Deployment(wrong).serve() as url, Client(url, timeout=smoke.timeout) as client:
        yield Site(client, smoke, OUTPUTS, endpoint=f"{url}/s3", access=ACCESS)


def sequence(*makers: Callable[[], web.Response]) -> Handler:
    """Answers one after the other; the last one again and again."""
    left = itertools.chain(makers, itertools.repeat(makers[-1]))

    async def handler(request: web.Request) -> web.StreamResponse:
        return next(left)()

    return handler
