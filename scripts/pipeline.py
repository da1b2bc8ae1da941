"""The commands that touch a deployment: deploy, plan, destroy, smoke, outputs, status.

Each is an order of steps over a `Session` and the decisions between them; the work itself is done
elsewhere.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from scripts import inventory, preflight
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.outcomes import Deployed, Values
from scripts.session import Session
from scripts.steps import NothingToDo, Step
from scripts.terraform import Plan
from scripts.terraform import events as terraform_events
from scripts.terraform.display import ApplyDisplay

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
            *_beginning(session),
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
            outputs = _apply(session, plan, "terraform apply")
        if session.local:
            session.record.complete(session.fingerprint(), outputs)
        report = early.report if plan.empty and early.report and early.report.ok else None
        try:
            _prove(session, outputs, report)
        finally:
            session.steps.show()
        session.console.show(Deployed(session.url(outputs), plan.summary, session.steps.total))
    return ExitStatus.OK


def plan(session: Session) -> ExitStatus:
    """Show what a deploy would do. Makes nothing but, at the very first time, the state bucket."""
    with session.opened():
        session.steps.run(
            *_beginning(session),
            Step("prepare state", session.prepare_state, after=("check tools", "check references")),
            Step("terraform init", session.init, after=("prepare state", "prepare configuration")),
            Step("terraform plan", session.plan, after=("terraform init",)),
        )
        session.console.show(session.planned.plan)
        return ExitStatus.OK if session.planned.plan.empty else ExitStatus.CHANGES_PENDING


def destroy(session: Session) -> ExitStatus:
    """Remove everything and look whether it is gone; on the local target also end the process.

    Raises:
        DeployError: when something of ours is left, naming it.
    """
    with session.opened():
        session.steps.run(
            Step("check tools", session.check_tools),
            Step(_connecting(session), session.connect),
            Step("find state", session.find_state, after=("check tools", _connecting(session))),
        )
        if session.deployed:
            session.steps.run(
                Step("prepare configuration", session.prepare_configuration),
                Step("terraform init", session.init_to_read, after=("prepare configuration",)),
                Step("terraform plan", session.plan_destroy, after=("terraform init",)),
            )
            _destroy(session)
        with session.steps.step("look for leftovers"):
            found = session.take_inventory()
        session.console.show(found)
        if not found.clean:
            raise _left_behind(found)
        if session.local:
            session.record.forget()
            with session.steps.step("stop the embedded AWS"):
                session.end_local()
        else:
            session.console.say(
                f"The state bucket {session.settings.state.bucket} stays: it holds the state's history."
            )
        session.steps.show()
    return ExitStatus.OK


def smoke(session: Session) -> ExitStatus:
    """Prove that what is deployed behaves.

    Raises:
        DeployError: with `ExitStatus.SMOKE_FAILED`.
    """
    with _found(session):
        _prove(session, session.outputs(), None)
    return ExitStatus.OK


def doctor(session: Session) -> ExitStatus:
    """Show every check before the start; changes nothing but that the embedded AWS runs afterwards."""
    settings = session.settings
    checks = list(preflight.tools(settings).checks)
    try:
        session.open_target()
    except DeployError as error:
        checks.append(
            preflight.Check(_connecting(session), False, f"{error.what}: {error.why}", error.next_step)
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
    with _found(session):
        session.console.show(Values("outputs", session.outputs()))
    return ExitStatus.OK


def status(session: Session) -> ExitStatus:
    """Show what is there, without starting or changing anything."""
    from scripts import status as facts

    session.console.show(Values("status", facts.collect(session.settings)))
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


def _beginning(session: Session) -> tuple[Step, ...]:
    return (
        Step("check tools", session.check_tools),
        Step(_connecting(session), session.connect),
        Step("check references", session.check_references, after=(_connecting(session),)),
        Step("prepare configuration", session.prepare_configuration, after=(_connecting(session),)),
    )


def _connecting(session: Session) -> str:
    return "embedded AWS" if session.local else "credentials"


@contextmanager
def _found(session: Session) -> Iterator[None]:
    """Terraform ready to read the state, if there is one."""
    with session.opened():
        session.steps.run(
            Step(_connecting(session), session.connect),
            Step("find state", session.find_state, after=(_connecting(session),)),
        )
        if session.deployed:
            session.steps.run(
                Step("prepare configuration", session.prepare_configuration),
                Step("terraform init", session.init_to_read, after=("prepare configuration",)),
            )
        yield


def _remembered(session: Session) -> dict[str, Any]:
    """The outputs: as remembered when nothing has changed, else from the state."""
    return dict(session.unchanged.outputs) if session.unchanged else session.terraform.output()


def _confirm(session: Session, plan: Plan) -> None:
    if session.local and not plan.destructive:
        return
    where = f"account {session.settings.aws.account_id}" if not session.local else "the embedded AWS"
    if not session.console.confirm(f"Apply this plan to {where}?"):
        raise DeployError("Not confirmed; nothing was changed", next_step="Run it again when you are sure.")


def _apply(session: Session, plan: Plan, name: str) -> dict[str, Any]:
    if session.local:
        session.record.begin()
    display = ApplyDisplay(session.console, plan.operations)

    def listen(event: terraform_events.Event) -> None:
        session.notice(event)
        display(event)

    with session.steps.step(name), display.shown():
        return session.terraform.apply(session.planned.file, on_event=listen)


def _prove(session: Session, outputs: Mapping[str, Any], report: Report | None) -> None:
    if report is None:
        with session.steps.step("smoke"):
            report = session.smoke(outputs)
    session.console.show(report)
    if not report.ok:
        raise DeployError(
            "What is deployed does not behave",
            "The smoke checks above failed.",
            f"Repair the cause, then: inv deploy --target {session.settings.target} "
            "(inv smoke repeats the checks alone).",
            status=ExitStatus.SMOKE_FAILED,
        )


def _destroy(session: Session) -> None:
    plan = session.planned.plan
    session.console.show(plan)
    if plan.empty:
        return
    if not session.local:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-enis
        session.console.say("AWS takes 20 to 40 minutes to release the network interfaces of a VPC function.")
    question = f"Destroy all {len(plan.changes)} resources, the users' files among them?"
    if not session.console.confirm(question):
        raise DeployError("Not confirmed; nothing was destroyed", next_step="Run it again when you are sure.")
    _apply(session, plan, "terraform destroy")


def _left_behind(found: inventory.Inventory) -> DeployError:
    names = [f"{left.kind} {left.name}" for left in found.leftovers]
    names += [f"{kind} could not be checked ({why})" for kind, why in found.unchecked.items()]
    return DeployError(
        "Something of ours is left" if found.leftovers else "Not everything could be checked",
        "\n".join(names),
        "Run inv destroy again; what Terraform does not know has to be removed by hand.",
    )
