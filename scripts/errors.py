"""How a run ends: the exit statuses and the one error that a user is meant to read.

Every failure that we can name is a `DeployError`. Anything else that reaches the top is a bug
of ours and is reported as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class ExitStatus(IntEnum):
    """Exit status of every task; documented in the README."""

    OK = 0
    """Done, or nothing to do."""
    FAILED = 1
    """A step failed; the message says which and what to do."""
    CHANGES_PENDING = 2
    """`inv plan` found changes, `inv drift` found drift. Not an error."""
    PREFLIGHT_FAILED = 3
    """A check before the start failed; nothing was touched."""
    SMOKE_FAILED = 4
    """Deployed, but the deployment does not behave."""
    LOCKED = 5
    """Someone else holds the state lock."""
    INTERRUPTED = 130
    """Ctrl-C or SIGTERM. The same command goes on from here."""


class DeployError(Exception):
    """A failure with its reason and its remedy.

    Args:
        what: What failed, as a sentence without a full stop.
        why: The cause as far as it is known; may hold several lines.
        next_step: What the reader should do now.
        status: The exit status of the run.
        evidence: Raw material that proves the cause (log lines, a response); shown below.
        facts: The same for programs, by name; part of the event ``error``.
    """

    def __init__(
        self,
        what: str,
        why: str = "",
        next_step: str = "",
        *,
        status: ExitStatus = ExitStatus.FAILED,
        evidence: str = "",
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.next_step = next_step
        self.status = status
        self.evidence = evidence
        self.facts = dict(facts or {})

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append(f"Why: {self.why}")
        if self.next_step:
            lines.append(f"Next: {self.next_step}")
        if self.evidence:
            lines.append(self.evidence)
        return "\n".join(lines)
