"""The record of one release: plain data, to and from JSON.

Written once and never changed. Not for where it is kept (`scripts.releases.store`), nor for finding out
its facts (`scripts.releases.facts`).

A record outlives the version of this project that wrote it. So reading is tolerant: fields that are not
known are ignored, missing ones have defaults, and a word that is not known reads as ``unknown``. `SCHEMA`
is raised when the meaning of a field changes, never for a new one.
"""

from __future__ import annotations

import dataclasses
import re
import secrets
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

SCHEMA = 1


class Kind(StrEnum):
    """How the release came about."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    UNKNOWN = "unknown"


class Ending(StrEnum):
    """How it ended."""

    SUCCEEDED = "succeeded"
    """Applied, and every smoke check passed."""
    SMOKE_FAILED = "smoke_failed"
    """Applied, and it does not behave."""
    UNPROVEN = "unproven"
    """Applied; the checks were interrupted."""
    APPLY_FAILED = "apply_failed"
    """Applied in part; a deploy goes on from there."""
    UNKNOWN = "unknown"
    """The record cannot be read, or is of a later version."""


@dataclass(frozen=True)
class Actor:
    """Who did it.

    Attributes:
        user: ``USER@HOST`` of the operating system.
        arn: The caller in the AWS account; empty on the embedded AWS.
        ci: What the CI system says of the run: ``system``, ``actor``, ``url``; empty outside CI.
    """

    user: str = ""
    arn: str = ""
    ci: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """One name: the person that CI ran for, else the user."""
        return self.ci.get("actor") or self.user


@dataclass(frozen=True)
class Revision:
    """The checkout. `dirty`: it held changes that were not committed, or files unknown to git."""

    commit: str = "unknown"
    branch: str = "unknown"
    dirty: bool = False

    @property
    def short(self) -> str:
        """As in a table: ``1a2b3c4d*``, the star for changes that were not committed."""
        return f"{self.commit[:8]}{'*' if self.dirty else ''}"


@dataclass(frozen=True)
class Image:
    """The function's image. `uri` names it by digest; both are empty when the apply failed.

    Attributes:
        base: What it was built from, as configured (``NAME:TAG``); none in records of earlier versions.
        base_digest: Digest that `base` stood for then; empty where nobody knew.
    """

    tag: str = ""
    digest: str = ""
    uri: str = ""
    platform: str = ""
    base: str = ""
    base_digest: str = ""


@dataclass(frozen=True)
class Place:
    """The resources that hold a release: names of the function and the client's bucket, repository URL."""

    function: str = ""
    bucket: str = ""
    repository: str = ""


@dataclass(frozen=True)
class Module:
    """A public Terraform module."""

    key: str = ""
    source: str = ""
    version: str = ""


@dataclass(frozen=True)
class Versions:
    """What made the release. `stand_ins`: the modules were the rehearsal's, with the names of these."""

    runner: str = ""
    terraform: str = ""
    providers: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[Module, ...] = ()
    stand_ins: bool = False
    librechat: str = ""


@dataclass(frozen=True)
class StepTime:
    """One step of the run; seconds since its start."""

    name: str = ""
    started: float = 0.0
    took: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class FailedCheck:
    """A smoke check that failed, with what proves it."""

    id: str = ""
    title: str = ""
    measured: str = ""
    limit: str = ""
    reason: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class RecordedCheck:
    """One smoke check in short, for a later run to be compared with.

    Attributes:
        status: ``passed``, ``failed`` or ``not checked``.
        seconds: How long it took.
        figures: The numbers among its details, by name.
    """

    id: str = ""
    title: str = ""
    status: str = ""
    measured: str = ""
    limit: str = ""
    seconds: float = 0.0
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Smoke:
    """The smoke checks' result; all zero when they did not run.

    Attributes:
        not_checked: Number of checks that could not run.
        failures: The failed ones, with their evidence.
        checks: All of them in short; none in records of earlier versions.
        function_log: Last lines of the function's log, when something that it serves failed.
    """

    passed: int = 0
    failed: int = 0
    not_checked: int = 0
    seconds: float = 0.0
    failures: tuple[FailedCheck, ...] = ()
    function_log: tuple[str, ...] = ()
    checks: tuple[RecordedCheck, ...] = ()


