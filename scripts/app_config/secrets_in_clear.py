"""Secrets that stand in librechat.yaml as they are, instead of as ``${NAME}``.

Two rules: a key that is named like a secret must not have a value of its own, and nothing anywhere,
comments included, may look like a well-known kind of secret. A finding names the place and the rule; the
value never leaves this module. `mask` hides the same values in a text that is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.app_config.document import Scalar, parse
from scripts.errors import DeployError
from scripts.redaction import FORMATS

MASK = "•••"

_NAME = re.compile(
    r"(apikey|token|secret|password|passwd|passphrase|privatekey|secretkey|accesskey|accesskeyid|masterkey"
    r"|encryptionkey|subscriptionkey|authorization|credentials?|cookie|connectionstring)$"
)
_HEADERS = ("additionalheaders", "env", "headers", "oauthheaders")
"""Below these any name that ends with "key" is one: ``Ocp-Apim-Subscription-Key``, ``OPENAI_KEY``."""

_PLACEHOLDER = re.compile(r"\$\{[^}\s]+\}|\{\{[^}]+\}\}")
"""``${NAME}``: the environment. ``{{NAME}}``: what LibreChat knows about the user."""

_HARMLESS = re.compile(r"(user_provided|(bearer|basic|token|apikey)\s*)?", re.IGNORECASE)

_KINDS = {
    # Up to its end, or that of the file: what is left of it would be shown otherwise.
    "looks like a private key": (
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.*?-----END [A-Z ]*PRIVATE KEY-----|.*)"
    ),
    **FORMATS,
    "is an address with a password": r"\b[a-z][a-z0-9+.-]*://[^\s/:@\"']*:(?!\$\{)[^\s/@\"']+@",
    "has a secret among its arguments": (
        r"--?[\w-]*(?:api-?key|token|secret|password)=(?!\$\{|\{\{)[^\s\"',]+"
    ),
}
_LOOKS = re.compile(
    "|".join(f"(?P<_{number}>{kind})" for number, kind in enumerate(_KINDS.values())), re.DOTALL
)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)
_ASSIGNMENT = re.compile(r"(?P<key>[\w-]+)[\"']?\s*[:=]\s*(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s#]+)")


@dataclass(frozen=True)
class Finding:
    """A value that must not be uploaded.

    Attributes:
        place: The key's path, or ``line-12`` for a comment; what ``--allow-secret`` takes.
        line: Counted from 1.
        rule: Why it is taken for a secret.
    """

    place: str
    line: int
    rule: str

    def __str__(self) -> str:
        return (
            f"line {self.line}: {'its text' if self.place == f'line-{self.line}' else self.place} {self.rule}"
        )


@dataclass(frozen=True)
class _Span:
    start: int
    end: int
    rule: str
    certain: bool = True
    """Whether it is refused, too; what is not is only hidden."""


def find_secrets(text: str) -> tuple[Finding, ...]:
    """Every secret in clear, in the order of the file; one finding a place.

    Raises:
        DeployError: the file is not YAML.
    """
    scalars = parse(text).scalars
    found: dict[str, Finding] = {}
    for span in sorted(_spans(text, scalars), key=lambda span: span.start):
        if span.certain:
            line = text.count("\n", 0, span.start) + 1
            owner = next((s.path for s in scalars if s.start <= span.start < s.end), "")
            place = _LOOKS.sub(MASK, owner) or f"line-{line}"
            found.setdefault(place, Finding(place, line, span.rule))
    return tuple(found.values())


def mask(text: str) -> str:
    """The text with every secret-looking value hidden, line for line. What is not YAML is hidden whole."""
    try:
        spans = list(_spans(text, parse(text).scalars))
    except DeployError:
        spans = [_Span(0, len(text), "")]
    shown, position = [], 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if span.end <= position:
            continue
        start = max(span.start, position)
        shown += [text[position:start], re.sub(r"[^\s].*", MASK, text[start : span.end])]
        position = span.end
    return "".join([*shown, text[position:]])


def _spans(text: str, scalars: tuple[Scalar, ...]) -> Iterator[_Span]:
    for scalar in scalars:
        if scalar.literal and _named(scalar.names) and _in_clear(scalar.value):
            yield _Span(scalar.start, scalar.end, "has a value of its own")
    for match in _LOOKS.finditer(text):
        rule = list(_KINDS)[int(str(match.lastgroup)[1:])]
        yield _Span(match.start(), match.end(), rule)
    for comment in _COMMENT.finditer(text):
        if any(s.start <= comment.start() < s.end for s in scalars):
            continue  # part of a text
        for match in _ASSIGNMENT.finditer(text, comment.start(), comment.end()):
            value = match["value"].strip("\"'")
            if _named((match["key"],)) and _in_clear(value):
                # Examples in comments are many ("apiKey: your-key-here"): hidden, but not refused.
                yield _Span(*match.span("value"), "is a secret in a comment", _random(value))


def _named(names: tuple[str, ...]) -> bool:
    """Whether the keys above a value say that it is a secret."""
    plain = [re.sub(r"[^a-z]", "", name.lower()) for name in names]
    if not plain:
        return False
    last = plain[-1]
    if last in ("key", "value") and len(plain) > 1:
        return bool(_NAME.search(plain[-2]))  # mcpServers.NAME.apiKey.key
    return bool(_NAME.search(last)) or (last.endswith("key") and any(n in _HEADERS for n in plain[:-1]))


def _in_clear(value: str) -> bool:
    rest = _PLACEHOLDER.sub("", value).strip()
    if _HARMLESS.fullmatch(rest):
        return False
    return rest == value.strip() or _random(rest)


def _random(value: str) -> bool:
    """Whether it could be a secret by its looks alone."""
    runs: list[str] = re.findall(r"[\w+/=.~-]{12,}", value)
    return any(re.search(r"\d", run) and re.search(r"[A-Za-z]", run) for run in runs)
