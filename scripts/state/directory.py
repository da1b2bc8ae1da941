"""The state in a directory of this machine: Terraform's backend ``local``.

For one person: nobody else sees the state or its lock. Each target has its own directory, because the
rehearsal's state says nothing about the real account.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
from datetime import UTC, datetime
from pathlib import Path

from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from scripts.state.holder import Holder, Presence
from scripts.state.lock import Lock
from scripts.state.model import Head, History


class LocalState:
    """The state of one environment of one target.

    Attributes:
        directory: Absolute path of everything that belongs to it.
        file: The state itself.
        releases: Directory of the records of releases.
    """

    def __init__(self, settings: Settings) -> None:
        self._shown = settings.shown
        self.directory = settings.state_directory
        self.file = self.directory / "terraform.tfstate"
        self.releases = self.directory / "releases"

    @property
    def where(self) -> str:
        """The file's path."""
        return self._shown(self.file)

    @property
    def home(self) -> str:
        """The directory."""
        return f"the state directory {self._shown(self.directory)}"

    def exists(self) -> bool:
        """Whether the directory is there."""
        return self.directory.is_dir()

    def ensure(self) -> bool:
        """Make the directory unless it is there; only we may look into it. True when it was made."""
        created = not self.exists()
        for folder in (*reversed(self._above), self.directory):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return created

    def has_state(self) -> bool:
        """Whether a state was ever written."""
        return self.head() is not None

    def head(self) -> Head | None:
        """The state's identity, version and size; None when there is none.

        Raises:
            DeployError: when the file is not a state.
        """
        try:
            return Head.parse(self.file.read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, AttributeError, TypeError) as error:
            raise DeployError(
                f"{self.where} is not a Terraform state",
                str(error),
                f"Terraform keeps the version before it in {self.file.name}.backup, in the same directory.",
                status=ExitStatus.PREFLIGHT_FAILED,
            ) from error

    def lock(self) -> Lock | None:
        """Who holds the lock now.

        The lock itself is the operating system's, on the state file, and ends with its process
        (Terraform's ``statemgr.Filesystem``). A record that a killed run left behind is no lock.
        """
        try:
            return Lock.parse(self._record.read_bytes()) if self.held_by() else None
        except FileNotFoundError:  # released between the two looks
            return None

    def holder(self, lock: Lock, directory: Path, *, only_here: bool = False) -> Holder:
        """Whether the holder is still there; the operating system knows."""
        pid = self.held_by()
        if not pid:
            return Holder(Presence.GONE, "The operating system has released the lock.")
        return Holder(Presence.RUNS, f"Process {pid} has the state file locked.", pid)

    def held_by(self) -> int:
        """Process id of the holder; 0 when nobody holds the state."""
        try:
            with self.file.open("rb") as file:
                question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
                kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, question))
        except FileNotFoundError:
            return 0
        return int(pid) if kind != fcntl.F_UNLCK else 0

    def release(self, lock: Lock) -> bool:
        """Remove the record of a run that was killed; a lock that is held ends with its process only.

        False when it is held, or the record is another one's.
        """
        try:
            left = Lock.parse(self._record.read_bytes())
        except FileNotFoundError:
            return False
        if left is None or left.id != lock.id or self.held_by():
            return False
        self._record.unlink(missing_ok=True)
        return True

    def put_aside(self, why: str) -> str:
        """Take the state out of the way, to be looked at if anybody wants to. Returns its new place."""
        aside = self.file.with_suffix(f".tfstate.{why}")
        self.file.replace(aside)
        return self._shown(aside)

    def history(self) -> History:
        """What `purge` would lose."""
        states = [path for path in self.directory.glob("terraform.tfstate*") if path.stat().st_size]
        oldest = min((path.stat().st_mtime for path in states), default=None)
        since = datetime.fromtimestamp(oldest, UTC).isoformat(timespec="seconds") if oldest else ""
        releases = sum(path.is_file() for path in self.releases.rglob("*"))
        return History(len(states), since, releases)

    def purge(self) -> bool:
        """Remove the directory, and the folders above it that it leaves empty."""
        shutil.rmtree(self.directory)
        for folder in self._above:
            if not any(folder.iterdir()):
                folder.rmdir()
        return True

    @property
    def _above(self) -> tuple[Path, Path]:
        """The folders of the target and of all targets."""
        return self.directory.parent, self.directory.parent.parent

    @property
    def _record(self) -> Path:
        return self.directory / f".{self.file.name}.lock.info"


_FLOCK = "hhqqi4x"
"""``struct flock`` of 64-bit Linux: type, whence, start, length, pid."""
