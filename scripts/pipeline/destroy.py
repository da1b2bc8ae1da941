"""``inv destroy``."""

from __future__ import annotations

from scripts.errors import DeployError, ExitStatus
from scripts.inventory import Inventory
from scripts.pipeline.stages import apply, connecting
from scripts.session import Session
from scripts.steps import Step


def destroy(session: Session) -> ExitStatus:
    """Remove everything and look whether it is gone; on the local target also end the process.

    Raises:
        DeployError: when something of ours is left, naming it.
    """
    with session.opened():
        session.steps.run(
            Step("check tools", session.check_tools),
            Step(connecting(session), session.connect),
            Step("find state", session.find_state, after=("check tools", connecting(session))),
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
    apply(session, plan, "terraform destroy")


def _left_behind(found: Inventory) -> DeployError:
    names = [f"{left.kind} {left.name}" for left in found.leftovers]
    names += [f"{kind} could not be checked ({why})" for kind, why in found.unchecked.items()]
    return DeployError(
        "Something of ours is left" if found.leftovers else "Not everything could be checked",
        "\n".join(names),
        "Run inv destroy again; what Terraform does not know has to be removed by hand.",
    )
