"""``inv plan``."""

from __future__ import annotations

from scripts.errors import ExitStatus
from scripts.pipeline.stages import beginning
from scripts.session import Session
from scripts.steps import Step


def plan(session: Session) -> ExitStatus:
    """Show what a deploy would do. Makes nothing but, at the very first time, the state bucket."""
    with session.opened():
        session.steps.run(
            *beginning(session, to_deploy=False),
            Step("prepare state", session.prepare_state, after=("check tools", "check references")),
            Step("terraform init", session.init, after=("prepare state", "prepare configuration")),
            Step("terraform plan", session.plan, after=("terraform init",)),
        )
        session.console.show(session.planned.plan)
        return ExitStatus.OK if session.planned.plan.empty else ExitStatus.CHANGES_PENDING
