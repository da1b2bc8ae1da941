"""Whether the state that a run is about to use is the right one.

A second state for the same environment would deploy everything a second time, over what is there; a
state of an embedded AWS that is gone would plan changes to nothing. Both are noticed here, before
Terraform starts.
"""

from __future__ import annotations

from collections.abc import Callable

from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from scripts.state.directory import LocalState
from scripts.state.model import Head
from scripts.terraform.workspace import Workspace


def unknown_to(ours: Head | None, theirs: Head | None) -> bool:
    """Whether the other backend's state holds something that ours has never seen.

    A migration leaves the old state where it was: ours is then a copy of it, and goes on from there.
    """
    return theirs is not None and theirs.resources > 0 and not (ours is not None and ours.covers(theirs))


def elsewhere(settings: Settings, where: str, theirs: Head, place: Workspace) -> DeployError:
    """The refusal to use this backend while something is deployed with the state of the other one.

    Terraform migrates from the backend that it remembers in ``.terraform``; where it remembers none, as
    in a fresh checkout, that has to be made up for first.
    """
    mine = settings.state.backend
    other = "local" if mine == "s3" else "s3"
    migrate = place.init_command(settings.terraform.binary, "-migrate-state")
    if place.remembered_backend != other:
        look = f"INVOKE_STATE_BACKEND={other} inv outputs --target {settings.target}"
        migrate = f"{look}\nand then this command again."
    elif settings.target == "local":
        migrate = f'eval "$(inv local.env)"\n{migrate}'
    return DeployError(
        f"The state is in the other backend: {where}",
        f"It holds {theirs.resources} resources, and the setting state.backend says {mine}: "
        "everything would be deployed a second time.",
        f"Go back with INVOKE_STATE_BACKEND={other}, or take the state along:\n{migrate}",
        status=ExitStatus.PREFLIGHT_FAILED,
    )


def outlived(state: LocalState, anything_there: Callable[[], bool]) -> str:
    """Put aside a rehearsal's state whose embedded AWS is gone. Returns its new place, or nothing.

    Args:
        state: The state in a directory, which outlives the embedded AWS.
        anything_there: Whether the embedded AWS holds anything of ours.
    """
    head = state.head()
    if head is None or not head.resources or state.held_by() or anything_there():
        return ""
    return state.put_aside("lost")


def orphaned(settings: Settings, state: LocalState) -> DeployError:
    """The refusal to deploy over what an embedded AWS holds without a state that knows it."""
    return DeployError(
        "The embedded AWS holds a deployment that the state does not know",
        f"{state.where} is empty or gone, so Terraform would try to make everything a second time.",
        "Put the file back, or begin anew:\n"
        f"inv local.down && rm -r {settings.shown(settings.local_directory)}",
        status=ExitStatus.PREFLIGHT_FAILED,
    )
