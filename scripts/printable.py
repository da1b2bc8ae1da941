"""Makes text from outside harmless where it is shown: to a terminal, and in the log of a CI run.

Response headers, log lines, the ``Who`` of a state's lock and the names of resources are written by others.
A terminal obeys what it finds in them, and so does the runner of GitHub Actions. Not for secrets
(`scripts.redaction`), nor for markup, which each form escapes itself.
"""

from __future__ import annotations

import re

_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
"""Tools colour what they say; without its colours it says the same."""

_ACTIVE = re.compile(
    # C0 but tab and line feed, DEL, C1: escape sequences begin with one of them, and end nowhere without.
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"
    # Marks, embeddings, overrides and isolates of bidirectional text: what is read is not what is there.
    # https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters, https://trojansource.codes
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    # Line and paragraph separators, and halves of characters, which cannot be encoded.
    "\u2028\u2029\ud800-\udfff]"
)

_COMMAND = re.compile(r"(?m)^([^\S\n]*:)(?=:[\w-]+[ \t:])|(#)(?=#\[)")
"""``::set-output name=x::…`` at the beginning of a line, and ``##[command]`` anywhere, are commands.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands"""


def printable(text: str) -> str:
    """The text with its control characters written out, such as ``\\x1b``; without colours and commands."""
    text = _COLOURS.sub("", text).replace("\r\n", "\n")
    text = _ACTIVE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
    return _COMMAND.sub(lambda match: f"{match[0]} ", text)
