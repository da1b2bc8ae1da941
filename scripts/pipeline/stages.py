"""What several commands do alike: the first steps, applying a plan, proving the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from scripts.errors import DeployError, ExitStatus
from scripts.pipeline import deployed
from scripts.session import Session
from scripts.steps import Step
from scripts.terraform import Plan
from scripts.terraform import events as terraform_events
from scripts.terraform.display import ApplyDisplay

if TYPE_CHECKING:
    from scripts.smoke import Report


def up_to_plan(session: Session, *, to_deploy: bool, lock: bool = True) -> tuple[Step, ...]:
    """What a deploy and a plan begin with: tools, target, references, configuration, state, and the plan.

    Args:
        session: The session.
        to_deploy: False for a plan, whose caller need not be allowed to.
        lock: False: take no lock and make no home for the state.
    """
    prepare_state = session.prepare_state if lock else session.find_state_to_plan
    plan = session.plan if lock else session.plan_without_lock
    check_references = partial(session.check_references, to_deploy=to_deploy)
    return (
        Step("check tools", session.check_tools),
        Step(connecting(session), session.connect),
        Step("check references", check_references, after=(connecting(session),)),
        Step("prepare configuration", session.prepare_configuration, after=(connecting(session),)),
        # Nothing is made, not even the state's bucket, before everything has been found.
        Step("prepare state", prepare_state, after=("check tools", "check references")),
        Step("terraform init", session.init, after=("prepare state", "prepare configuration")),
        Step("terraform plan", plan, after=("terraform init",)),
    )


def connecting(session: Session) -> str:
    """Name of the step that opens the target."""
    return "embedded AWS" if session.local else "credentials"


@contextmanager
def found(session: Session) -> Iterator[None]:
    """Terraform ready to read the state, if there is one.

    Raises:
        DeployError: when nothing is deployed on the embedded AWS: it is not started only to say that.
    """
    with session.opened():
        deployed.require_worth_starting(session)
        session.steps.run(
            Step(connecting(session), session.connect),
            Step("find state", session.find_state, after=(connecting(session),)),
        )
        if session.deployed:
            session.steps.run(
                Step("prepare configuration", session.prepare_configuration),
                Step("terraform init", session.init_to_read, after=("prepare configuration",)),
            )
        yield


def apply(session: Session, plan: Plan, name: str) -> dict[str, Any]:
    """Apply the saved plan as the step `name`, shown as it goes. Returns the outputs."""
    if session.local:
        session.record.begin()
    session.heed_lock()  # the plan released it: somebody may have taken it while the question was asked
    display = ApplyDisplay(session.console, plan.operations)

    def listen(event: terraform_events.Event) -> None:
        session.notice(event)
        display(event)

    with session.steps.step(name), display.shown():
        return session.terraform.apply(session.planned.file, on_event=listen)


class NotProvenError(Exception):
    """Ends the step of smoke checks whose report is not ok, but not the run: that shows the report first."""


@contextmanager
def proving(session: Session) -> Iterator[None]:
    """The step ``smoke``. It fails when a `NotProvenError` is raised in it, which goes no further."""
    with suppress(NotProvenError), session.steps.step("smoke"):
        yield


def prove(
    session: Session,
    outputs: Mapping[str, Any],
    report: Report | None,
    keep: Callable[[Report], None] = lambda report: None,
) -> None:
    """Show the smoke checks' report, running them unless there is one.

    Args:
        session: The session.
        outputs: Terraform's outputs.
        report: One that was made already.
        keep: Takes the report first of all: what proves a failure is kept before anything is done.

    Raises:
        DeployError: with `ExitStatus.SMOKE_FAILED`.
    """
    if report is None:
        with proving(session):
            report = session.smoke(outputs)
            if not report.ok:
                raise NotProvenError
    keep(report)
    session.console.show(report)
    if not report.ok:
        raise DeployError(
            "What is deployed does not behave",
            "The smoke checks above failed.",
            f"Repair the cause, then: inv deploy --target {session.settings.target} "
            "(inv smoke repeats the checks alone).",
            status=ExitStatus.SMOKE_FAILED,
        )
