"""One run read back from JSON: the report's own (`Report.to_json`), or what a release record keeps of one.

This is the door for everything that is written to a file: what comes through it holds no secret and no
character that cannot be shown (`scripts.smoke.report.text`). It is tolerant, as records are: what is
missing or of another kind has its default.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from scripts.smoke.model import Status
from scripts.smoke.report.text import deep, number, shown


@dataclass(frozen=True)
class Checked:
    """One check's outcome; the attributes are those of `Finding` and `Result`."""

    id: str
    title: str
    status: Status
    measured: str = ""
    limit: str = ""
    reason: str = ""
    evidence: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    also: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What tells checks apart: several have the same item of the specification."""
        return (self.id, self.title)

    @property
    def group(self) -> str:
        """The part of the specification: ``US1`` of ``US1.2``, ``SC`` of ``SC-004``."""
        return re.split(r"[.-]", self.id, maxsplit=1)[0]

    @property
    def kind(self) -> str:
        """The name of a failure, for programs: the cause where the check names one."""
        return str(self.details.get("cause") or "failed")

    @property
    def found(self) -> str:
        """What a table shows as the outcome: the measured value, or why there is none."""
        return self.measured or self.reason

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From one of a report's ``checks``. A status that is not known is not a success."""
        status = data.get("status")
        details, also = data.get("details"), data.get("also")
        texts = {
            name: shown(data.get(name) or "")
            for name in ("id", "title", "measured", "limit", "reason", "evidence")
        }
        return cls(
            **texts,
            status=Status(status) if status in list(Status) else Status.NOT_CHECKED,
            details=deep(details) if isinstance(details, Mapping) else {},
            seconds=number(data.get("seconds")) or 0.0,
            also=tuple(map(shown, also)) if isinstance(also, list) else (),
        )


@dataclass(frozen=True)
class Run:
    """All outcomes of one run; the attributes are those of `Report`.

    Attributes:
        deployed: What the account said is deployed, as JSON; empty when nobody asked it.
        release: Id of the release that the run looked at; empty where it is not known.
        target: Whose deployment it is; empty where only an address was given, or nobody wrote it down.
        environment: Name of its environment, likewise.
        asked: The flags that chose the checks, as they would be typed; empty when none did.
    """

    url: str = ""
    started: str = ""
    seconds: float = 0.0
    checks: tuple[Checked, ...] = ()
    function_log: tuple[str, ...] = ()
    deployed: Mapping[str, Any] = field(default_factory=dict)
    release: str = ""
    asked: str = ""
    target: str = ""
    environment: str = ""

    def of(self, status: Status) -> tuple[Checked, ...]:
        """The checks with a status."""
        return tuple(check for check in self.checks if check.status is status)

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        if not self.checks:
            return "Nothing was checked"
        if failed := len(self.of(Status.FAILED)):
            return f"{failed} of {len(self.checks)} checks failed"
        return "Everything that was checked works" if self.of(Status.PASSED) else "Nothing could be checked"

    def command(self, check: Checked) -> str:
        """What runs one check again, as this run did."""
        suites = " ".join(flag for flag in ("--chat", "--long") if flag in self.asked.split())
        # Without a target the address is all that says which deployment is meant.
        where = f"--target {self.target}" if self.target else f"--base-url {shlex.quote(self.url)}"
        environment = f"INVOKE_ENVIRONMENT={self.environment}" if self.environment else ""
        return " ".join(part for part in (environment, "inv smoke --only", check.id, suites, where) if part)

    @property
    def counts(self) -> str:
        """``20 passed, 2 not checked``."""
        return ", ".join(f"{len(self.of(status))} {status}" for status in Status if self.of(status))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From `Report.to_json`, or `scripts.smoke.report.previous.previous_run`."""
        checks = data.get("checks")
        log = data.get("function_log")
        deployed = data.get("deployed")
        deployed = deep(deployed) if isinstance(deployed, Mapping) else {}
        return cls(
            url=shown(data.get("url") or ""),
            started=shown(data.get("started") or ""),
            seconds=number(data.get("seconds")) or 0.0,
            checks=tuple(Checked.from_json(check) for check in checks if isinstance(check, Mapping))
            if isinstance(checks, list)
            else (),
            function_log=tuple(map(shown, log)) if isinstance(log, list) else (),
            deployed=deployed,
            release=shown(data.get("release") or deployed.get("release") or ""),
            asked=_asked(data.get("options")),
            target=shlex.quote(target) if (target := shown(data.get("target") or "")) else "",
            environment=shlex.quote(name) if (name := shown(data.get("environment") or "")) else "",
        )


def _asked(options: Any) -> str:
    """``--only US1,SC-004 --long``."""
    given = deep(options) if isinstance(options, Mapping) else {}
    flags = []
    for name, value in given.items():
        if isinstance(value, list) and value:
            flags.append(f"--{name} {','.join(map(str, value))}")
        elif value is True:
            flags.append(f"--{name}")
    return " ".join(flags)