@dataclass(frozen=True)
class Release:
    """One deploy or rollback.

    Attributes:
        id: Sorts by the moment when the apply ended, which the state lock orders; see `new_id`.
        rollback_of: Of a rollback: the id of the deploy whose image and client are live again.
        started, ended: ISO 8601, UTC.
        revision: The checkout that image and client were built from. A rollback has its deploy's.
        client: Content hash of the published client.
        config_version: Version of librechat.yaml that the function was told.
        infrastructure: Hash of the Terraform tree and its values. A rollback has that of the release
            before it, because it leaves the infrastructure as it is.
        plan: Number of resources by action (``add``, ``change``, …).
        error: What ended the run, when it is neither in the checks nor success.
    """

    id: str
    schema: int = SCHEMA
    kind: Kind = Kind.DEPLOY
    ending: Ending = Ending.UNKNOWN
    rollback_of: str = ""
    started: str = ""
    ended: str = ""
    target: str = ""
    environment: str = ""
    by: Actor = field(default_factory=Actor)
    revision: Revision = field(default_factory=Revision)
    image: Image = field(default_factory=Image)
    client: str = ""
    place: Place = field(default_factory=Place)
    config_version: str = ""
    infrastructure: str = ""
    versions: Versions = field(default_factory=Versions)
    plan: Mapping[str, int] = field(default_factory=dict)
    steps: tuple[StepTime, ...] = ()
    smoke: Smoke = field(default_factory=Smoke)
    error: str = ""

    @property
    def at(self) -> datetime:
        """The moment in the id; the epoch for an id that has none."""
        try:
            return datetime.strptime(self.id.partition("-")[0], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
        except ValueError:
            return datetime.fromtimestamp(0, UTC)

    @property
    def content(self) -> tuple[str, str]:
        """What a rollback brings back: the image's tag and the client's hash."""
        return (self.image.tag, self.client)

    @property
    def origin(self) -> str:
        """Id of the deploy that this content comes from."""
        return self.rollback_of or self.id

    @property
    def proven(self) -> bool:
        """Whether it was seen to work."""
        return self.ending is Ending.SUCCEEDED

    def to_json(self) -> dict[str, Any]:
        """The record as it is stored."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, id: str) -> Self:
        """A record from what was stored under `id`."""
        record: Self = _read(cls, {**data, "id": id})
        return record


def new_id(moment: datetime) -> str:
    """``20260102T030405678Z-1a2b3c``: sorts by time to the millisecond, and is nobody else's."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z-{secrets.token_hex(3)}"


def is_id(text: str) -> bool:
    """Whether a file of this name is a record of ours."""
    return re.fullmatch(r"\d{8}T\d{9}Z-[0-9a-f]{6}", text) is not None


def _read(cls: type[Any], raw: Any) -> Any:
    """A dataclass from JSON; what is missing or of another kind has its default."""
    hints = typing.get_type_hints(cls)
    given = raw if isinstance(raw, Mapping) else {}
    values = {
        name.name: value
        for name in dataclasses.fields(cls)
        if name.name in given and (value := _value(hints[name.name], given[name.name])) is not None
    }
    return cls(**values)


def _value(hint: Any, raw: Any) -> Any:
    """A value of the annotated type, or None."""
    if dataclasses.is_dataclass(hint):
        return _read(typing.cast("type[Any]", hint), raw)
    if typing.get_origin(hint) is tuple:
        items = [_value(typing.get_args(hint)[0], item) for item in raw] if isinstance(raw, list) else []
        return tuple(item for item in items if item is not None)
    if typing.get_origin(hint) is Mapping:
        kind = typing.get_args(hint)[1]
        given = raw if isinstance(raw, Mapping) else {}
        return {str(name): value for name, value in given.items() if isinstance(value, kind)}
    if issubclass(hint, StrEnum):
        return hint(raw) if raw in list(hint) else hint("unknown")
    if hint is float and isinstance(raw, int):
        return float(raw)
    return raw if isinstance(raw, hint) else None
