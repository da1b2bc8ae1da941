"""What a watch has seen so far: a row for each check, and what changed with the last run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scripts.smoke.model import Result, Status
from scripts.smoke.report import Finding, Report
from scripts.smoke.report.text import plural

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

STRIP = 30
"""Outcomes that a row shows, where there is room."""

_SHORT_STRIP = 12
_WIDE = 110
_ID_WIDTH = len("FR-028a")
_SINCE_WIDTH = len("since 00:00:00")

_MARKS = {
    Status.PASSED: ("▪", "green"),
    Status.FAILED: ("✗", "bold red"),
    Status.NOT_CHECKED: ("–", "yellow"),
    None: (" ", ""),
}


@dataclass(frozen=True)
class Change:
    """A check whose outcome is another one than before.

    Attributes:
        before: Its last outcome; None at its first run.
        result: What came out now.
        lasted: Seconds for which `before` had been seen.
    """

    id: str
    title: str
    before: Status | None
    result: Result
    lasted: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The facts, JSON-serialisable."""
        return {
            "id": self.id,
            "title": self.title,
            "before": str(self.before) if self.before else None,
            "status": str(self.result.status),
            "measured": self.result.measured,
            "reason": self.result.reason,
            "lasted": round(self.lasted, 3),
        }

    def line(self) -> str:
        """The change in a line, without the time."""
        before = f" ({self.before} for {span(self.lasted)} before)" if self.before else ""
        why = ": ".join(part for part in (self.result.measured, self.result.reason) if part)
        return f"{self.id} {self.title}: {self.result.status}{before}{': ' + why if why else ''}"


@dataclass(frozen=True)
class Round:
    """One run of a watch.

    Attributes:
        number: From 1.
        report: What came out.
        changes: Against the runs before; at the first run the checks that failed.
    """

    number: int
    report: Report
    changes: tuple[Change, ...]

    def to_json(self) -> dict[str, Any]:
        """The facts, JSON-serialisable."""
        return {
            "number": self.number,
            "ok": self.report.ok,
            "changes": [change.to_json() for change in self.changes],
            "report": self.report.to_json(),
        }


@dataclass(frozen=True)
class Row:
    """One check over the runs.

    Attributes:
        outcomes: The last `STRIP`, oldest first; None where a run did not come to it.
        since: When its status was first seen without another one since.
        counts: How often it had which status.
    """

    id: str
    title: str
    result: Result
    since: datetime
    outcomes: tuple[Status | None, ...] = ()
    counts: Counter[Status] = field(default_factory=Counter)

    def next(self, finding: Finding | None, at: datetime) -> Row:
        """The row after one more run."""
        status = finding.result.status if finding else None
        row = replace(self, outcomes=(*self.outcomes, status)[-STRIP:])
        if finding is None:
            return row
        return replace(
            row,
            result=finding.result,
            since=self.since if self.result.status is status else at,
            counts=self.counts + Counter({finding.result.status: 1}),
        )


class Board:
    """Takes in the reports one by one."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}
        self.rounds: list[bool] = []
        """Of each run whether it was ok."""

    def add(self, report: Report, at: datetime) -> Round:
        """Take in the report of a run that began `at`; returns it with what changed."""
        self.rounds.append(report.ok)
        seen = {(finding.id, finding.title): finding for finding in report.findings}
        changes = [change for finding in seen.values() if (change := self._change(finding, at))]
        for key, finding in seen.items():
            missed = (None,) * min(len(self.rounds) - 1, STRIP)
            self.rows.setdefault(key, Row(*key, finding.result, at, missed))
        self.rows = {key: row.next(seen.get(key), at) for key, row in self.rows.items()}
        return Round(len(self.rounds), report, tuple(changes))

    def _change(self, finding: Finding, at: datetime) -> Change | None:
        row, result = self.rows.get((finding.id, finding.title)), finding.result
        if row is None:
            new = result.status is Status.FAILED
            return Change(finding.id, finding.title, None, result) if new else None
        if row.result.status is result.status:
            return None
        lasted = (at - row.since).total_seconds()
        return Change(finding.id, finding.title, row.result.status, result, lasted)

    def draw(self, heading: str, *, lines: int, width: int) -> RenderableType:
        """The rows under a heading, and under them why something fails.

        Args:
            heading: What the watch is doing now.
            lines: As many as there is room for. When the rows are more, those that fail stay.
            width: Columns of the terminal; in a narrow one the strips are shorter.
        """
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        rows = list(self.rows.values())
        failed = [row for row in rows if row.result.status is Status.FAILED]
        reasons = [Text(f"{row.id} {row.result.reason}", "red") for row in failed]
        room = max(lines - 1 - len(reasons), 1)
        left = len(rows) - room + 1 if len(rows) > room else 0
        if left:
            rows = [*failed, *(row for row in rows if row not in failed)][: room - 1]
        outcomes = STRIP if width >= _WIDE else _SHORT_STRIP
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0), expand=True)
        for fixed in (_ID_WIDTH, outcomes, _SINCE_WIDTH):
            table.add_column(no_wrap=True, width=fixed)
        for ratio in (4, 5):
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=ratio)
        for row in rows:
            since = Text(f"since {row.since.astimezone():%H:%M:%S}", "dim")
            table.add_row(Text(row.id), _strip(row, outcomes), since, Text(row.title), _found(row.result))
        more = [Text(f"… and {left} more", "dim")] if left else []
        return Group(Text(heading, "bold", no_wrap=True, overflow="ellipsis"), table, *more, *reasons)


@dataclass(frozen=True)
class Watched:
    """A watch that has ended, as an outcome."""

    url: str
    seconds: float
    rounds: tuple[bool, ...]
    rows: tuple[Row, ...]

    type = "smoke.watch"

    def to_json(self) -> dict[str, Any]:
        """The facts, JSON-serialisable."""
        return {
            "url": self.url,
            "ok": self.rounds[-1],
            "seconds": round(self.seconds, 3),
            "runs": len(self.rounds),
            "failed_runs": self.rounds.count(False),
            "checks": [
                {
                    "id": row.id,
                    "title": row.title,
                    "status": str(row.result.status),
                    **{str(status).replace(" ", "_"): row.counts[status] for status in Status},
                }
                for row in self.rows
            ],
        }

    def __rich__(self) -> Text:
        """The counts in a line, and one for each check that failed at least once."""
        from rich.text import Text

        runs, failed = len(self.rounds), self.rounds.count(False)
        lines = [f"Watched {self.url} for {span(self.seconds)}: {plural(runs, 'run')}, {failed} failed"]
        lines += [
            f"  {row.id} {row.title}: failed in {row.counts[Status.FAILED]} of {row.counts.total()} runs"
            for row in self.rows
            if row.counts[Status.FAILED]
        ]
        return Text("\n".join(lines), "bold green" if self.rounds[-1] else "bold red")


def span(seconds: float) -> str:
    """A length of time as people say it: ``0.5 s``, ``42 s``, ``12 min``, ``3 h 5 min``."""
    if seconds < 120:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _strip(row: Row, length: int) -> Text:
    from rich.text import Text

    shown = row.outcomes[-length:]
    return Text.assemble(" " * (length - len(shown)), *(_MARKS[outcome] for outcome in shown))


def _found(result: Result) -> Text:
    from rich.text import Text

    style = "dim" if result.ok else _MARKS[result.status][1]
    return Text(result.reason if result.status is Status.NOT_CHECKED else result.measured, style)
