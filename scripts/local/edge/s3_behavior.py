"""Behaviors whose origin is a bucket: handed whole to the emulator's CloudFront data plane.

MiniStack runs viewer-request functions, origin access control, the bucket policy, the default root
object and response headers policies for S3 origins itself; it finds the distribution by the Host
header. It answers in one piece, which is all that static files need.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import aiohttp
from yarl import URL

from scripts.local.edge.cloudfront import OriginUnavailable
from scripts.local.edge.messages import ConnectionCut, Request, Response, without
from scripts.local.edge.model import Distribution

_NOT_FORWARDED = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "x-forwarded-proto", "expect"}
)
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})
_ENCODED_SLASH = re.compile("%(?=2f)", re.IGNORECASE)


class EmulatedS3Behavior:
    """Client of the emulator's data plane.

    Args:
        session: Must not decompress bodies.
        endpoint: Where the emulator listens.
    """

    def __init__(self, session: aiohttp.ClientSession, endpoint: str) -> None:
        self._session = session
        self._endpoint = endpoint.rstrip("/")

    async def __call__(self, distribution: Distribution, request: Request) -> Response:
        """Serve a viewer's request.

        Raises:
            OriginUnavailable: when the emulator cannot be reached.
        """
        # MiniStack looks for the behavior with a decoded path, where CloudFront leaves "%2F" as it is.
        path = _ENCODED_SLASH.sub("%25", request.path)
        target = path + (f"?{request.query}" if request.query else "")
        try:
            answer = await self._session.request(
                request.method,
                URL(self._endpoint + target, encoded=True),
                headers=[
                    ("Host", distribution.domain_name),
                    # The viewer's connection counts as TLS.
                    ("X-Forwarded-Proto", "https"),
                    *without(request.headers, _NOT_FORWARDED),
                ],
                data=request.body or None,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OriginUnavailable(502, f"The embedded AWS does not answer: {error}.") from error

        async def body() -> AsyncIterator[bytes]:
            try:
                async for chunk in answer.content.iter_any():
                    yield chunk
            except aiohttp.ClientError as error:
                raise ConnectionCut(f"the embedded AWS dropped the connection: {error}") from error

        async def close() -> None:
            answer.release()

        headers = tuple((name, value) for name, value in answer.headers.items())
        return Response(answer.status, without(headers, _HOP_BY_HOP), body(), close=close)
