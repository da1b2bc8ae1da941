"""``inv smoke``: the checks alone, once or again and again; of what is deployed here, or at any address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scripts.errors import DeployError, ExitStatus
from scripts.pipeline.stages import found
from scripts.session import Session

if TYPE_CHECKING:
    from scripts.smoke import Report, Subject
    from scripts.smoke.options import Options

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Wanted:
    """What was asked for, as the flags have it.

    Attributes:
        only: Ids of the checks to run; empty: all.
        skip: Ids of the checks to leave out.
        chat: Also the checks that talk to a model.
        long: Also those of long, large and many streams.
        base_url: Any deployment; empty: the one of the target.
        report: File for the page; empty: none.
        junit: File for CI; empty: none.
        watch: The time from start to start, such as ``60`` or ``5m``; empty: one run.
        until_failed: End the watch at the first run that fails.
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    chat: bool = False
    long: bool = False
    base_url: str = ""
    report: str = ""
    junit: str = ""
    watch: str = ""
    until_failed: bool = False


def smoke(session: Session, wanted: Wanted = Wanted()) -> ExitStatus:
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
        raise _bad("--only names no check", "It is empty.", "Name ids such as SC-004, or leave it out.")
    options.select(checks.ALL)
    every = interval(wanted)
    for flag, path in (("--report", wanted.report), ("--junit", wanted.junit)):
        if path:
            require_writable(Path(path), flag)
    if wanted.base_url:
        subject = checks.subject_at(checked_url(wanted.base_url), session.settings)
        _Run(session, subject, options, wanted).prove(every)
        return ExitStatus.OK
    with found(session):
        subject = checks.subject_of(session.target, session.settings, session.outputs())
        if wanted.report or wanted.junit:
            subject = replace(subject, release=_live_release(session))
        run = _Run(session, subject, options, wanted)
        run.previous = _recorded(session) if wanted.report else None
        run.prove(every)
    return ExitStatus.OK


def interval(wanted: Wanted) -> float:
    """The seconds of ``--watch``; 0 without it.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED`.
    """
    if not wanted.watch:
        if wanted.until_failed:
            raise _bad("--until-failed goes with --watch only", "One run ends anyway.", "Add --watch 60.")
        return 0.0
    parsed = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", wanted.watch)
    seconds = float(parsed[1]) * _UNITS[parsed[2]] if parsed else 0.0
    if seconds <= 0:
        raise _bad(
            f"--watch {wanted.watch} is no interval",
            "It is the time from the start of a run to the start of the next.",
            "Give seconds, or a number with s, m or h: 60, 5m.",
        )
    return seconds


def checked_url(url: str) -> str:
    """The value of ``--base-url``: scheme, host and port, nothing else.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED`; a password in it is not repeated.
    """
    if "@" in url:  # before anything repeats a part of it
        raise _bad(
            "--base-url holds a user name or a password",
            "Others on this machine can read the arguments of a command.",
            _ADDRESS,
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:  # a port out of range, a bracket too few
        raise _bad("--base-url is no address", f"{error}.", _ADDRESS) from error
    if parts.scheme not in ("http", "https") or not host:
        raise _bad(f"--base-url {url} is no address", "It must begin with https:// or http://.", _ADDRESS)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise _bad(
            f"--base-url {url} is more than an address",
            "The client is made for the root of its host: its files and /api/* have absolute paths.",
            f"Leave out what follows the host: --base-url {parts.scheme}://{parts.netloc}",
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


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
        try:
            with self.session.steps.step("smoke"):
                checks.wait(self.subject, console)
                report = checks.check(
                    self.subject,
                    self.options,
                    lambda finding: console.event("smoke.check", **finding.to_json()),
                )
        except DeployError as error:
            if error.status is ExitStatus.SMOKE_FAILED:
                self._write(checks.unanswered(self.subject, self.options, error))
            raise
        self._write(report)
        console.show(report)
        if not report.ok:
            raise DeployError(
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


def _bad(what: str, why: str, next_step: str) -> DeployError:
    return DeployError(what, why, next_step, status=ExitStatus.PREFLIGHT_FAILED)


_ADDRESS = "Give scheme and host, such as https://chat.example.com or http://localhost:8080."
