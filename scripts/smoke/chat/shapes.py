"""JSON as somebody else's server gives it: nothing in it can be relied on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def parts(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; one alone counts as a list of it."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]


def text_of(message: Mapping[str, Any]) -> str:
    """What a message of LibreChat says: the text parts of ``content`` where a model wrote it, or ``text``."""
    written = [part.get("text") for part in parts(message.get("content")) if part.get("type") == "text"]
    return "".join(str(text or "") for text in written) or str(message.get("text") or "")
