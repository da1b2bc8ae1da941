"""What is deployed, as the commands ask that read it, and what they say where nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scripts.errors import DeployError
from scripts.session import Session

if TYPE_CHECKING:
    from scripts.terraform.drift import Drift


def outputs(session: Session) -> dict[str, Any]:
    """Terraform's outputs.

    Raises:
        DeployError: when nothing is deployed.
    """
    values = session.terraform.output() if session.deployed else {}
    if not values:
        raise _nothing(session, "The state has no outputs.")
    return values


def recorded_outputs(session: Session) -> Mapping[str, Any]:
    """The outputs as the state holds them, read without Terraform.

    For a look that must be quick, also where ``terraform init`` would first download the provider.

    Raises:
        DeployError: when nothing is deployed.
    """
    head = session.state.head() if session.state.exists() else None
    if head is None or not head.outputs:
        raise _nothing(session, "The state has no outputs.")
    return head.outputs


def require(session: Session) -> None:
    """Say so when nothing is deployed.

    Raises:
        DeployError: then.
    """
    if not session.deployed:
        raise _nothing(session, "There is no state.")


def require_worth_starting(session: Session) -> None:
    """Do not start the embedded AWS for a command that only reads, when nothing was deployed there.

    Raises:
        DeployError: then.
    """
    if not worth_starting(session):
        raise _nothing(session, "The embedded AWS does not run, and no deploy to it is remembered.")


def worth_starting(session: Session) -> bool:
    """Whether there is anything to read: not if the embedded AWS neither runs nor was deployed to."""
    if not session.local or session.record.read():
        return True
    from scripts.local.process import LocalTarget

    return LocalTarget(session.settings).status() is not None


def look_for_drift(session: Session) -> Drift:
    """Compare the state with the account, by the variables of what is deployed."""
    session.init_as_deployed(str(recorded_outputs(session).get("image_tag") or ""))
    return session.terraform.drift(on_event=session.notice)


def _nothing(session: Session, why: str) -> DeployError:
    target = session.settings.target
    return DeployError(
        f"Nothing is deployed on the target {target}", why, f"Deploy first: inv deploy --target {target}"
    )
