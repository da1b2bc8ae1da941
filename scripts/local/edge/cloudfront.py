"""CloudFront's data plane: from a viewer's request through a cache behavior to an origin and back.

Plain HTTP on localhost stands for the viewer's TLS connection, so every viewer protocol policy is
satisfied. Nothing is cached here: what API Gateway answers is never cacheable with CachingDisabled,
and S3 behaviors are served by the emulator's own data plane (`s3_behavior`). Errors are not kept either, as
the root asks with a minimum TTL of 0; with another one AWS would answer with an old error for that long.
"""

from __future__ import annotations

import asyncio
import base64
import html
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

from scripts.local.edge.api_gateway import ApiGateway, api_id_of
from scripts.local.edge.compression import compressed
from scripts.local.edge.forwarding import Hop, origin_request
from scripts.local.edge.messages import ConnectionCut, Headers, Request, Response, whole, without
from scripts.local.edge.model import CacheBehavior, ControlPlane, Distribution, Origin
from scripts.local.edge.response_headers import apply_policy
from scripts.local.edge.wildcard import matches

POP = "LOC50-P1"

S3Behavior = Callable[[Distribution, Request], Awaitable[Response]]

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_RETRIED = frozenset({"GET", "HEAD"})
_URL_BYTES = 8_192
_REQUEST_BYTES = 32_768
_PERCENT_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


class OriginUnavailable(Exception):
    """CloudFront answers with an error page of its own instead of the origin."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Served:
    """A response for the viewer and the path pattern of the behavior that made it, for the log."""

    response: Response
    behavior: str = "-"


class CloudFront:
    """The distributions of an account.

    Args:
        api_gateway: Serves origins that are execute-api endpoints.
        s3_behavior: Serves a whole behavior whose origin is a bucket.
    """

    def __init__(self, api_gateway: ApiGateway, s3_behavior: S3Behavior) -> None:
        self._api_gateway = api_gateway
        self._s3_behavior = s3_behavior

    async def serve(self, plane: ControlPlane, request: Request) -> Served:
        """Answer a viewer. Never raises for what a distribution can get wrong."""
        hop = new_hop()
        try:
            _check_size(request)
            distribution = _distribution(plane, request.header("Host"))
        except OriginUnavailable as error:
            return Served(error_page(error.status, error.reason, hop))
        served = await self._answer(plane, distribution, request, hop)
        page = distribution.error_pages.get(served.response.status)
        if page is None:
            return served
        # Distribution-wide: this is how a page meant for S3 hides the API's own errors.
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/GeneratingCustomErrorResponses.html
        await served.response.close()
        viewer = without(request.headers, {"content-length", "content-type", "range"})
        get = Request("GET", page.path, headers=viewer, client_ip=request.client_ip, clock=request.clock)
        instead = (await self._answer(plane, distribution, get, hop)).response
        if instead.status < 400:
            instead = replace(instead, status=page.response_code, reason=served.response.reason)
        return Served(instead, served.behavior)

    async def _answer(
        self, plane: ControlPlane, distribution: Distribution, request: Request, hop: Hop
    ) -> Served:
        pattern = "-"
        try:
            behavior = _behavior(distribution, request.path)
            pattern = behavior.path_pattern
            _check(behavior, request)
            origin = distribution.origins.get(behavior.target_origin_id)
            if origin is None:
                raise OriginUnavailable(502, f"There is no origin {behavior.target_origin_id!r}.")
            if origin.is_s3:
                response = await self._s3_behavior(distribution, request)
            else:
                response = await self._from_api(plane, behavior, origin, request, hop)
                response = _signed(apply_policy(response, request, behavior.response_headers), hop)
            return Served(await compressed(response, request, behavior), pattern)
        except OriginUnavailable as error:
            return Served(error_page(error.status, error.reason, hop), pattern)

    async def _from_api(
        self, plane: ControlPlane, behavior: CacheBehavior, origin: Origin, request: Request, hop: Hop
    ) -> Response:
        if behavior.edge_functions:
            attached = ", ".join(f"{event}: {arn}" for event, arn in behavior.edge_functions.items())
            raise OriginUnavailable(503, f"The local edge runs functions on S3 behaviors only ({attached}).")
        api_id = api_id_of(origin.domain_name)
        if not api_id:
            raise OriginUnavailable(
                502, f"The local edge reaches S3 and API Gateway, not {origin.domain_name}."
            )
        if api_id not in plane.rest_apis:
            raise OriginUnavailable(
                502, f"CloudFront wasn't able to resolve the origin domain name {origin.domain_name}."
            )
        forwarded = origin_request(request, behavior, origin, hop)
        # "GET and HEAD requests: CloudFront tries again according to the value of connection attempts."
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html#DownloadDistValuesOriginResponseTimeout
        attempts = origin.connection_attempts if request.method in _RETRIED else 1
        patience = origin.read_timeout / request.clock
        for _ in range(attempts):
            try:
                async with asyncio.timeout(patience):
                    response = await self._api_gateway.serve(plane, forwarded)
            except TimeoutError:
                continue
            return replace(response, body=_in_time(response.body, patience))
        raise OriginUnavailable(
            504, f"The origin did not respond within {patience:g} s ({attempts} attempt(s))."
        )


def new_hop() -> Hop:
    """The marks of one request through this edge location."""
    request_id = base64.urlsafe_b64encode(secrets.token_bytes(40)).decode().rstrip("=") + "=="
    return Hop(request_id, f"1.1 {secrets.token_hex(16)}.cloudfront.net (CloudFront)")


def error_page(status: int, reason: str, hop: Hop) -> Response:
    """CloudFront's own error page."""
    body = _ERROR_PAGE.format(
        status=status, phrase=HTTPStatus(status).phrase, reason=html.escape(reason), request_id=hop.request_id
    ).encode()
    headers = (
        ("Server", "CloudFront"),
        ("Content-Type", "text/html"),
        ("Content-Length", str(len(body))),
        *_marks("Error from cloudfront", hop),
    )
    return Response(status, headers, whole(body), reason=reason)


