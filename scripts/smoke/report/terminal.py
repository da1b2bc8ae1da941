"""The report in a terminal: table, timelines of the streams, a panel for each failure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scripts.smoke.model import Status
from scripts.smoke.report import timeline
from scripts.smoke.report.stream import Stream
from scripts.smoke.report.text import MARKS, duration

if TYPE_CHECKING:
    from scripts.smoke.report.model import Report

_STYLES = {Status.PASSED: "green", Status.FAILED: "bold red", Status.NOT_CHECKED: "yellow"}
_ASCII_MARKS = {Status.PASSED: "ok", Status.FAILED: "FAIL", Status.NOT_CHECKED: "-"}


@dataclass(frozen=True)
class Drawing:
    """The whole report, drawn for the width and the characters of the terminal; the summary comes last."""

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """What rich asks for."""
        report, ascii_only = self.report, options.ascii_only
        yield _table(report, _ASCII_MARKS if ascii_only else MARKS)
        yield from _timelines(report, options.max_width, timeline.ASCII if ascii_only else timeline.UNICODE)
        yield from _panels(report)
        yield Text(report.summary, "bold green" if report.ok else "bold red")


def _table(report: Report, marks: dict[Status, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "Item", "Check", "Measured", "Limit"):
        table.add_column(heading, no_wrap=heading in ("", "Item"), overflow="fold")
    table.add_column("Time", justify="right", no_wrap=True)
    for finding in report.findings:
        status = finding.result.status
        unchecked = status is Status.NOT_CHECKED
        measured = f"not checked: {finding.result.reason}" if unchecked else finding.result.measured
        table.add_row(
            Text(marks[status], _STYLES[status]),
            Text(finding.id),
            Text(finding.title),
            Text(measured, "yellow" if unchecked else "" if finding.result.ok else "red"),
            Text(finding.result.limit, "dim"),
            Text(duration(finding.seconds), "dim"),
        )
    return table


def _timelines(report: Report, width: int, signs: timeline.Signs) -> Iterator[Text]:
    named = [
        (f"{f.id} {f.title}", stream) for f in report.findings if (stream := Stream.of(f.result.details))
    ]
    if not named:
        return
    yield Text()
    for line in timeline.block(named, width, signs):
        # On a terminal too narrow for any drawing: cut off it still tells something, wrapped it does not.
        yield Text(line, no_wrap=True, overflow="crop")
    yield Text()


def _panels(report: Report) -> Iterator[Panel]:
    for finding in report.of(Status.FAILED):
        evidence = f"\n\n{finding.result.evidence}" if finding.result.evidence else ""
        yield Panel(
            Text.assemble(finding.result.reason, (evidence, "dim")),
            title=Text(f"{finding.id} {finding.title}", "bold red"),
            title_align="left",
            border_style="red",
        )
    if report.function_log:
        lines = Text("\n".join(report.function_log), "dim")
        yield Panel(lines, title="Last log lines of the function", title_align="left")
