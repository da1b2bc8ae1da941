"""``inv doctor``."""

from __future__ import annotations

from scripts import preflight
from scripts.errors import DeployError, ExitStatus
from scripts.pipeline.stages import connecting
from scripts.preflight.runner import explained
from scripts.session import Session
from scripts.steps import Step


def doctor(session: Session) -> ExitStatus:
    """Show every check before the start; changes nothing but that the embedded AWS runs afterwards."""
    try:
        if session.local:
            session.steps.run(Step(connecting(session), session.open_target))
        else:
            session.open_target()
    except DeployError as error:
        report = preflight.unconnected(session.settings, connecting(session), explained(error))
    else:
        report = preflight.everything(session.settings, session.target)
    session.console.show(report)
    return ExitStatus.OK if report.ok else ExitStatus.PREFLIGHT_FAILED
