"""``inv unlock``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.errors import DeployError, ExitStatus
from scripts.pipeline import deployed
from scripts.pipeline.stages import connecting
from scripts.session import Session
from scripts.state import Holder, Lock, Presence
from scripts.steps import Step

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Unlocking:
    """What was found and done about the lock. An `Outcome` of the console."""

    lock: Lock | None
    holder: Holder | None
    released: bool

    type = "unlock"

    def to_json(self) -> dict[str, Any]:
        """The lock, what is known of its holder, and whether the lock was removed."""
        return {
            "lock": self.lock.to_json() if self.lock else None,
            "holder": self.holder.presence.value if self.holder else None,
            "reason": self.holder.reason if self.holder else None,
            "released": self.released,
        }

    def __rich__(self) -> RenderableType:
        """Who held it, and what is the case now."""
        from rich.text import Text

        if self.lock is None:
            return Text("Nobody holds the state lock.", "green")
        return Text(f"Removed the state lock of {self.lock.described()}.", "green")


def unlock(session: Session, lock_id: str = "") -> ExitStatus:
    """Remove the lock of a run that is dead; ask when that cannot be known.

    Args:
        session: The session.
        lock_id: The lock that is meant; empty: whichever is there.

    Raises:
        DeployError: with `ExitStatus.LOCKED` when the holder still runs, or when it is another lock.
    """
    with session.opened():
        if not deployed.worth_starting(session):  # an embedded AWS that holds nothing holds no lock
            session.console.show(Unlocking(None, None, released=False))
            return ExitStatus.OK
        session.steps.run(
            Step(connecting(session), session.connect),
            Step("prepare configuration", session.prepare_configuration, after=(connecting(session),)),
        )
        lock = session.state.lock() if session.state.exists() else None
        if lock is None:
            session.console.show(Unlocking(None, None, released=False))
            return ExitStatus.OK
        if lock_id and lock_id != lock.id:
            raise _another(lock, f"The lock {lock_id} is gone")
        holder = session.lock_holder(lock)
        _require_consent(session, lock, holder)
        if not session.state.release(lock):
            raise _another(session.state.lock(), "The lock has changed meanwhile")
        session.console.show(Unlocking(lock, holder, released=True))
    return ExitStatus.OK


def _require_consent(session: Session, lock: Lock, holder: Holder) -> None:
    session.console.say_plain(f"The state is locked by {lock.described()}.\n{holder.reason}")
    match holder.presence:
        case Presence.RUNS:
            raise DeployError(
                "The holder of the state lock still runs",
                f"{holder.reason} ({lock.described()})",
                f"Wait for it to end, or end it in order, which releases the lock: kill -INT {holder.pid}",
                status=ExitStatus.LOCKED,
                facts={"lock": lock.to_json()},
            )
        case Presence.UNKNOWN:
            if not _confirmed(session, lock):
                raise DeployError(
                    "Not confirmed; the lock stays",
                    next_step=f"Look after the run of {lock.who or 'its holder'} first.",
                    status=ExitStatus.LOCKED,
                    facts={"lock": lock.to_json()},
                )


def _confirmed(session: Session, lock: Lock) -> bool:
    try:
        return session.console.confirm(
            "Two runs at once destroy the state. Do you know that the holder is gone?"
        )
    except DeployError as nobody:  # there to answer: the lock stays, which has a status of its own
        raise DeployError(
            nobody.what,
            nobody.why,
            nobody.next_step,
            status=ExitStatus.LOCKED,
            facts={"lock": lock.to_json()},
        ) from nobody


def _another(lock: Lock | None, what: str) -> DeployError:
    if lock is None:
        return DeployError(what, "Nobody holds the state lock any more.", "Go on with what you wanted to do.")
    return DeployError(
        what,
        f"Another one has been taken since, by {lock.described()}.",
        f"Look again, and if that one is dead as well: inv unlock --id {lock.id}",
        status=ExitStatus.LOCKED,
        facts={"lock": lock.to_json()},
    )
