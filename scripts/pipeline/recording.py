"""Keeps the record of what a run applied, whatever way the run ends.

A deploy and a rollback wrap their apply and their proof in it. What the record holds is
`scripts.releases.record`'s business, where it goes `scripts.releases.store`'s.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from scripts.errors import DeployError, ExitStatus
from scripts.image import base
from scripts.redaction import redact
from scripts.releases import Ending, Kind, Release, new_id, open_store
from scripts.releases import facts as run_facts
from scripts.releases.record import (
    FailedCheck,
    Image,
    Place,
    RecordedCheck,
    Revision,
    Smoke,
    StepTime,
    Versions,
)
from scripts.session import Session
from scripts.terraform import Plan

if TYPE_CHECKING:
    from scripts.smoke import Report

_EVIDENCE_CHARACTERS = 8000
"""Of one check's evidence, or of an error: a record is read by people."""


_LOOK_BACK = 10
"""Releases that are searched for the same image."""


@dataclass(frozen=True)
class Content:
    """What a run brings live.

    Attributes:
        image: The image; of a deploy only what is known before the apply, tag and platform.
        client: Hash of the client.
        config_version: Version of librechat.yaml that the function is told.
        rollback_of: Id of the deploy that a rollback brings back; empty for a deploy.
        revision: The checkout that it comes from; None: the one of this run.
        infrastructure: Hash of the infrastructure around it; empty: that of this run.
        librechat: Version of LibreChat; empty: that of the settings.
    """

    image: Image
    client: str
    config_version: str = ""
    rollback_of: str = ""
    revision: Revision | None = None
    infrastructure: str = ""
    librechat: str = ""


