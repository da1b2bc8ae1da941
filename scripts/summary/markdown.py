"""Pieces of Markdown as GitHub renders it, safe for text that comes from elsewhere."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

LIMIT = 65_536
"""Characters of a comment on GitHub. The page of a step takes more, 1 MiB.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary"""

_NOTE = "\n\n… cut here: a comment on GitHub holds 65,536 characters. The run's log has the rest.\n\n"


def plain(text: object) -> str:
    """Text in a line: no tags, no emphasis, no mention of a person that it happens to hold."""
    line = " ".join(str(text).split())
    escaped = re.sub(r"([\\`*_\[\]~#])", r"\\\1", html.escape(line, quote=False))
    return escaped.replace("@", "@<!-- -->")  # GitHub looks for mentions after it took the escapes away


def paragraph(text: str) -> str:
    """Text whose line breaks stay."""
    return "<br>\n".join(map(plain, text.splitlines()))


def code(text: object) -> str:
    """A name or a value as it is."""
    text = " ".join(str(text).split())  # a line break would end the paragraph, and the code with it
    return f"`{text}`" if "`" not in str(text) else f"<code>{plain(text)}</code>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    # A | or a line break in a cell would begin another one.
    return "\n".join(
        "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in line) + " |"
        for line in lines
    )


def folded(title: str, block: str) -> list[str]:
    """A block under a title that opens it."""
    return [f"<details>\n<summary>{html.escape(title)}</summary>", block, "</details>"]


def raw(title: str, text: str) -> list[str]:
    """Raw text, folded; nothing when it is empty. HTML, not a fence: whatever it holds cannot end it."""
    text = text.strip()
    return folded(title, f"<pre>\n{html.escape(text, quote=False)}\n</pre>") if text else []


def cut(text: str) -> str:
    """At most `LIMIT` characters, cut between two lines, with every open element closed."""
    if len(text) <= LIMIT:
        return text
    room = LIMIT - len(_NOTE) - len("\n</pre>\n\n</details>")
    kept = text[:room].rpartition("\n")[0]
    closing = "\n</pre>" * (kept.count("<pre>") - kept.count("</pre>"))
    closing += "\n\n</details>" * (kept.count("<details>") - kept.count("</details>"))
    return kept + closing + _NOTE
