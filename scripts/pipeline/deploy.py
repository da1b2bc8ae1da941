"""``inv deploy``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.outcomes import Deployed
from scripts.pipeline.stages import apply, beginning, prove
from scripts.session import Session
from scripts.steps import NothingToDo, Step
from scripts.terraform import Plan

if TYPE_CHECKING:
    from scripts.smoke import Report


def deploy(session: Session) -> ExitStatus:
    """Build, plan, ask, apply, prove.

    Raises:
        DeployError: the step that failed; with `ExitStatus.SMOKE_FAILED` when everything was applied
            and does not behave.
    """
    with session.opened():
        early = _EarlySmoke(session)
        before_building = ("check tools",) if session.local else ("check tools", "credentials")
        session.steps.run(
            *beginning(session),
            # Built before the account is touched: a broken build costs nothing. The provisioners of the
            # apply then find the work done. Credentials come first: a build may take minutes.
            Step("build frontend", session.build_frontend, after=before_building),
            Step("build image", session.build_image, after=before_building),
            Step("prepare state", session.prepare_state, after=("check tools", "check references")),
            Step("terraform init", session.init, after=("prepare state", "prepare configuration")),
            Step("terraform plan", session.plan, after=("terraform init",)),
            Step("smoke", early.run, after=("prepare state",)),
        )
        plan = session.planned.plan
        session.console.show(plan)
        if plan.empty:
            outputs = _remembered(session)
        else:
            _confirm(session, plan)
            outputs = apply(session, plan, "terraform apply")
        if session.local:
            session.record.complete(session.fingerprint(), outputs)
        report = early.report if plan.empty and early.report and early.report.ok else None
        try:
            prove(session, outputs, report)
        finally:
            session.steps.show()
        session.console.show(Deployed(session.url(outputs), plan.summary, session.steps.total))
    return ExitStatus.OK


class _EarlySmoke:
    """Smoke checks beside the plan, when nothing that a deploy depends on has changed.

    A plan only reads, so the checks see what will still be there when it says "no changes"; then they
    count. In every other case, and when they fail on the busy machine, they are run again afterwards.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.report: Report | None = None

    def run(self) -> str | None:
        unchanged = self._session.unchanged
        if unchanged is None:
            raise NothingToDo
        try:
            self.report = self._session.smoke(unchanged.outputs, Console(stdout=io.StringIO()))
        except Exception as error:  # the checks after the plan judge, and report it if it happens again
            return f"not conclusive: {error}"
        return "passed" if self.report.ok else "not conclusive"


def _remembered(session: Session) -> dict[str, Any]:
    """The outputs: as remembered when nothing has changed, else from the state."""
    return dict(session.unchanged.outputs) if session.unchanged else session.terraform.output()


def _confirm(session: Session, plan: Plan) -> None:
    if session.local and not plan.destructive:
        return
    where = f"account {session.settings.aws.account_id}" if not session.local else "the embedded AWS"
    if not session.console.confirm(f"Apply this plan to {where}?"):
        raise DeployError("Not confirmed; nothing was changed", next_step="Run it again when you are sure.")
