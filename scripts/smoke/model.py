"""What a check is and what it returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scripts.smoke.site import Site


class Status(StrEnum):
    """The outcome of a check. Not checked is neither: it is shown and counted on its own."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Result:
    """What a check found.

    Attributes:
        status: The outcome.
        measured: The value found, for a table.
        limit: The value asked for, empty where `measured` alone says it.
        reason: Why it failed and where to look, or why it was not checked.
        evidence: Raw proof of a failure: status, headers, first bytes.
        details: Further figures for JSON, and all that pictures are drawn from.
    """

    status: Status
    measured: str
    limit: str = ""
    reason: str = ""
    evidence: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the check ran and passed."""
        return self.status is Status.PASSED


def passed(measured: str, limit: str = "", **more: Any) -> Result:
    """The check ran and what it measured is within the limit."""
    return Result(Status.PASSED, measured, limit, **more)


def failed(measured: str, limit: str = "", *, reason: str, evidence: str = "", **more: Any) -> Result:
    """The check ran and the deployment does not behave."""
    return Result(Status.FAILED, measured, limit, reason, evidence, **more)


def not_checked(reason: str, measured: str = "", limit: str = "", **more: Any) -> Result:
    """The check could not say whether the deployment behaves."""
    return Result(Status.NOT_CHECKED, measured, limit, reason, **more)


class Need(Enum):
    """What many checks need, and one shows by itself."""

    INDEX = "index.html"
    API = "a healthy API"
    ECHO = "the answer to a POST"
    CLEAN = "that nothing is left behind"


class NotCheckedError(Exception):
    """Raised by a check that cannot run, with the reason.

    Args:
        reason: Why, as a phrase.
        lacks: What is missing. The check that shows it is part of the run then, whoever left it out.
    """

    def __init__(self, reason: str, *, lacks: Need | None = None) -> None:
        super().__init__(reason)
        self.lacks = lacks


class Stage(Enum):
    """When a check may run. The order is `scripts.smoke.runner`'s; what is inside a stage is said here."""

    PAGE = "page"
    """Alone and first, because it measures how fast files come."""
    STATIC = "static"
    """Side by side with everything, the cold start included: the function is not involved."""
    API = "api"
    """One after the other once the API is healthy: a Lambda environment serves one request at a time,
    so requests side by side would each pay for a cold start of their own."""
    STREAM = "stream"
    """After that, side by side with other streams only, so that nothing disturbs the arrival times."""
    HEAVY = "heavy"
    """At the end, one after the other: large streams, and many at once."""


class Suite(StrEnum):
    """Which runs a check belongs to: every one, or only those that ask for it."""

    BASIC = "basic"
    CHAT = "chat"
    """Talks to a model as a user: needs a login, and may cost money."""
    LONG = "long"
    """Long, large and many streams: takes minutes on the real account."""


@dataclass(frozen=True)
class Check:
    """One thing that the specification promises.

    Attributes:
        id: The item of the specification (``US1.2``, ``SC-004``, ``FR-042``).
        title: The promise, as a statement.
        stage: When it runs.
        run: The measurement. May raise `NotCheckedError`, and `httpx.HTTPError` when no answer came.
        by_function: Whether the Lambda function serves it, so that its log tells about a failure.
        suite: Which runs it belongs to.
        also: Further items of the specification that it shows.
        shows: What others need, when it is this check that fails for want of it.
    """

    id: str
    title: str
    stage: Stage
    run: Callable[[Site], Awaitable[Result]]
    by_function: bool = False
    suite: Suite = Suite.BASIC
    also: tuple[str, ...] = ()
    shows: Need | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Every item of the specification that it shows."""
        return (self.id, *self.also)
