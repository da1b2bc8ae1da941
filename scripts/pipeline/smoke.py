"""``inv smoke``: the checks alone, once or again and again; of what is deployed here, or at any address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.errors import DeployError, ExitStatus
from scripts.pipeline import deployed
from scripts.pipeline.smoke_flags import Wanted, bad, checked_url, confirm_long, interval
from scripts.pipeline.stages import NotProvenError, found, proving
from scripts.session import Session

if TYPE_CHECKING:
    from scripts.smoke import Finding, Report, Subject
    from scripts.smoke.options import Options


_NO_FLAGS = Wanted()


def smoke(session: Session, wanted: Wanted = _NO_FLAGS) -> ExitStatus:
    """Prove that what is deployed behaves.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED` for what cannot be meant, before anything is
            looked at; with `ExitStatus.SMOKE_FAILED` when a check failed, or nothing answered.
    """
    from scripts import smoke as checks
    from scripts.smoke.options import Options, ids
    from scripts.smoke.report.files import require_writable

    options = Options(ids(wanted.only), ids(wanted.skip), wanted.chat, wanted.long)
    if wanted.only and not options.only:
        raise bad("--only names no check", "It is empty.", "Name ids such as SC-004, or leave it out.")
    options.select(checks.ALL)
    address = checked_url(wanted.base_url) if wanted.base_url is not None else ""
    remote = checks.is_remote(address) if address else session.settings.target == "aws"
    every = interval(wanted, remote=remote)
    for flag, path in (("--report", wanted.report), ("--junit", wanted.junit)):
        if path:
            require_writable(Path(path), flag)
    if wanted.long and remote:
        confirm_long(session, address)
    if address:
        subject = checks.subject_at(address, session.settings)
        _Run(session, subject, options, wanted).prove(every)
        return ExitStatus.OK
    with found(session):
        subject = checks.subject_of(session.target, session.settings, deployed.outputs(session))
        if wanted.report or wanted.junit:
            subject = replace(subject, release=_live_release(session))
        run = _Run(session, subject, options, wanted)
        run.previous = _recorded(session) if wanted.report else None
        run.prove(every)
    return ExitStatus.OK


@dataclass
class _Run:
    """The checks of one subject, and what is written of them.

    Attributes:
        previous: The run to compare with, as JSON.
    """

    session: Session
    subject: Subject
    options: Options
    wanted: Wanted
    previous: Mapping[str, Any] | None = None

    def prove(self, every: float) -> None:
        """Check once, or every so many seconds.

        Raises:
            DeployError: with `ExitStatus.SMOKE_FAILED`.
        """
        if every:
            self._watch(every)
        else:
            self._once()

    def _once(self) -> None:
        from scripts import smoke as checks

        console = self.session.console
        findings: list[Finding] = []
        began = datetime.now(UTC)

        def finished(finding: Finding) -> None:
            findings.append(finding)
            console.event("smoke.check", **finding.to_json())

        try:
            with proving(self.session):
                checks.wait(self.subject, console)
                report = checks.check(self.subject, self.options, finished)
                if not report.ok:
                    raise NotProvenError
        except DeployError as error:
            if error.status is ExitStatus.SMOKE_FAILED:
                self._write(checks.unanswered(self.subject, self.options, error))
            raise
        except KeyboardInterrupt:
            if findings:
                self._tell(checks.interrupted(self.subject, self.options, findings, began))
            raise
        self._tell(report)
        if not report.ok:
            raise self._not_proven(report)

    def _tell(self, report: Report) -> None:
        self._write(report)
        self.session.console.show(report)

    def _not_proven(self, report: Report) -> DeployError:
        from scripts.smoke.model import Status

        if not report.of(Status.FAILED):
            return DeployError(
                "Nothing was proven",
                "No check that was asked for could be made; the reasons are above.",
                "Ask for others, or make possible what they need.",
                status=ExitStatus.SMOKE_FAILED,
            )
        return DeployError(
            "What is deployed does not behave",
            "The smoke checks above failed.",
            "Repair the cause, then run the same command again."
            if self.wanted.base_url
            else f"Repair the cause, then: inv deploy --target {self.session.settings.target} "
            "(inv smoke repeats the checks alone).",
            status=ExitStatus.SMOKE_FAILED,
        )

    def _watch(self, every: float) -> None:
        from scripts import smoke as checks
        from scripts.smoke.watch import Watch

        console = self.session.console
        checks.wait(self.subject, console)
        subject, away = replace(self.subject, patience=0.0), False

        def look() -> Report:
            nonlocal away
            try:
                report = checks.check(subject, self.options)
            except DeployError as error:
                if error.status is not ExitStatus.SMOKE_FAILED:
                    raise
                away, report = True, checks.unanswered(subject, self.options, error)
            else:
                report = checks.answered(report) if away else report
            self._write(report)
            self.previous = report.to_json()
            return report

        Watch(subject.url, every, console, until_failed=self.wanted.until_failed).follow(look)

    def _write(self, report: Report) -> None:
        """Write the files. That one could not be written is said, and hides nothing that was found."""
        facts, previous = report.to_json(), self.previous

        def html(path: Path) -> None:
            from scripts.smoke.report import html

            html.write(facts, previous, path)

        def junit(path: Path) -> None:
            from scripts.smoke.report import junit

            junit.write(facts, path)

        for name, write in ((self.wanted.report, html), (self.wanted.junit, junit)):
            try:
                if name:
                    write(Path(name))
            except OSError as error:
                self.session.console.warn(f"{name} was not written: {error}")


def _live_release(session: Session) -> str:
    """Id of the release that is live; empty where no record tells, or none can be read."""
    from scripts.pipeline.rollback import look_around

    try:
        live = look_around(session).live
    except Exception as error:  # worth a line in a report, not worth a failure
        session.console.warn(f"Which release is live is not known: {error}")
        return ""
    return live.id if live else ""


def _recorded(session: Session) -> Mapping[str, Any] | None:
    """The run to compare with, if the records hold one and can be read."""
    from scripts.releases import open_store
    from scripts.smoke.report.previous import previous_run

    try:
        return previous_run(open_store(session.settings, session.target.aws))
    except Exception as error:
        session.console.warn(f"The report compares with nothing: {error}")
        return None
