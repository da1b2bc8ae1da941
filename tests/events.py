"""The documented schema of ``--json``, held against real events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "events.schema.json").read_text())
TYPES = frozenset(SCHEMA["properties"]["type"]["enum"])

_VALIDATOR = Draft202012Validator(SCHEMA)


def problems(event: dict[str, Any]) -> list[str]:
    """What is wrong with an event as it was written, by field."""
    found = [f"{error.json_path}: {error.message[:300]}" for error in _VALIDATOR.iter_errors(event)]
    try:
        if datetime.fromisoformat(event["time"]).tzinfo is None:
            found.append("$.time: has no zone")
    except (KeyError, ValueError) as error:
        found.append(f"$.time: {error!r}")
    return [f"{event.get('type')}: {problem}" for problem in found]


def require_documented(events: Iterable[dict[str, Any]]) -> None:
    """Fail unless every event is as documented."""
    found = [problem for event in events for problem in problems(event)]
    assert not found, "\n".join(found)
