"""JSON as somebody else's server gives it: nothing in it can be relied on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def fields(text: str | bytes) -> Mapping[str, Any]:
    """The JSON object that a text is, else an empty one."""
    try:
        return mapping(json.loads(text))
    except ValueError:
        return {}


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def parts(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; one alone counts as a list of it."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]
