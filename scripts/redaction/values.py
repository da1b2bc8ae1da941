"""Takes secret values that are known out of text, in every form in which a program may have written them.

What only looks like a secret is `scripts.redaction.looks`'s.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html.entities import codepoint2name
from typing import Any
from urllib.parse import unquote, urlsplit

from scripts.redaction.looks import REMOVED

_SHORTEST = 4
"""Characters of a value that is looked for: a shorter one is part of too many words."""

_IDENTIFIES = 8
"""Characters of a value that was cut off by which it is recognised."""


def redact_values(text: str, secrets: Iterable[str]) -> str:
    """The text without known values, in whatever form a program may have written them.

    The forms: as it is, without its line break, each of its lines; the texts in it when it is JSON, user and
    password when it is a connection string; each of them in JSON (however often quoted), percent-encoded,
    as HTML, hexadecimal or in base64, where it may begin anywhere. A text that begins or ends in the middle
    of a value loses what it has of it.
    """
    forms = {form for secret in secrets for form in _forms(secret)}
    ordered = sorted(forms, key=len, reverse=True)  # one may be part of another
    for whole in (True, False):
        for form in ordered:
            text = _without(form, text, whole=whole)
    return text


def _forms(secret: str) -> Iterator[str]:
    """The texts to look for; how each may be escaped is `_character`'s business."""
    for text in _parts(secret):
        if len(text) < _SHORTEST:
            continue
        yield text
        raw = text.encode("utf-8", "surrogatepass")
        yield raw.hex()
        yield raw.hex().upper()
        # Base64 turns three bytes into four characters. So a text looks different with one or two before it;
        # characters that its neighbours have a share in are left out.
        for before in range(3):
            encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
            whole = (before + len(raw)) * 8 // 6
            core = encoded[-(-before * 8 // 6) : whole]
            if len(core) >= 2 * _SHORTEST or (before == 0 and len(core) > _SHORTEST):
                yield core
                yield core.replace("+", "-").replace("/", "_")


def _parts(secret: str) -> Iterator[str]:
    """A value, and what in it is a secret by itself."""
    yield secret
    yield secret.strip()
    lines = [line.strip() for line in secret.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= 2 * _SHORTEST and not line.startswith("-----"))
    if secret.lstrip().startswith(("{", "[", '"')):
        with contextlib.suppress(ValueError):
            leaves = _texts(json.loads(secret))
            yield from (part for leaf in leaves for part in _parts(leaf) if len(part) >= 6)
    if "://" in secret:
        try:
            address = urlsplit(secret.strip())
            user, password = address.username or "", address.password or ""
        except ValueError:
            return
        for part, shortest in ((user, 6), (password, _SHORTEST)):
            yield from (form for form in {part, unquote(part)} if len(form) >= shortest)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _without(form: str, text: str, *, whole: bool) -> str:
    """The text without one form; or, as excerpts begin and end anywhere, without what identifies it."""
    characters = [_character(character) for character in form]
    # An address, a document and a key begin like any other of their kind.
    generic = "://" in form[: _IDENTIFIES + 8] or form.startswith(("{", "[", "-----", "eyJ"))
    if generic and not whole:
        return text
    head = len(form) if generic else min(len(form), _IDENTIFIES)
    pattern = re.compile("".join(character.pattern for character in characters[:head]))
    kept, position = [], 0
    while found := pattern.search(text, position):
        end, count = _follow(characters[head:], text, found.end())
        if whole and head + count < len(form):
            kept.append(text[position : found.start() + 1])
            position = found.start() + 1
            continue
        kept += [text[position : found.start()], REMOVED]
        position = end
    if not whole and not kept:
        for cut in range(1, len(form) - _IDENTIFIES + 1):  # it begins in the middle of the value
            end, count = _follow(characters[cut:], text, 0)
            if count >= _IDENTIFIES:
                return REMOVED + text[end:]
    return "".join([*kept, text[position:]])


def _follow(characters: Sequence[re.Pattern[str]], text: str, position: int) -> tuple[int, int]:
    """How far a text goes on with these characters, and how many of them."""
    for count, character in enumerate(characters):
        if not (found := character.match(text, position)):
            return position, count
        position = found.end()
    return position, len(characters)


@cache
def _character(character: str) -> re.Pattern[str]:
    """Every way to write a character: itself, in JSON, percent-encoded, as HTML."""
    point = ord(character)
    ways = [re.escape(character)]
    percent = "".join(f"%(?i:{byte:02x})" for byte in character.encode("utf-8", "surrogatepass"))
    ways += [percent, percent.replace("%", "%25")]
    units = character.encode("utf-16-be", "surrogatepass").hex()
    ways.append("".join(rf"\\+u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4)))
    ways.append(rf"&\#(?:0*{point}|[xX]0*(?i:{point:x}));")
    if name := codepoint2name.get(point):
        ways.append(f"&{name};")
    if short := {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "'": "'", '"': '"', "/": "/"}.get(
        character
    ):
        ways.append(rf"\\+{re.escape(short)}")
    if character == "\n":
        ways.append(r"\r\n")
    if character == "\\":
        ways.append(r"\\+")
    if character == " ":
        ways.append(r"\+")
    if character == "'":
        ways.append(r"'\\''")
    # The longest first: of `\\n` the backslash alone is also one of them.
    return re.compile(f"(?:{'|'.join(sorted(set(ways), key=len, reverse=True))})")
