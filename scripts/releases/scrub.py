"""Takes what could be a secret out of evidence, before it is kept.

A response or a log line that proves a failure is written by somebody else's program: it may hold a
session cookie, a token in an address, or a connection string. Kept evidence shows that such a thing was
there, never what it was. Secrets of ours cannot be in it: the runner never reads the values of parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from re import Match

REMOVED = "[removed]"

_SECRET = (
    r"(?:[\w-]*(?:token|secret|passw(?:or)?d|(?:api|access|private)[_-]?key|credential|signature)[\w-]*|sid)"
)
"""A name that says what it holds."""

_RULES: tuple[tuple[re.Pattern[str], str | Callable[[Match[str]], str]], ...] = (
    # Header lines that carry credentials, to the end of the line. The names of cookies tell something.
    (
        re.compile(
            r"(?im)\b((?:proxy-)?authorization|x-amz-security-token|x-api-key)(['\"]?\s*[:=]\s*)[^\r\n]+"
        ),
        rf"\1\2{REMOVED}",
    ),
    (re.compile(r"(?im)\b((?:set-)?cookie2?)(['\"]?\s*:\s*)([^\r\n]+)"), lambda m: _cookies(m)),
    # user:password@host, as in a MONGO_URI.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s@]+@"), rf"\1:{REMOVED}@"),
    # JSON Web Tokens, wherever they stand.
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.?[\w-]*"), REMOVED),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), REMOVED),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {REMOVED}"),
    # Queries: OAuth's code and state, presigned S3 addresses, and whatever calls itself a secret.
    (re.compile(rf"(?i)([?&](?:{_SECRET}|code|state|X-Amz-[\w-]+)=)[^&\s\"'<>]+"), rf"\1{REMOVED}"),
    # name: value, name=value, "name": "value"; not AWS's own "Missing Authentication Token".
    (
        re.compile(
            rf"(?i)(?<!Authentication )\b({_SECRET}['\"]?\s*[:=]\s*)"
            # A short whole number counts something: milliseconds that reading secrets took.
            r"(?!\d{1,6}(?![\w.-]))(\"[^\"\r\n]+\"|'[^'\r\n]+'|[^\s,;&\"'}\[]+)"
        ),
        rf"\1{REMOVED}",
    ),
)


def scrub(text: str) -> str:
    """The text with `REMOVED` in place of what could be a secret."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def _cookies(match: Match[str]) -> str:
    """Each cookie's name, and the attributes of a Set-Cookie, which are what evidence is about."""
    name, between, value = match.groups()
    parts = value.split(";")
    if name.lower() == "set-cookie":
        kept = [_without_value(parts[0]), *parts[1:]]
    else:
        kept = [_without_value(part) for part in parts]
    return f"{name}{between}{';'.join(kept)}"


def _without_value(cookie: str) -> str:
    name, equals, _ = cookie.partition("=")
    return f"{name}={REMOVED}" if equals else REMOVED
