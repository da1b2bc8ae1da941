"""The two kinds of requests that need no signature, each on a way that leads nowhere else.

- Viewers' requests for the content of a bucket, which the edge hands on by a distribution's host name: to
  MiniStack's CloudFront.
- The image registry's, which wants a password of its own (`scripts.local.extensions.ecr`).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from scripts.local.extensions import Receive, Send
from scripts.local.signature import Received


async def serve_viewer(scope: dict[str, Any], receive: Receive, request: Received, send: Send) -> None:
    """Answer a request whose Host is a distribution's domain."""
    from ministack import app

    client, headers, query = _request(scope, request)
    # The viewer's connection to the distribution counts, which the edge tells: a bucket may demand TLS.
    app.pin_request_origin(client, headers.get("x-forwarded-proto", "") == "https")
    response = await app._handle_cloudfront_dataplane_request(
        *(headers.get("host", ""), scope["path"], request.path, request.query),
        *(request.method, headers, request.body, query, client),
    )
    none = (404, {"Content-Type": "text/plain"}, b"no such distribution\n")
    await app._send_if_handled(
        app._with_date_header(send), response or none, receive, head=request.method == "HEAD"
    )


async def serve_registry(scope: dict[str, Any], receive: Receive, request: Received, send: Send) -> None:
    """Answer a request of the registry's protocol (``/v2/…``)."""
    from ministack import app
    from ministack.services import ecr

    _, headers, query = _request(scope, request)
    response = (404, {"Content-Type": "text/plain"}, b"no such route of the registry\n")
    if app._is_ecr_registry_path(scope["path"]):
        response = await ecr.handle_registry_request(
            request.method, scope["path"], headers, request.body, query
        )
    await app._send_if_handled(app._with_date_header(send), response, receive, head=request.method == "HEAD")


def _request(scope: dict[str, Any], request: Received) -> tuple[str, dict[str, str], dict[str, list[str]]]:
    """Client, headers and query as MiniStack's handlers take them; its context belongs to the account."""
    from ministack.core import responses

    client = str((scope.get("client") or ("127.0.0.1",))[0])
    responses.set_request_client_ip(client)
    responses.set_request_account_id("")
    responses.set_request_region("")
    return client, request.headers_joined(), parse_qs(request.query, keep_blank_values=True)
