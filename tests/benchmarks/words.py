"""Figures as text: for a terminal and for Markdown. Decides nothing and measures nothing."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10
from typing import TYPE_CHECKING

from tests.benchmarks.figures import Compared, Figure, Results, Spread, Table

if TYPE_CHECKING:
    from rich.console import RenderableType

Row = tuple[str, ...]


def number(value: float) -> str:
    """Three significant digits, and never an exponent: 0.0123, 1.23, 123, 12300."""
    if value == 0:
        return "0"
    rounded = round(value, 2 - _magnitude(value))
    return f"{rounded:,.{max(0, 2 - _magnitude(rounded))}f}"


def beside(figure: Figure, compared: Spread | None) -> str:
    """A comparison and its range: ``× 0.52 (0.49–0.55)`` or ``+0.31 (+0.28 to +0.40)``."""
    if compared is None:
        return ""
    if figure.compared is Compared.RATIO:
        return f"× {number(compared.median)} ({number(compared.low)}–{number(compared.high)})"
    low, middle, high = (f"{'-' if v < 0 else '+'}{number(abs(v))}" for v in _in_order(compared))
    return f"{middle} ({low} to {high})"


def cell(table: Table, candidate: str, figure: Figure) -> tuple[str, str]:
    """The value, and what it is beside the reference; a dash when it could not be had."""
    own = table.spread(candidate, figure)
    if own is None:
        return "–", ""
    return number(own.median), beside(figure, table.compared(candidate, figure))


def heading(figure: Figure) -> str:
    """Title, unit, and the aim if there is one."""
    aim = f"; aim: {figure.aim}" if figure.aim else ""
    return f"{figure.title} ({figure.unit}{aim})"


def markdown(results: Results, preface: Sequence[str]) -> str:
    """A section of documentation: what was measured where, the tables, what is missing, the notes."""
    parts = [f"### {results.title}", "\n".join(preface)]
    for table in results.tables:
        header: Row = (f"{table.title}, beside {table.reference}", *(heading(f) for f in table.figures))
        body = [
            (_emphasised(name, table), *(" ".join(cell(table, name, f)).strip() for f in table.figures))
            for name in table.samples
        ]
        parts.append(_markdown_table(header, body))
    for findings in results.findings:
        rows = [(name, *(row.get(c, "–") for c in findings.columns)) for name, row in findings.rows.items()]
        parts.append(_markdown_table((findings.title, *findings.columns), rows))
    parts += [f"Not measured: {what}: {why}" for what, why in results.missing.items()]
    parts += ["\n".join(f"- {note}" for note in results.notes)] if results.notes else []
    if results.versions:
        parts.append("Versions: " + ", ".join(f"{name} {v}" for name, v in results.versions.items()) + ".")
    return "\n\n".join(parts) + "\n"


def drawn(results: Results, preface: Sequence[str]) -> RenderableType:
    """The same for a terminal."""
    from rich.console import Group
    from rich.table import Table as Drawn
    from rich.text import Text

    parts: list[RenderableType] = [Text(f"\n{results.title}", style="bold"), *map(Text, preface)]
    for table in results.tables:
        grid = Drawn(title=f"{table.title}, beside {table.reference}", title_justify="left")
        grid.add_column("")
        for figure in table.figures:
            grid.add_column(heading(figure), justify="right")
        for candidate in table.samples:
            cells = ("\n".join(cell(table, candidate, figure)).strip() for figure in table.figures)
            grid.add_row(candidate, *cells, style="bold" if candidate in table.ours else "")
        parts.append(grid)
    for findings in results.findings:
        grid = Drawn("", *findings.columns, title=findings.title, title_justify="left")
        for name, row in findings.rows.items():
            grid.add_row(name, *(row.get(column, "–") for column in findings.columns))
        parts.append(grid)
    parts += [Text(f"Not measured: {what}: {why}") for what, why in results.missing.items()]
    parts += [Text(f"· {note}") for note in results.notes]
    return Group(*parts)


def _in_order(spread: Spread) -> tuple[float, float, float]:
    return spread.low, spread.median, spread.high


def _magnitude(value: float) -> int:
    return floor(log10(abs(value)))


def _emphasised(candidate: str, table: Table) -> str:
    return f"**{candidate}**" if candidate in table.ours else candidate


def _markdown_table(header: Row, rows: Sequence[Row]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
