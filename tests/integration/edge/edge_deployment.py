"""A small deployment in memory: what the Terraform root declares, one line of it to be changed per test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from scripts.local.edge.app import SERVER_OPTIONS, serving
from scripts.local.edge.lambda_integration import Limits
from scripts.local.edge.model import (
    HTTP_METHODS,
    CacheBehavior,
    ControlPlane,
    Distribution,
    Integration,
    IntegrationResponse,
    Method,
    Origin,
    Resource,
    RestApi,
    Stage,
    Statement,
)
from scripts.local.edge.read_cloudfront import behavior_of

ACCOUNT, REGION, API = "515966504419", "eu-west-1", "abc123def4"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:librechat-lambda-api-dev"
ALIAS = "lambda-test.sandbox.data.apro.is"
DOMAIN = "d111111abcdef8.cloudfront.net"
API_DOMAIN = f"{API}.execute-api.{REGION}.amazonaws.com"
INVOCATIONS = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
STREAMING = (
    f"arn:aws:apigateway:{REGION}:lambda:path/2021-11-15/functions/{FUNCTION}/response-streaming-invocations"
)

CACHING_DISABLED = {
    "MaxTTL": 0,
    "ParametersInCacheKeyAndForwardedToOrigin": {
        "EnableAcceptEncodingGzip": False,
        "EnableAcceptEncodingBrotli": False,
        "HeadersConfig": {"HeaderBehavior": "none"},
        "CookiesConfig": {"CookieBehavior": "none"},
        "QueryStringsConfig": {"QueryStringBehavior": "none"},
    },
}
CACHING_OPTIMIZED = {
    "MaxTTL": 31536000,
    "ParametersInCacheKeyAndForwardedToOrigin": {
        "EnableAcceptEncodingGzip": True,
        "EnableAcceptEncodingBrotli": True,
        "HeadersConfig": {"HeaderBehavior": "none"},
        "CookiesConfig": {"CookieBehavior": "none"},
        "QueryStringsConfig": {"QueryStringBehavior": "none"},
    },
}


def request_policy(header_behavior: str, *headers: str) -> dict[str, Any]:
    """A managed origin request policy, as GetOriginRequestPolicy shows it."""
    return {
        "HeadersConfig": {
            "HeaderBehavior": header_behavior,
            "Headers": {"Quantity": len(headers), "Items": list(headers)},
        },
        "CookiesConfig": {"CookieBehavior": "all"},
        "QueryStringsConfig": {"QueryStringBehavior": "all"},
    }


ALL_VIEWER = request_policy("allViewer")
ALL_VIEWER_EXCEPT_HOST = request_policy("allExcept", "Host")


def behavior(
    pattern: str,
    origin: str,
    *,
    cache: dict[str, Any] | None = CACHING_DISABLED,
    policy: dict[str, Any] | None = None,
    response: dict[str, Any] | None = None,
    methods: tuple[str, ...] = tuple(sorted(HTTP_METHODS)),
    **config: Any,
) -> CacheBehavior:
    """A cache behavior out of the structures that CloudFront's API returns."""
    return behavior_of(
        {
            "PathPattern": pattern,
            "TargetOriginId": origin,
            "AllowedMethods": {"Quantity": len(methods), "Items": list(methods)},
            **config,
        },
        cache,
        policy,
        response,
    )


PREFLIGHT = Method(
    "OPTIONS",
    Integration(
        "MOCK",
        request_templates={"application/json": '{"statusCode": 204}'},
        responses=(
            IntegrationResponse(
                204,
                parameters={
                    "method.response.header.Access-Control-Allow-Origin": f"'https://{ALIAS}'",
                    "method.response.header.Access-Control-Allow-Credentials": "'true'",
                },
            ),
        ),
    ),
)


def integration(**changes: Any) -> Integration:
    """The API's streaming integration, with changes."""
    return replace(
        Integration("AWS_PROXY", uri=STREAMING, response_transfer_mode="STREAM", timeout_ms=900_000),
        **changes,
    )


def default_resources(
    any_method: Integration, *, preflight: Method | None = PREFLIGHT
) -> tuple[Resource, ...]:
    """``/api/{proxy+}`` and ``/oauth/{proxy+}`` with their parents."""
    methods = {"ANY": Method("ANY", any_method)} | ({"OPTIONS": preflight} if preflight else {})
    return (
        Resource("root", "/"),
        Resource("r1", "/api"),
        Resource("r2", "/api/{proxy+}", methods),
        Resource("r3", "/oauth"),
        Resource("r4", "/oauth/{proxy+}", methods),
    )


