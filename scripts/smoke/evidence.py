"""What is shown of an answer to prove a failure, or of there being none. It never holds a credential."""

from __future__ import annotations

import re

import httpx

from scripts.redaction import redact
from scripts.smoke.client import Response
from scripts.smoke.stream.recording import Recording

# Enough for the handler's JSON error with the last lines of the app.
_EVIDENCE_BYTES = 1500
_STREAM_EVIDENCE_BYTES = 400


def evidence(answer: Response | Recording, *, body: bool = True) -> str:
    """Status, headers and the first bytes of the body, without the values of credentials.

    Args:
        answer: The answer to show.
        body: Whether the body may be shown: an answer that carries tokens may not.
    """
    head = answer.head[:_STREAM_EVIDENCE_BYTES] if isinstance(answer, Recording) else answer.body
    request = redact(f"{answer.method} {answer.url}\n") if isinstance(answer, Response) else ""
    lines = [redact(f"{name}: {value}") for name, value in answer.headers]
    shown = (
        redact(_printable(head[:_EVIDENCE_BYTES]))
        if body
        else f"({len(head)} bytes, not shown: they may hold a token)"
    )
    return f"{request}{answer.status}\n" + "\n".join(lines) + f"\n\n{shown}"


def no_answer(error: httpx.HTTPError) -> str:
    """Why there is nothing to look at: a sentence."""
    return f"The request got no whole answer: {describe(error)}."


def describe(error: BaseException) -> str:
    """An HTTP error as a phrase; several of httpx's have no text of their own."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    return f"{words}: {error}".rstrip(".") if str(error) else words


def _printable(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