_ERROR_PAGE = """\
<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">
<HTML><HEAD><META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=iso-8859-1">
<TITLE>ERROR: The request could not be satisfied</TITLE>
</HEAD><BODY>
<H1>{status} ERROR</H1>
<H2>The request could not be satisfied.</H2>
<HR noshade size="1px">
{phrase}. {reason}
<BR clear="all">
<HR noshade size="1px">
<PRE>
Generated by cloudfront (CloudFront)
Request ID: {request_id}
</PRE>
</BODY></HTML>
"""


def _distribution(plane: ControlPlane, host: str) -> Distribution:
    """The distribution that a Host header names; a local host stands for the deployed alias."""
    name = host.lower() if host.startswith("[") else host.partition(":")[0].lower()
    if name in _LOCAL_HOSTS or (host.startswith("[::1]") and ":" in host):
        # The one with an alias is the site; one without could only be reached by its own name.
        candidates = sorted(plane.distributions, key=lambda d: (not d.enabled, not d.aliases))
    else:
        candidates = [
            distribution
            for distribution in plane.distributions
            if name == distribution.domain_name.lower()
            or any(matches(alias.lower(), name) for alias in distribution.aliases)
        ]
    if not candidates:
        raise OriginUnavailable(
            403, f"No distribution is deployed for {host or 'a request without Host header'}."
        )
    if not candidates[0].enabled:
        raise OriginUnavailable(403, f"The distribution {candidates[0].id} is disabled.")
    return candidates[0]


def _behavior(distribution: Distribution, path: str) -> CacheBehavior:
    normalized = normalize(path)
    for behavior in distribution.behaviors:
        # A leading slash is optional in a pattern; case matters.
        if behavior.path_pattern == "*" or matches("/" + behavior.path_pattern.lstrip("/"), normalized):
            return behavior
    raise OriginUnavailable(502, "The distribution has no default cache behavior.")


def normalize(path: str) -> str:
    """The path that behaviors are matched with; the origin gets the raw one.

    RFC 3986: unreserved characters decoded, dot segments gone; runs of slashes count as one.
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html#DownloadDistValuesPathPattern
    """
    decoded = _PERCENT_ENCODED.sub(_decoded, path)
    kept: list[str] = []
    for segment in decoded.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    folder = bool(kept) and decoded.endswith(("/", "/.", "/.."))
    return "/" + "/".join(kept) + ("/" if folder else "")


def _decoded(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0]


def _check_size(request: Request) -> None:
    """CloudFront's own limits; the body has none here.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
    """
    target = len(request.path) + len(request.query) + bool(request.query)
    if target > _URL_BYTES:
        raise OriginUnavailable(414, f"The URL has {target} bytes, more than {_URL_BYTES}.")
    size = len(request.method) + target + sum(len(name) + len(value) for name, value in request.headers)
    if size > _REQUEST_BYTES:
        raise OriginUnavailable(
            413, f"Request line and headers have {size} bytes, more than {_REQUEST_BYTES}."
        )


def _check(behavior: CacheBehavior, request: Request) -> None:
    if request.method not in behavior.allowed_methods:
        raise OriginUnavailable(
            403,
            "This distribution is not configured to allow the HTTP request method that was used for this "
            f"request ({request.method}). The behavior allows {', '.join(sorted(behavior.allowed_methods))}.",
        )
    if request.method == "GET" and request.body:
        raise OriginUnavailable(403, "Bad request. A GET request must not have a body.")


async def _in_time(body: AsyncIterator[bytes], patience: float) -> AsyncIterator[bytes]:
    """The origin's packets; the connection is dropped when the next one takes too long."""
    while True:
        try:
            async with asyncio.timeout(patience):
                chunk = await anext(body, None)
        except TimeoutError:
            raise ConnectionCut(f"the origin sent nothing for {patience:g} s") from None
        if chunk is None:
            return
        yield chunk


def _signed(response: Response, hop: Hop) -> Response:
    x_cache = "Error from cloudfront" if response.status >= 400 else "Miss from cloudfront"
    headers = without(response.headers, _HOP_BY_HOP)
    return replace(response, headers=(*headers, *_marks(x_cache, hop)))


def _marks(x_cache: str, hop: Hop) -> Headers:
    return ("X-Cache", x_cache), ("Via", hop.via), ("X-Amz-Cf-Pop", POP), ("X-Amz-Cf-Id", hop.request_id)