def rest_api(
    *, resources: tuple[Resource, ...] | None = None, variables: dict[str, str] | None = None, **changes: Any
) -> RestApi:
    """The REST API, with changes."""
    served = default_resources(integration()) if resources is None else resources
    api = RestApi(
        id=API,
        stages={"default": Stage("default", "dep1", served, variables or {})},
        binary_media_types=("multipart/form-data", "application/octet-stream"),
    )
    return replace(api, **changes)


PERMISSION = Statement(
    effect="Allow",
    principal={"Service": "apigateway.amazonaws.com"},
    action="lambda:InvokeFunction",
    resource=FUNCTION,
    condition={"ArnLike": {"AWS:SourceArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API}/default/*/*"}},
)

API_BEHAVIOR = behavior("/api/*", "api", policy=ALL_VIEWER_EXCEPT_HOST)
OAUTH_BEHAVIOR = behavior("/oauth/*", "api", policy=ALL_VIEWER_EXCEPT_HOST)
DEFAULT_BEHAVIOR = behavior("*", "frontend", cache=CACHING_OPTIMIZED, methods=("GET", "HEAD"), Compress=True)
API_ORIGIN = Origin("api", API_DOMAIN, origin_path="/default", read_timeout=60)


def distribution(**changes: Any) -> Distribution:
    """The distribution, with changes."""
    whole = Distribution(
        id="E1EXAMPLE",
        domain_name=DOMAIN,
        aliases=(ALIAS,),
        enabled=True,
        origins={
            "frontend": Origin("frontend", "bucket.s3.eu-west-1.amazonaws.com", is_s3=True),
            "api": API_ORIGIN,
        },
        behaviors=(API_BEHAVIOR, OAUTH_BEHAVIOR, DEFAULT_BEHAVIOR),
    )
    return replace(whole, **changes)


def deployed(
    *,
    distributions: tuple[Distribution, ...] | None = None,
    api: RestApi | None = None,
    policy: tuple[Statement, ...] = (PERMISSION,),
) -> ControlPlane:
    """What Terraform deploys, with changes."""
    return ControlPlane(
        account_id=ACCOUNT,
        region=REGION,
        distributions=(distribution(),) if distributions is None else distributions,
        rest_apis={API: api or rest_api()},
        function_policies={FUNCTION: policy},
    )


Handler = Callable[["FakeInvocation"], AsyncIterator[bytes]]


@dataclass
class FakeInvocation:
    """An invocation whose bytes come from an async generator."""

    event: dict[str, Any]
    handler: Handler
    error: Exception | None = None
    abandoned: asyncio.Event = field(default_factory=asyncio.Event)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.handler(self)

    async def abandon(self) -> None:
        self.abandoned.set()


class FakeFunctions:
    """A Lambda service with one function, written in the test."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.invocations: list[FakeInvocation] = []
        self.refusal: Exception | None = None
        self.clocks: list[int] = []

    async def invoke(self, function: str, event: bytes, /, *, clock: int = 1) -> FakeInvocation:
        assert function == FUNCTION
        self.clocks.append(clock)
        if self.refusal:
            raise self.refusal
        self.invocations.append(FakeInvocation(json.loads(event), self.handler))
        return self.invocations[-1]

    @property
    def event(self) -> dict[str, Any]:
        """The only event so far."""
        (invocation,) = self.invocations
        return invocation.event


def prelude(status: int = 200, **metadata: Any) -> bytes:
    """The metadata of a streamed response and its delimiter."""
    return json.dumps({"statusCode": status, **metadata}).encode() + bytes(8)


def answering(*pieces: bytes) -> FakeFunctions:
    """A function that writes these pieces, one read each."""

    async def handler(_invocation: FakeInvocation) -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return FakeFunctions(handler)


def ok() -> FakeFunctions:
    """A function that streams ``OK``."""
    return answering(prelude(headers={"Content-Type": "text/plain"}) + b"OK")


@dataclass
class Deployed:
    """What is deployed, or the error of asking."""

    plane: ControlPlane | Exception

    async def current(self) -> ControlPlane:
        if isinstance(self.plane, Exception):
            raise self.plane
        return self.plane


@dataclass
class Viewer:
    """A viewer of the deployment."""

    session: aiohttp.ClientSession
    url: str
    port: int

    def get(self, path: str, **options: Any) -> Any:
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: Any) -> Any:
        return self.session.request(method, URL(self.url + path, encoded=True), **options)


@asynccontextmanager
async def viewing(
    plane: ControlPlane | Exception | None = None,
    functions: FakeFunctions | None = None,
    *,
    limits: Limits | None = None,
    emulator: str = "http://127.0.0.1:9",
) -> AsyncIterator[Viewer]:
    """Serve a deployment on a free port."""
    app = serving(Deployed(plane or deployed()), functions or ok(), emulator, limits or Limits())
    async with served(app) as port, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Viewer(session, f"http://localhost:{port}", port)


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[int]:
    """Serve an application on a free loopback port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, **SERVER_OPTIONS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
