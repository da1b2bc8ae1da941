"""``inv destroy``."""

from __future__ import annotations

from scripts.errors import DeployError, ExitStatus
from scripts.inventory import Inventory
from scripts.pipeline.stages import apply, connecting
from scripts.session import Session
from scripts.state.lock import locked, unlock_command
from scripts.steps import Step

_NETWORK_INTERFACES = (
    "AWS may take 20 to 40 minutes to release the network interfaces of the function in its VPC, and the "
    "security groups wait for them: "
    "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-enis"
)


def destroy(session: Session, *, confirm: str = "", purge_state: bool = False) -> ExitStatus:
    """Remove everything and look whether it is gone; on the local target also end the process.

    Args:
        session: The session.
        confirm: The environment's name, given beforehand; on the real account it stands for the answer.
        purge_state: Remove the state with its history, and the records of releases, at the end.

    Raises:
        DeployError: when something of ours is left, naming it.
    """
    _require_name(session, confirm)
    with session.opened():
        session.steps.run(
            Step("check terraform", session.check_terraform),
            Step(connecting(session), session.connect),
            Step("find state", session.find_state, after=("check terraform", connecting(session))),
        )
        history = str(session.state.history()) if purge_state and session.state.exists() else ""
        asked = False
        if session.deployed:
            session.steps.run(
                Step("prepare configuration", session.prepare_configuration),
                Step("terraform init", session.init_to_read, after=("prepare configuration",)),
                Step("terraform plan", session.plan_destroy, after=("terraform init",)),
            )
            session.console.show(session.planned.plan)
            if not session.planned.plan.empty:
                _ask(session, confirm, history)
                asked = True
                apply(session, session.planned.plan, "terraform destroy")
        with session.steps.step("look for leftovers"):
            found = session.take_inventory()
        session.console.show(found)
        if not found.clean:
            raise _left_behind(found, session)
        if history:
            if not asked:
                _ask_for_history(session, confirm, history)
            _purge(session)
        elif session.state.exists():
            session.console.say_plain(
                f"What stays: {session.state.home}, with the state's history and the releases. "
                "inv destroy --purge-state removes it."
            )
        if session.local:
            session.record.forget()
            with session.steps.step("stop the embedded AWS"):
                session.end_local()
        session.steps.show()
    return ExitStatus.OK


def _require_name(session: Session, confirm: str) -> None:
    """A wrong name was meant for another environment: end before anything is asked of AWS."""
    environment = session.settings.environment
    if confirm and confirm != environment:
        raise DeployError(
            "The environment to destroy is not the one that --confirm names",
            f"--confirm says {confirm!r}; the environment of this run is {environment!r}.",
            f"Choose it with INVOKE_ENVIRONMENT={confirm}, or correct the flag.",
            status=ExitStatus.PREFLIGHT_FAILED,
        )


def _ask(session: Session, confirm: str, history: str) -> None:
    with session.steps.step("count what is lost"):
        lost = session.count_losses(history)
    session.console.show(lost)
    if not session.local:
        session.console.say_plain(_NETWORK_INTERFACES)
    number = len(session.planned.plan.changes)
    _require_yes(session, f"Destroy all {number} resources and this data?", confirm)


def _ask_for_history(session: Session, confirm: str, history: str) -> None:
    _require_yes(session, f"Remove {session.state.home} for good: {history}?", confirm)


def _require_yes(session: Session, question: str, confirm: str) -> None:
    """A yes on the embedded AWS; on the real account the environment's name."""
    console, environment = session.console, session.settings.environment
    sure = (
        console.confirm(question)
        if session.local
        else console.confirm_by_name(question, environment, given=confirm)
    )
    if not sure:
        raise DeployError("Not confirmed; nothing was destroyed", next_step="Run it again when you are sure.")


def _purge(session: Session) -> None:
    """Nothing is deployed any more: the history is all that is left."""
    state, settings = session.state, session.settings
    head = state.head()
    if head is not None and head.resources:
        raise DeployError(
            "The state was not purged",
            f"It still holds {head.resources} resources, in {state.home}.",
            "Run inv destroy --purge-state again.",
        )
    if lock := state.lock():
        raise locked(lock, unlock_command(settings))
    home = state.home
    with session.steps.step("purge the state"):
        gone = state.purge()
    rest = "" if gone else " It holds other things as well, so it stays itself."
    session.console.say_plain(f"Removed the state, its history and the releases from {home}.{rest}")


def _left_behind(found: Inventory, session: Session) -> DeployError:
    names = [f"{left.kind} {left.name}" for left in found.leftovers]
    names += [f"{kind} could not be checked ({why})" for kind, why in found.unchecked.items()]
    return DeployError(
        "Something of ours is left" if found.leftovers else "Not everything could be checked",
        "\n".join(names),
        f"Run it again: inv destroy --target {session.settings.target}. "
        "What Terraform does not know has to be removed by hand.",
    )
