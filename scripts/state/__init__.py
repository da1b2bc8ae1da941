"""Where Terraform's state lives: asked whether it is there and who holds it, made, unlocked, purged.

Two homes behind one interface, chosen by ``state.backend``: a bucket (`StateBucket`) and a directory of
this machine (`LocalState`). Not for reading or changing what is in a state: that is Terraform's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from scripts.aws import Aws
from scripts.settings import Settings
from scripts.state.bucket import StateBucket
from scripts.state.directory import LocalState
from scripts.state.holder import Holder, Presence
from scripts.state.lock import Lock
from scripts.state.model import Head, History

__all__ = [
    "Head",
    "History",
    "Holder",
    "LocalState",
    "Lock",
    "Presence",
    "State",
    "StateBucket",
    "other_state_of",
    "state_of",
]


class State(Protocol):
    """The state of one environment on one target."""

    @property
    def where(self) -> str:
        """The state as a reader knows it: ``s3://bucket/key`` or a path."""

    @property
    def home(self) -> str:
        """What holds it, with its name: ``the state bucket NAME`` or ``the directory PATH``."""

    def exists(self) -> bool:
        """Whether its home is there."""

    def ensure(self) -> bool:
        """Make its home unless it is there. True when it was made."""

    def has_state(self) -> bool:
        """Whether a state was ever written."""

    def head(self) -> Head | None:
        """Its identity, version and size; None when there is none."""

    def lock(self) -> Lock | None:
        """Who holds it now."""

    def holder(self, lock: Lock, directory: Path, *, only_here: bool = False) -> Holder:
        """Whether the holder of the lock is still there.

        Args:
            lock: The lock.
            directory: Where Terraform works on this state, on this machine.
            only_here: Nobody can work on it from anywhere else (the embedded AWS's own copy).
        """

    def release(self, lock: Lock) -> bool:
        """Remove exactly this lock. False when it is gone, or another has been taken since."""

    def history(self) -> History:
        """What `purge` would lose."""

    def purge(self) -> bool:
        """Remove the state, its history and the releases. True when its home went with them."""


def state_of(settings: Settings, aws: Aws) -> State:
    """The state that the settings name."""
    return StateBucket(aws, settings) if settings.state.backend == "s3" else LocalState(settings)


def other_state_of(settings: Settings, aws: Aws) -> State:
    """The state of the backend that is *not* chosen: something may be deployed in it."""
    return LocalState(settings) if settings.state.backend == "s3" else StateBucket(aws, settings)
