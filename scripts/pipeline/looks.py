"""The commands that only look: ``inv smoke``, ``doctor``, ``outputs``, ``status``."""

from __future__ import annotations

from scripts import preflight
from scripts.errors import DeployError, ExitStatus
from scripts.outcomes import Values
from scripts.pipeline.stages import connecting, found, prove
from scripts.session import Session


def smoke(session: Session) -> ExitStatus:
    """Prove that what is deployed behaves.

    Raises:
        DeployError: with `ExitStatus.SMOKE_FAILED`.
    """
    with found(session):
        prove(session, session.outputs(), None)
    return ExitStatus.OK


def doctor(session: Session) -> ExitStatus:
    """Show every check before the start; changes nothing but that the embedded AWS runs afterwards."""
    settings = session.settings
    checks = list(preflight.tools(settings).checks)
    try:
        session.open_target()
    except DeployError as error:
        checks.append(
            preflight.Check(connecting(session), False, f"{error.what}: {error.why}", error.next_step)
        )
    else:
        account = preflight.account(settings, session.target)
        checks += account.checks
        if account.ok:
            checks += preflight.references(settings, session.target).checks
    report = preflight.Report(tuple(checks))
    session.console.show(report)
    return ExitStatus.OK if report.ok else ExitStatus.PREFLIGHT_FAILED


def outputs(session: Session) -> ExitStatus:
    """Show Terraform's outputs, without sensitive ones."""
    with found(session):
        session.console.show(Values("outputs", session.outputs()))
    return ExitStatus.OK


def status(session: Session) -> ExitStatus:
    """Show what is there, without starting or changing anything."""
    from scripts import status as facts

    session.console.show(Values("status", facts.collect(session.settings)))
    return ExitStatus.OK
