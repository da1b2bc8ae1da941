"""A REST API's binary media types.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
"""

from __future__ import annotations

from collections.abc import Iterable


def essence(content_type: str) -> str:
    """``text/html`` of ``Text/HTML; charset=utf-8``. Without a type: ``application/json``."""
    return content_type.partition(";")[0].strip().lower() or "application/json"


def is_binary(content_type: str, binary_media_types: Iterable[str]) -> bool:
    """Whether API Gateway treats a payload of this type as binary."""
    media_type = essence(content_type)
    for binary in map(str.lower, binary_media_types):
        if binary in (media_type, "*/*"):
            return True
        if binary.endswith("/*") and media_type.startswith(binary[:-1]):
            return True
    return False