class Recording:
    """The record of one apply and of the proof after it.

    Attributes:
        release: The record, once there is one; or the older one that says the same already.
        written: Whether it is in the store.
    """

    def __init__(self, session: Session, plan: Plan, content: Content) -> None:
        self._session = session
        self._plan = plan
        self._content = content
        self._store = open_store(session.settings, session.target.aws)
        self._outputs: Mapping[str, Any] | None = None
        self._moment = datetime.now(UTC)
        self.release: Release | None = None
        self.written = False

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Leave a record of a block that fails or is interrupted; its own error goes on."""
        try:
            yield
        except BaseException as error:
            if self.release is None and not _locked_out(error):
                self._keep_or_warn(self._ending_of(error), error=_text(error))
            raise

    def applied(self, outputs: Mapping[str, Any]) -> None:
        """From now on what was planned is live."""
        self._outputs = outputs
        self._moment = datetime.now(UTC)

    def proved(self, report: Report) -> None:
        """Keep the result of the smoke checks, before anything is done about it.

        Raises:
            DeployError: when everything passed and the record cannot be written. A failure is not hidden
                behind that: then it is a warning.
        """
        if report.ok:
            self._keep_if_new(report)
        else:
            self._keep_or_warn(Ending.SMOKE_FAILED, recorded(report))

    def _keep_if_new(self, report: Report) -> None:
        """A deploy that changed nothing says nothing new when the newest release is the same, and proven."""
        newest = next(iter(self._store.newest(1)), None) if self._plan.empty else None
        if newest and newest.proven and newest.content == (self._image().tag, self._content.client):
            self.release, self.written = newest, True
            return
        self._keep(self._make(Ending.SUCCEEDED, recorded(report)))

    def _image(self) -> Image:
        """What a rollback knows from the record that it brings back, a deploy learns from the outputs."""
        known, outputs = self._content.image, self._outputs
        if known.digest or not outputs:
            return known
        uri = str(outputs.get("image_uri", ""))
        tag = str(outputs.get("image_tag", known.tag))
        return replace(known, tag=tag, digest=uri.partition("@")[2], uri=uri)

    def _keep(self, release: Release) -> None:
        release = self._with_its_base(release)
        self.release = release
        self._store.add(release)
        self.written = True
        self._session.console.event("recorded", release=release.id, ending=str(release.ending))
        self._session.console.say(f"Recorded as release [bold]{release.id}[/bold]")

    def _with_its_base(self, release: Release) -> Release:
        """The release with the base of the build that was pushed.

        A machine that has not built this tag yet builds it anew, maybe on another base. But the repository
        keeps the first image of a tag, and so what is live: its record says what it was built from.
        """
        image = release.image
        if not image.digest or not image.base_digest:
            return release
        with contextlib.suppress(DeployError):  # what cannot be read is said when it is written
            for earlier in self._store.newest(_LOOK_BACK):
                known = earlier.image
                if (known.digest, known.base) == (image.digest, image.base) and known.base_digest:
                    if warning := base.moved(image.base, known.base_digest, image.base_digest):
                        self._session.console.warn(warning)
                    return replace(release, image=replace(image, base_digest=known.base_digest))
        return release

    def _keep_or_warn(self, ending: Ending, smoke: Smoke | None = None, error: str = "") -> None:
        """Keep the record of a failure; whatever goes wrong here must not hide that failure."""
        try:
            self._keep(self._make(ending, smoke, error))
        except DeployError as problem:
            self._session.console.warn(f"{problem.what}: {problem.why}")
        except Exception as problem:
            self._session.console.warn(f"The release could not be recorded: {problem}")

    def _ending_of(self, error: BaseException) -> Ending:
        if self._outputs is None:
            return Ending.APPLY_FAILED
        # Nothing answers at all: then there is no report.
        failed = isinstance(error, DeployError) and error.status is ExitStatus.SMOKE_FAILED
        return Ending.SMOKE_FAILED if failed else Ending.UNPROVEN

    def _make(self, ending: Ending, smoke: Smoke | None = None, error: str = "") -> Release:
        session, settings, content = self._session, self._session.settings, self._content
        outputs = self._outputs or {}
        now = datetime.now(UTC)
        return Release(
            id=new_id(self._moment if self._outputs is not None else now),
            kind=Kind.ROLLBACK if content.rollback_of else Kind.DEPLOY,
            ending=ending,
            rollback_of=content.rollback_of,
            started=_iso(now - timedelta(seconds=session.steps.total)),
            ended=_iso(now),
            target=settings.target,
            environment=settings.environment,
            by=run_facts.actor(None if session.local else session.target.aws, os.environ),
            revision=content.revision or run_facts.revision(settings.project_root, os.environ),
            image=self._image(),
            client=content.client,
            place=Place(
                str(outputs.get("function_name", "")),
                str(outputs.get("frontend_bucket", "")),
                str(outputs.get("ecr_repository_url", "")),
            ),
            config_version=content.config_version,
            infrastructure=content.infrastructure or run_facts.infrastructure(settings),
            versions=_versions(session, content.librechat),
            plan=self._plan.to_json()["counts"],
            steps=tuple(
                StepTime(step.name, round(step.started, 3), round(step.took, 3), step.note)
                for step in session.steps.timings
            ),
            smoke=smoke or Smoke(),
            error=error,
        )


def recorded(report: Report) -> Smoke:
    """The report without the pictures of what passed, and without what could be a secret."""
    from scripts.smoke.model import Status

    return Smoke(
        passed=len(report.of(Status.PASSED)),
        failed=len(report.of(Status.FAILED)),
        not_checked=len(report.of(Status.NOT_CHECKED)),
        seconds=round(report.seconds, 3),
        failures=tuple(
            FailedCheck(
                finding.id,
                finding.title,
                redact(finding.result.measured),
                finding.result.limit,
                _shortened(redact(finding.result.reason)),
                _shortened(redact(finding.result.evidence)),
            )
            for finding in report.of(Status.FAILED)
        ),
        function_log=tuple(redact(line) for line in report.function_log),
        checks=tuple(
            RecordedCheck(
                finding.id,
                finding.title,
                str(finding.result.status),
                redact(finding.result.measured),
                finding.result.limit,
                round(finding.seconds, 3),
                _figures(finding.result.details),
            )
            for finding in report.findings
        ),
    )


def _figures(details: Mapping[str, Any]) -> dict[str, float]:
    """The numbers: a list of every arrival would make a record long, and a later run is compared without."""
    numbers = {name: value for name, value in details.items() if isinstance(value, (int, float))}
    return {name: float(value) for name, value in numbers.items() if not isinstance(value, bool)}


def _versions(session: Session, librechat: str) -> Versions:
    try:
        terraform = session.terraform.version()
    except DeployError:  # the record of a failed run must not fail for it as well
        terraform = ""
    return run_facts.versions(session.settings, terraform, session.workspace, librechat=librechat)


def _locked_out(error: BaseException) -> bool:
    """Somebody else holds the state: nothing was applied."""
    return isinstance(error, DeployError) and error.status is ExitStatus.LOCKED


def _text(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted"
    if isinstance(error, DeployError):
        return _shortened(redact("\n".join(part for part in (error.what, error.why, error.evidence) if part)))
    return _shortened(redact(f"{type(error).__name__}: {error}"))


def _shortened(text: str) -> str:
    left = len(text) - _EVIDENCE_CHARACTERS
    return text if left <= 0 else f"{text[:_EVIDENCE_CHARACTERS]}\n[{left} more characters]"


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
