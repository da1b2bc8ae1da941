"""How long ago something was, for people."""

from __future__ import annotations

from datetime import datetime

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def ago(moment: datetime, now: datetime) -> str:
    """In the largest unit that fits: ``2 h ago``. Both times know their zone."""
    seconds = max(0, int((now - moment).total_seconds()))
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"
