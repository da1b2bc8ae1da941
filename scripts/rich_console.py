"""Rich's console, through which nothing passes that a terminal or a CI system would obey.

Apart from `scripts.console`, because importing rich takes longer than listing the tasks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from scripts.printable import printable


class PrintableConsole(Console):
    """Text comes out as `printable` makes it, whatever it was drawn with: line, table, panel or live display.

    Markup is only what is marked as such (`Console.print` with ``markup=True``): a cell that holds
    ``[red]`` shows it.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, highlight=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of a renderable; everything that is shown comes through here."""
        for segment in super().render(renderable, options):
            # Control segments are rich's own: it moves the cursor of a live display.
            yield segment if segment.control else Segment(printable(segment.text), segment.style)
