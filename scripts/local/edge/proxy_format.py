"""The output format of Lambda proxy integrations: the streamed prelude and the buffered document.

https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from scripts.local.edge.messages import Headers

DELIMITER = b"\0" * 8
PRELUDE_LIMIT = 16 * 1024
BUFFERED_KEYS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_IN_VALUE = re.compile(r"[\r\n\0]")


class MalformedResponse(Exception):
    """The function's output is not what the integration expects; says what is wrong."""


@dataclass(frozen=True)
class Head:
    """Status and headers that a function chose."""

    status: int
    headers: Headers


async def read_prelude(chunks: AsyncIterator[bytes]) -> tuple[Head, bytes]:
    """The metadata before the delimiter, and what of the body came with it.

    Raises:
        MalformedResponse: when metadata and delimiter are not within the first 16 KB, when the
            output ends before, or when the metadata is not valid.
    """
    buffer = bytearray()
    async for chunk in chunks:
        searched = max(0, len(buffer) - len(DELIMITER) + 1)
        buffer += chunk
        at = buffer.find(DELIMITER, searched, PRELUDE_LIMIT)
        if at >= 0:
            return _head(_document(bytes(buffer[:at])), ()), bytes(buffer[at + len(DELIMITER) :])
        if len(buffer) >= PRELUDE_LIMIT:
            raise MalformedResponse("no delimiter of eight NUL bytes within the first 16 KB of the response")
    raise MalformedResponse(
        "the response ended without the delimiter of eight NUL bytes; it begins with "
        + repr(bytes(buffer[:80]))
    )


def parse_buffered(payload: bytes, *, accepts_binary: bool) -> tuple[Head, bytes]:
    """The whole response of a function behind a buffered integration.

    Args:
        payload: What the function returned.
        accepts_binary: Whether the request's Accept header names a binary media type of the API;
            only then is a Base64 body decoded.

    Raises:
        MalformedResponse: when it is not the JSON document that API Gateway expects. No key is
            mandatory, but an unknown one is refused.
    """
    document = _document(payload)
    if unknown := document.keys() - BUFFERED_KEYS:
        raise MalformedResponse(f"unknown key {min(unknown)!r} in the Lambda proxy response")
    body = document.get("body")
    if body is not None and not isinstance(body, str):
        raise MalformedResponse("the body of a Lambda proxy response must be a string")
    content = (body or "").encode()
    if accepts_binary and document.get("isBase64Encoded") is True:
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise MalformedResponse(f"the body is not Base64: {error}") from error
    return _head(document, (bool,)), content


def _document(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise MalformedResponse(
            f"malformed Lambda proxy response: {error}; it begins with {text[:80]!r}"
        ) from error
    if not isinstance(document, dict):
        raise MalformedResponse("malformed Lambda proxy response: not a JSON object")
    return document


def _head(document: dict[str, Any], other_scalars: tuple[type, ...]) -> Head:
    status = document.get("statusCode")
    try:
        status = 200 if status is None else int(status)
    except (TypeError, ValueError):
        raise MalformedResponse(f"statusCode is not a number: {status!r}") from None
    if not 200 <= status <= 599:
        raise MalformedResponse(f"statusCode out of range: {status}")
    merged: dict[str, tuple[str, list[str]]] = {}
    # multiValueHeaders come first and decide the spelling; a pair that stands in both appears once.
    for name, values in _mapping(document, "multiValueHeaders").items():
        if not isinstance(values, list):
            raise MalformedResponse(f"multiValueHeaders[{name!r}] is not a list")
        known = merged.setdefault(name.lower(), (name, []))[1]
        known.extend(_text(name, value, other_scalars) for value in values)
    for name, value in _mapping(document, "headers").items():
        known = merged.setdefault(name.lower(), (name, []))[1]
        if (text := _text(name, value, other_scalars)) not in known:
            known.append(text)
    cookies = document.get("cookies") or []
    if not isinstance(cookies, list):
        raise MalformedResponse("cookies is not a list")
    if cookies:
        known = merged.setdefault("set-cookie", ("Set-Cookie", []))[1]
        known.extend(_text("Set-Cookie", cookie, ()) for cookie in cookies)
    return Head(status, tuple((name, value) for name, values in merged.values() for value in values))


def _mapping(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedResponse(f"{key} is not an object")
    return value


def _text(name: str, value: Any, other_scalars: tuple[type, ...]) -> str:
    if not _NAME.fullmatch(name):
        raise MalformedResponse(f"not a header name: {name!r}")
    if isinstance(value, other_scalars):
        return json.dumps(value)
    if not isinstance(value, str) or _BAD_IN_VALUE.search(value):
        raise MalformedResponse(f"the value of the header {name!r} is not a plain string: {value!r}")
    return value
