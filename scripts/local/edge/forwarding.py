"""Which part of a viewer's request CloudFront sends to an origin, and what it adds.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html#request-custom-headers-behavior
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/controlling-origin-requests.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import unquote_plus

from scripts.local.edge.messages import Headers, Request
from scripts.local.edge.model import CacheBehavior, Origin

# An address of CloudFront's origin-facing range (com.amazonaws.global.cloudfront.origin-facing):
# what API Gateway sees as its peer.
EDGE_ADDRESS = "130.176.17.70"

_NEVER = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-proto",
    }
)
_ALWAYS = frozenset(
    {
        "cache-control",
        "content-length",
        "content-md5",
        "content-type",
        "date",
        "from",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "pragma",
        "range",
        "request-range",
        "warning",
    }
)
# Composed below from what the viewer sent, never copied.
_COMPOSED = frozenset(
    {"accept-encoding", "cookie", "host", "user-agent", "via", "x-amz-cf-id", "x-forwarded-for"}
)
_KEEPS_AUTHORIZATION = frozenset({"DELETE", "PATCH", "POST", "PUT"})


@dataclass(frozen=True)
class Hop:
    """How this edge location signs what passes through it."""

    request_id: str
    via: str


def origin_request(request: Request, behavior: CacheBehavior, origin: Origin, hop: Hop) -> Request:
    """The request that CloudFront sends to a custom origin for a viewer's request."""
    custom = {name.lower() for name, _ in origin.custom_headers}
    headers = (
        *(
            (name, value)
            for name, value in _headers(request, behavior, origin, hop)
            if name.lower() not in custom
        ),
        *origin.custom_headers,
    )
    return replace(
        request,
        path=origin.origin_path.rstrip("/") + request.path,
        query=_query(request.query, behavior),
        headers=headers,
        client_ip=EDGE_ADDRESS,
    )


def _headers(request: Request, behavior: CacheBehavior, origin: Origin, hop: Hop) -> Headers:
    headers = [
        (name, value)
        for name, value in request.headers
        if _passes(name.lower(), request.method, behavior) and name.lower() not in _COMPOSED
    ]
    host = request.header("Host") if _included("host", behavior) else origin.domain_name
    agent = request.header("User-Agent") if _included("user-agent", behavior) else "Amazon CloudFront"
    composed = [
        ("Host", host),
        ("User-Agent", agent),
        ("Accept-Encoding", _accept_encoding(request, behavior)),
        ("Cookie", _cookies(request, behavior)),
        ("X-Forwarded-For", ", ".join([*_values(request, "x-forwarded-for"), request.client_ip])),
        ("Via", ", ".join([*_values(request, "via"), hop.via])),
        ("X-Amz-Cf-Id", hop.request_id),
    ]
    return (*headers, *((name, value) for name, value in composed if value), *_cloudfront(request, behavior))


def _passes(name: str, method: str, behavior: CacheBehavior) -> bool:
    if name in _NEVER or name.startswith(("x-edge-", "cloudfront-")):
        return False
    if name == "authorization" and method in _KEEPS_AUTHORIZATION:
        return True
    return name in _ALWAYS or _included(name, behavior)


def _included(name: str, behavior: CacheBehavior) -> bool:
    return any(policy.headers.includes(name) for policy in behavior.forwarding)


def _values(request: Request, name: str) -> list[str]:
    return [value for key, value in request.headers if key.lower() == name]


def _accept_encoding(request: Request, behavior: CacheBehavior) -> str:
    """Normalized when the cache policy compresses, else a header like any other.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cache-key-understand-cache-policy.html#cache-policy-compressed-objects
    """
    sent = ", ".join(_values(request, "accept-encoding"))
    if behavior.accept_gzip or behavior.accept_brotli:
        wanted = [("br", behavior.accept_brotli), ("gzip", behavior.accept_gzip)]
        return ",".join(coding for coding, enabled in wanted if enabled and coding in sent)
    return sent if _included("accept-encoding", behavior) else ""


def _cookies(request: Request, behavior: CacheBehavior) -> str:
    cookies = [piece.strip() for value in _values(request, "cookie") for piece in value.split(";")]
    return "; ".join(
        cookie
        for cookie in cookies
        if cookie and any(policy.cookies.includes(cookie.partition("=")[0]) for policy in behavior.forwarding)
    )


def _query(query: str, behavior: CacheBehavior) -> str:
    return "&".join(
        piece
        for piece in query.split("&")
        if any(
            policy.query_strings.includes(unquote_plus(piece.partition("=")[0]))
            for policy in behavior.forwarding
        )
    )


def _cloudfront(request: Request, behavior: CacheBehavior) -> Headers:
    """The headers that CloudFront knows by itself; a viewer's location is not known on a laptop."""
    known = (
        ("CloudFront-Forwarded-Proto", "https"),
        ("CloudFront-Is-Desktop-Viewer", "true"),
        ("CloudFront-Is-Mobile-Viewer", "false"),
        ("CloudFront-Is-SmartTV-Viewer", "false"),
        ("CloudFront-Is-Tablet-Viewer", "false"),
        ("CloudFront-Viewer-Address", f"{request.client_ip}:443"),
        ("CloudFront-Viewer-Http-Version", "1.1"),
        ("CloudFront-Viewer-TLS", "TLSv1.3:TLS_AES_128_GCM_SHA256:fullHandshake"),
    )
    return tuple(
        (name, value)
        for name, value in known
        if any(policy.cloudfront_headers.includes(name.lower()) for policy in behavior.forwarding)
    )
