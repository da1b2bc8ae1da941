"""``inv plan``."""

from __future__ import annotations

from scripts.errors import ExitStatus
from scripts.pipeline.stages import up_to_plan
from scripts.session import Session


def plan(session: Session, *, lock: bool = True) -> ExitStatus:
    """Show what a deploy would do. Makes nothing but, at the very first time, the state bucket.

    Args:
        session: The session.
        lock: False: not even that, and no lock, so that the caller needs no right to write.
    """
    with session.opened():
        session.steps.run(*up_to_plan(session, to_deploy=False, lock=lock))
        session.console.show(session.planned.plan)
        return ExitStatus.OK if session.planned.plan.empty else ExitStatus.CHANGES_PENDING
