"""Compression at the edge, by CloudFront's rule.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html
A stream never qualifies: it has no Content-Length, and text/event-stream is not in the list.
Brotli is left out: a viewer that takes br takes gzip as well.
"""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import replace

from scripts.local.edge.messages import Request, Response, whole, without
from scripts.local.edge.model import CacheBehavior

# The types of that page which a web client has; the rest are fonts and feeds of the same family.
_COMPRESSED_TYPES = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/manifest+json",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "application/x-javascript",
        "application/xhtml+xml",
        "application/xml",
        "font/opentype",
        "font/otf",
        "font/ttf",
        "image/svg+xml",
        "text/css",
        "text/csv",
        "text/html",
        "text/javascript",
        "text/js",
        "text/plain",
        "text/xml",
    }
)
_SIZES = range(1_000, 10_000_001)


async def compressed(response: Response, request: Request, behavior: CacheBehavior) -> Response:
    """The response, gzipped when behavior, viewer and object all qualify."""
    if not (behavior.compress and behavior.accept_gzip and behavior.caches):
        return response
    if "gzip" not in request.header("Accept-Encoding") or request.method != "GET":
        return response
    length = response.header("Content-Length")
    if (
        response.status not in (200, 403, 404)
        or response.header("Content-Encoding")
        or response.header("Content-Type").partition(";")[0].strip().lower() not in _COMPRESSED_TYPES
        or not length.isdecimal()
        or int(length) not in _SIZES
    ):
        return response
    plain = b"".join([chunk async for chunk in response.body])
    # 10 MB take a third of a second: streams that pass at the same time must not wait for it.
    body = await asyncio.to_thread(gzip.compress, plain, 6, mtime=0)
    etag = response.header("ETag")
    headers = [
        *without(response.headers, {"content-length", "etag", "accept-ranges"}),
        ("Content-Length", str(len(body))),
        ("Content-Encoding", "gzip"),
        ("Vary", "Accept-Encoding"),
    ]
    if etag:
        headers.append(("ETag", etag if etag.startswith("W/") else f"W/{etag}"))
    return replace(response, headers=tuple(headers), body=whole(body))
