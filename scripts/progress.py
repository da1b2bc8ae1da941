"""What long work tells while it runs: plain lines, the stages they belong to, and notices.

A `Progress` takes text. Who only prints it need not know the kinds; who shows more asks for them.
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]


class Stage(str):
    """A line that begins a stage of the work and names it, such as ``installing packages``."""

    __slots__ = ()


class Notice(str):
    """A line that a person should see even when everything goes well."""

    __slots__ = ()


def ignored(line: str) -> None:
    """A `Progress` for work that nobody watches."""
