"""The event that a Lambda proxy integration hands to the function (payload format 1.0).

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
Path and path parameters stay percent-encoded, query strings are decoded (``+`` is a space); both as
recorded from the real service, where ``/a%2Bb+c`` arrives unchanged.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus

from scripts.local.edge.call import Call, CallIds
from scripts.local.edge.media_types import is_binary
from scripts.local.edge.messages import Headers, Request

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_DROPPED_REQUEST_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "content-md5",
        "expect",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    }
)
# API Gateway writes these two its own way, whatever the sender's spelling.
_SPELLED = {"authorization": "Authorization", "user-agent": "User-Agent"}
_OVERWRITTEN = {"x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id"}


def proxy_event(call: Call) -> bytes:
    """The event as JSON."""
    request, api, stage, route, ids = call.request, call.api, call.stage, call.route, call.ids
    headers = _grouped(_proxy_headers(request, ids))
    query = _grouped(_query(request.query))
    body, is_base64 = _body(request, api.binary_media_types)
    host = request.header("Host")
    now = time.time()
    event: dict[str, Any] = {
        "resource": route.resource.path,
        "path": call.path,
        "httpMethod": request.method,
        "headers": _last(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": _last(query) or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(route.path_parameters) or None,
        "stageVariables": dict(stage.variables) or None,
        "requestContext": {
            "accountId": call.plane.account_id,
            "apiId": api.id,
            "deploymentId": stage.deployment_id,
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "extendedRequestId": ids.extended_request_id,
            "httpMethod": request.method,
            "identity": {
                "accessKey": None,
                "accountId": None,
                "caller": None,
                "cognitoAuthenticationProvider": None,
                "cognitoAuthenticationType": None,
                "cognitoIdentityId": None,
                "cognitoIdentityPoolId": None,
                "principalOrgId": None,
                "sourceIp": request.client_ip,
                "user": None,
                "userAgent": request.header("User-Agent") or None,
                "userArn": None,
            },
            "path": request.path,
            "protocol": "HTTP/1.1",
            "requestId": ids.request_id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": route.resource.id,
            "resourcePath": route.resource.path,
            "stage": stage.name,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    }
    return json.dumps(event, separators=(",", ":")).encode()


def _proxy_headers(request: Request, ids: CallIds) -> Headers:
    forwarded = ", ".join(
        [value for name, value in request.headers if name.lower() == "x-forwarded-for"] + [request.client_ip]
    )
    kept = [
        (_SPELLED.get(name.lower(), name), value)
        for name, value in request.headers
        if name.lower() not in _DROPPED_REQUEST_HEADERS | _OVERWRITTEN
    ]
    return (
        *kept,
        ("X-Amzn-Trace-Id", ids.trace_id),
        ("X-Forwarded-For", forwarded),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    )


def _query(query: str) -> list[tuple[str, str]]:
    pairs = (piece.partition("=") for piece in query.split("&") if piece)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _last(grouped: dict[str, list[str]]) -> dict[str, str]:
    # "If a key has several values, only the last is in the single-valued map."
    return {name: values[-1] for name, values in grouped.items()}


def _body(request: Request, binary_media_types: Iterable[str]) -> tuple[str | None, bool]:
    if not request.body:
        return None, False
    if is_binary(request.header("Content-Type"), binary_media_types):
        return base64.b64encode(request.body).decode(), True
    # A binary body of a type that the API does not list is damaged on AWS too.
    return request.body.decode("utf-8", errors="replace"), False
