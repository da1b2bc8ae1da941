"""Viewers' requests for the content of a bucket, which the edge hands on by a distribution's host name.

MiniStack answers them on the port of its API, after routes of its own that no viewer of a distribution has
(``/health``, ``/_ministack/…``, ``/v2/…``). Here they reach its CloudFront and nothing else.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from scripts.local.extensions import Send
from scripts.local.signature import Received


async def serve(scope: dict[str, Any], request: Received, send: Send) -> None:
    """Answer one request."""
    from ministack import app
    from ministack.core import responses

    client = (scope.get("client") or ("127.0.0.1",))[0]
    responses.set_request_client_ip(client)
    responses.set_request_account_id("")
    responses.set_request_region("")
    headers: dict[str, str] = {}
    for name, value in request.headers:
        separator = "; " if name == "cookie" else ", "
        headers[name] = headers[name] + separator + value if name in headers else value
    # The viewer's connection to the distribution counts, which the edge tells: a bucket may demand TLS.
    app.pin_request_origin(client, headers.get("x-forwarded-proto", "") == "https")
    query = parse_qs(request.query, keep_blank_values=True)
    response = await app._handle_cloudfront_dataplane_request(
        *(headers.get("host", ""), scope["path"], request.path, request.query),
        *(request.method, headers, request.body, query, client),
    )
    status, answered, body = response or (404, {"Content-Type": "text/plain"}, b"no such distribution\n")
    await app._send_response(
        app._with_date_header(send), status, answered, body, head=request.method == "HEAD"
    )
