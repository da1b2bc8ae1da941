"""Text that came from elsewhere, made fit to be shown; and how figures are written.

A server under test writes the evidence: it may hold markup, escape sequences, half characters, a token.
Escaping is the business of each form; here what no form may hold is taken out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scripts.redaction import redact
from scripts.smoke.model import Status

MARKS = {Status.PASSED: "✓", Status.FAILED: "✗", Status.NOT_CHECKED: "–"}
"""Each status as one character."""

LONGEST = 20_000
"""Characters of one text. More proves nothing more, and makes a page heavy."""


def shown(text: object) -> str:
    """A text without secrets and without characters that do something instead of being seen.

    Control characters, directional overrides and lone surrogates become escapes such as ``\\x1b``. So
    the result can be encoded as UTF-8 and is allowed in XML 1.0.
    """
    text = redact(str(text))
    left = len(text) - LONGEST
    if left > 0:
        text = f"{text[:LONGEST]}\n[{left} more characters]"
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text.replace("\r\n", "\n"))


def deep(value: Any) -> Any:
    """JSON with every text in it `shown`."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {shown(name): deep(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [deep(item) for item in value]
    return value


def number(value: Any) -> float | None:
    """A finite number, or None. True and False are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def numbers(value: Any) -> tuple[float, ...]:
    """The finite numbers of a list; nothing when it is none."""
    given = value if isinstance(value, list) else ()
    return tuple(each for each in map(number, given) if each is not None)


def duration(seconds: float) -> str:
    """``312 ms``, ``3.95 s``, ``92 s``."""
    if abs(seconds) < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if abs(seconds) < 60 else f"{seconds:.0f} s"


def size(count: float) -> str:
    """``764 B``, ``10 KiB``, ``20.0 MiB``."""
    if count < 1024:
        return f"{count:.0f} B"
    return f"{count / 1024:.0f} KiB" if count < 1024**2 else f"{count / 1024**2:.1f} MiB"


def moment(iso: str) -> str:
    """``23 November 2026, 06:56 UTC``; empty for what is no moment."""
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return ""
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def plural(count: int, word: str) -> str:
    """``1 check``, ``2 checks``."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def _escaped(character: str) -> str:
    return "    " if character == "\t" else character.encode("unicode_escape").decode()
