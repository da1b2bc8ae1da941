"""What the smoke checks found, as data. How it is drawn is the business of the modules beside this one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from scripts.redaction import redact, redact_json
from scripts.smoke.model import Check, Result, Status
from scripts.smoke.options import Options

if TYPE_CHECKING:
    from rich.console import RenderableType

    from scripts.smoke.deployed import Deployed


@dataclass(frozen=True)
class Finding:
    """One check's outcome.

    Attributes:
        id: Item of the specification.
        title: What was checked.
        result: What came out.
        seconds: How long the check took, waiting for shared facts included.
        by_function: Whether the Lambda function serves what was checked.
        also: Further items of the specification that it shows.
    """

    id: str
    title: str
    result: Result
    seconds: float
    by_function: bool = False
    also: tuple[str, ...] = ()

    @classmethod
    def of(cls, check: Check, result: Result, seconds: float = 0.0) -> Self:
        """The outcome of a check."""
        shown = replace(
            result,
            measured=redact(result.measured),
            reason=redact(result.reason),
            evidence=redact(result.evidence),
        )
        return cls(check.id, check.title, shown, seconds, check.by_function, check.also)

    def to_json(self) -> dict[str, Any]:
        """The facts; empty ones are left out."""
        facts = {
            "id": self.id,
            "also": list(self.also),
            "title": self.title,
            "status": str(self.result.status),
            "measured": self.result.measured,
            "limit": self.result.limit,
            "reason": self.result.reason,
            "evidence": self.result.evidence,
            "details": redact_json(self.result.details),
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
        started: When the run began, ISO 8601 in UTC; empty where nobody asked the clock.
        deployed: What the account says is deployed; None when only an address was given.
        options: What the run was asked for.
        target: Whose deployment it is, ``local`` or ``aws``; empty when only an address was given.
        environment: Name of its environment, likewise.
    """

    url: str
    findings: tuple[Finding, ...]
    seconds: float
    function_log: tuple[str, ...] = ()
    started: str = ""
    deployed: Deployed | None = None
    options: Options = field(default_factory=Options)
    target: str = ""
    environment: str = ""

    @property
    def type(self) -> str:
        """Name of the event in JSON mode."""
        return "smoke"

    @property
    def ok(self) -> bool:
        """Whether no check failed and at least one passed: a run that could check nothing proves nothing."""
        return not self.of(Status.FAILED) and bool(self.of(Status.PASSED))

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
            "target": self.target,
            "environment": self.environment,
            "started": self.started,
            "seconds": round(self.seconds, 3),
            "passed": len(self.of(Status.PASSED)),
            "failed": len(self.of(Status.FAILED)),
            "not_checked": len(self.of(Status.NOT_CHECKED)),
            "checks": [finding.to_json() for finding in self.findings],
            "function_log": list(self.function_log),
            "options": self.options.to_json(),
            "deployed": self.deployed.to_json() if self.deployed else None,
        }

    def __rich__(self) -> RenderableType:
        """A table with the measured values, the streams' timelines, and a panel for each failure."""
        from scripts.smoke.report.terminal import Drawing

        return Drawing(self)
