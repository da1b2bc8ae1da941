"""What the smoke checks found, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.smoke.model import Result, Status

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

_MARKS = {
    Status.PASSED: ("✓", "green"),
    Status.FAILED: ("✗", "bold red"),
    Status.NOT_CHECKED: ("–", "yellow"),
}


@dataclass(frozen=True)
class Finding:
    """One check's outcome.

    Attributes:
        id: Item of the specification.
        title: What was checked.
        result: What came out.
        seconds: How long the check took, waiting for shared facts included.
        by_function: Whether the Lambda function serves what was checked.
    """

    id: str
    title: str
    result: Result
    seconds: float
    by_function: bool = False

    def to_json(self) -> dict[str, Any]:
        """The facts; empty ones are left out."""
        facts = {
            "id": self.id,
            "title": self.title,
            "status": str(self.result.status),
            "measured": self.result.measured,
            "limit": self.result.limit,
            "reason": self.result.reason,
            "evidence": self.result.evidence,
            "details": dict(self.result.details),
        }
        return {name: value for name, value in facts.items() if value} | {"seconds": round(self.seconds, 3)}


@dataclass(frozen=True)
class Report:
    """All findings of one run.

    Attributes:
        url: Where the deployment was reached.
        findings: In the order of the checks.
        seconds: Length of the whole run.
        function_log: Last lines of the function's log, when something that it serves failed.
    """

    url: str
    findings: tuple[Finding, ...]
    seconds: float
    function_log: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """Name of the event in JSON mode."""
        return "smoke"

    @property
    def ok(self) -> bool:
        """Whether no check failed. What could not be checked is counted on its own."""
        return not self.of(Status.FAILED)

    def of(self, status: Status) -> tuple[Finding, ...]:
        """The findings with a status."""
        return tuple(finding for finding in self.findings if finding.result.status is status)

    @property
    def summary(self) -> str:
        """The counts in a line."""
        counts = [f"{len(self.of(status))} {status}" for status in Status if self.of(status)]
        return f"Smoke: {', '.join(counts)} in {self.seconds:.1f} s at {self.url}"

    def to_json(self) -> dict[str, Any]:
        """The facts, JSON-serialisable."""
        return {
            "ok": self.ok,
            "url": self.url,
            "seconds": round(self.seconds, 3),
            "passed": len(self.of(Status.PASSED)),
            "failed": len(self.of(Status.FAILED)),
            "not_checked": len(self.of(Status.NOT_CHECKED)),
            "checks": [finding.to_json() for finding in self.findings],
            "function_log": list(self.function_log),
        }

    def __rich__(self) -> RenderableType:
        """A table with the measured values, the streams' timelines, and a panel for each failure."""
        from rich.console import Group
        from rich.text import Text

        style = "bold green" if self.ok else "bold red"
        return Group(self._table(), *self._timelines(), *self._panels(), Text(self.summary, style))

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("", "Item", "Check", "Measured", "Limit"):
            table.add_column(heading, no_wrap=heading in ("", "Item"))
        table.add_column("Time", justify="right", no_wrap=True)
        for finding in self.findings:
            mark, style = _MARKS[finding.result.status]
            unchecked = finding.result.status is Status.NOT_CHECKED
            measured = f"not checked: {finding.result.reason}" if unchecked else finding.result.measured
            table.add_row(
                Text(mark, style),
                Text(finding.id),
                Text(finding.title),
                Text(measured, "yellow" if unchecked else "" if finding.result.ok else "red"),
                Text(finding.result.limit, "dim"),
                Text(_duration(finding.seconds), "dim"),
            )
        return table

    def _timelines(self) -> list[Text]:
        from rich.text import Text

        drawn = [finding for finding in self.findings if finding.result.drawing]
        if not drawn:
            return []
        return [
            Text("Arrivals from the request to the end (digits: events in a slot)", "dim"),
            *(Text(f"{finding.id:<7} {finding.result.drawing}") for finding in drawn),
        ]

    def _panels(self) -> list[Panel]:
        from rich.panel import Panel
        from rich.text import Text

        panels = [
            Panel(
                Text.assemble(
                    f.result.reason, ("\n\n" + f.result.evidence if f.result.evidence else "", "dim")
                ),
                title=Text(f"{f.id} {f.title}", "bold red"),
                title_align="left",
                border_style="red",
            )
            for f in self.of(Status.FAILED)
        ]
        if self.function_log:
            lines = Text("\n".join(self.function_log), "dim")
            panels.append(Panel(lines, title="Last log lines of the function", title_align="left"))
        return panels


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
