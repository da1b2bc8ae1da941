"""What a check found: the statuses, one finding, and the report of a run.

Data only. What is looked at is in the modules beside this one, how they run in `runner.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from scripts.errors import DeployError, ExitStatus

if TYPE_CHECKING:
    from rich.console import RenderableType


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    """As a deploy needs it, or not needed."""
    WARNING = "warning"
    """A deploy can go on; somebody should know."""
    FAILED = "failed"
    """A deploy would fail, or what it deploys would not work."""
    NOT_CHECKED = "not checked"
    """Nobody can tell from here; the finding says why. It never stops a deploy."""


@dataclass(frozen=True)
class Finding:
    """What one look at something found. `remedy` says what to do; empty when there is nothing to do."""

    status: Status
    found: str
    remedy: str = ""


def ok(found: str) -> Finding:
    """As a deploy needs it."""
    return Finding(Status.OK, found)


def warning(found: str, remedy: str) -> Finding:
    """Not a reason to stop."""
    return Finding(Status.WARNING, found, remedy)


def failed(found: str, remedy: str) -> Finding:
    """A reason to stop."""
    return Finding(Status.FAILED, found, remedy)


def not_checked(reason: str, remedy: str = "") -> Finding:
    """Not a reason to stop, nor a word of comfort."""
    return Finding(Status.NOT_CHECKED, reason, remedy)


def worst(problems: Iterable[Finding], otherwise: Finding) -> Finding:
    """Several problems of one thing as one finding, as grave as the gravest; `otherwise` without any."""
    problems = list(problems)
    if not problems:
        return otherwise
    gravest = min(problems, key=lambda problem: _BY_GRAVITY.index(problem.status)).status
    return Finding(
        gravest,
        "; ".join(dict.fromkeys(problem.found for problem in problems)),
        " ".join(dict.fromkeys(problem.remedy for problem in problems if problem.remedy)),
    )


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        group: Heading under which it is shown.
        name: What was looked at.
        status: How it ended.
        found: What was found, or why nothing was.
        remedy: What to do; empty when there is nothing to do.
        took: Seconds.
    """

    group: str
    name: str
    status: Status
    found: str
    remedy: str = ""
    took: float = 0.0


@dataclass(frozen=True)
class Report:
    """The checks of a run, in their order. An `Outcome` of the console."""

    checks: tuple[Check, ...]
    took: float = 0.0

    type = "doctor"

    @property
    def ok(self) -> bool:
        """Whether a deploy may begin: no check failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[Check, ...]:
        """The reasons to stop."""
        return self._of(Status.FAILED)

    @property
    def warnings(self) -> tuple[Check, ...]:
        """What somebody should know."""
        return self._of(Status.WARNING)

    @property
    def summary(self) -> str:
        """``17 ok, 1 warning, 2 failed, 1 not checked in 3.1 s``; what did not happen is left out."""
        counts = Counter(check.status for check in self.checks)
        words = [_counted(status, counts[status]) for status in Status if counts[status]]
        return f"{', '.join(words) or 'nothing to check'} in {self.took:.1f} s"

    def require(self) -> None:
        """Go on only when no check failed.

        Raises:
            DeployError: with `ExitStatus.PREFLIGHT_FAILED`, naming each failed check and what to do.
        """
        if self.failed:
            raise DeployError(
                "The checks before the start failed; nothing was touched",
                "\n".join(f"{check.name}: {check.found}" for check in self.failed),
                "\n".join(dict.fromkeys(check.remedy for check in self.failed if check.remedy)),
                status=ExitStatus.PREFLIGHT_FAILED,
            )

    def to_json(self) -> dict[str, Any]:
        """Counts by status, then each check. Seconds are rounded to milliseconds."""
        counts = Counter(check.status for check in self.checks)
        return {
            "ok": self.ok,
            "took": round(self.took, 3),
            "counts": {status.value: counts[status] for status in Status},
            "checks": [
                {
                    "group": check.group,
                    "name": check.name,
                    "status": check.status.value,
                    "found": check.found,
                    "remedy": check.remedy,
                    "took": round(check.took, 3),
                }
                for check in self.checks
            ],
        }

    def __rich__(self) -> RenderableType:
        """A table under headings; what to do stands under what was found, the summary at the end."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        table.add_column(justify="right", no_wrap=True, style="dim")
        group = ""
        for check in self.checks:
            if check.group != group:
                group = check.group
                table.add_row("", Text(group, "bold"))
            mark, style = _MARKS[check.status]
            found = Text(check.found, "dim" if check.status is Status.NOT_CHECKED else "")
            if check.remedy:
                found.append(f"\n→ {check.remedy}", style)
            took = f"{check.took:.1f} s" if check.took >= _BLINK else ""
            table.add_row(Text(mark, style), check.name, found, took)
        ending = Text(self.summary, "bold green" if self.ok else "bold red")
        return Group(table, Text(), ending)

    def _of(self, status: Status) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.status is status)


_BLINK = 0.05
"""Seconds that are not worth showing."""

_BY_GRAVITY = (Status.FAILED, Status.WARNING, Status.NOT_CHECKED, Status.OK)

_MARKS = {
    Status.OK: ("✓", "green"),
    Status.WARNING: ("!", "yellow"),
    Status.FAILED: ("✗", "bold red"),
    Status.NOT_CHECKED: ("–", "dim"),
}


def _counted(status: Status, count: int) -> str:
    plural = "s" if status is Status.WARNING and count > 1 else ""
    return f"{count} {status.value}{plural}"
