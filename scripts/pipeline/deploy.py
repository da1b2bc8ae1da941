"""``inv deploy``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.outcomes import Deployed
from scripts.pipeline.recording import Content, Recording
from scripts.pipeline.rollback import after_failure
from scripts.pipeline.stages import apply, prove, up_to_plan
from scripts.releases.record import Image
from scripts.session import Session
from scripts.steps import NothingToDo, Step
from scripts.terraform import Plan

if TYPE_CHECKING:
    from scripts.smoke import Report


def deploy(session: Session, *, rollback_on_failure: bool = False) -> ExitStatus:
    """Build, plan, ask, apply, prove, and record the release.

    Args:
        session: The session.
        rollback_on_failure: When the result does not behave, bring the newest proven release back.

    Raises:
        DeployError: the step that failed; with `ExitStatus.SMOKE_FAILED` when everything was applied
            and does not behave, rolled back or not.
    """
    with session.opened():
        early = _EarlySmoke(session)
        before_building = ("check tools",) if session.local else ("check tools", "credentials")
        session.steps.run(
            *up_to_plan(session, to_deploy=True),
            # Built before the account is touched: a broken build costs nothing. The provisioners of the
            # apply then find the work done. Credentials come first: a build may take minutes.
            Step("build frontend", session.build_frontend, after=before_building),
            Step("build image", session.build_image, after=before_building),
            Step("smoke", early.run, after=("prepare state",)),
        )
        plan = session.planned.plan
        session.console.show(plan)
        if plan.empty:
            outputs = _remembered(session)
        else:
            _confirm(session, plan)
        recording = Recording(session, plan, _content(session))
        try:
            with recording.kept():
                if not plan.empty:
                    outputs = apply(session, plan, "terraform apply")
                recording.applied(outputs)
                if session.local:
                    session.record.complete(session.fingerprint(), outputs)
                report = early.report if plan.empty and early.report and early.report.ok else None
                prove(session, outputs, report, recording.proved)
        except DeployError as failure:
            if failure.status is not ExitStatus.SMOKE_FAILED:
                raise
            raise after_failure(session, recording, failure, by_itself=rollback_on_failure) from failure
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


def _content(session: Session) -> Content:
    """What this run brings live: the working tree."""
    variables = session.variables()
    return Content(
        image=Image(
            session.image_tag(),
            platform=session.settings.image.platform,
            base=variables["base_image"],
            base_digest=session.base_digest,
        ),
        client=variables["frontend_hash"],
        config_version=variables["config_version"] or "",
    )


def _confirm(session: Session, plan: Plan) -> None:
    if session.local and not plan.destructive:
        return
    where = f"account {session.settings.aws.account_id}" if not session.local else "the embedded AWS"
    if not session.console.confirm(f"Apply this plan to {where}?"):
        raise DeployError("Not confirmed; nothing was changed", next_step="Run it again when you are sure.")
