"""The lock of a state, as Terraform's own record describes it.

The record is the same in every home: an object ``<key>.tflock``, a file ``.terraform.tfstate.lock.info``,
the text of a refusal. https://developer.hashicorp.com/terraform/language/state/locking
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from scripts.ago import ago
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings


@dataclass(frozen=True)
class Lock:
    """Who works on the state.

    Attributes:
        id: Terraform's id of this one lock.
        who: ``user@host``, as Terraform found them.
        created: When it was taken, as written in the record; `since` is that moment.
        operation: Terraform's word, such as ``OperationTypeApply``.
        etag: Of the object that holds the record, when one does.
    """

    id: str
    who: str
    created: str
    operation: str
    etag: str = field(default="", repr=False)

    @classmethod
    def parse(cls, content: bytes, etag: str = "") -> Lock | None:
        """The lock of a record; None when it is not one."""
        try:
            raw = json.loads(content)
            id, who, created, operation = (str(raw.get(name, "")) for name in _FACTS)
        except (ValueError, AttributeError):
            return None
        return cls(id, who, created, operation, etag)

    @classmethod
    def parse_refusal(cls, text: str) -> Lock | None:
        """The lock that a refusal of Terraform's describes (``statemgr.LockInfo.String``)."""
        facts = dict(re.findall(r"^\s*(ID|Who|Operation|Created):\s+(\S.*?)\s*$", text, re.MULTILINE))
        return cls(*(facts.get(name, "") for name in _FACTS)) if "ID" in facts else None

    @property
    def user(self) -> str:
        """The person or machine user."""
        return self.who.rpartition("@")[0] or self.who or "somebody"

    @property
    def host(self) -> str:
        """The machine that the holder works on."""
        return self.who.rpartition("@")[2] if "@" in self.who else ""

    @property
    def doing(self) -> str:
        """What the holder does: ``terraform apply``."""
        word = self.operation.removeprefix("OperationType").lower()
        return f"terraform {word}" if word not in ("", "invalid") else "terraform"

    @property
    def since(self) -> datetime | None:
        """When it was taken; None when the record does not say it readably."""
        try:
            # Go prints "2026-01-31 10:00:00.123456789 +0000 UTC" in a refusal, RFC 3339 in a record.
            return datetime.fromisoformat(self.created.removesuffix(" UTC").replace(" +", "+", 1))
        except ValueError:
            return None

    def age(self, now: datetime | None = None) -> str:
        """How long ago it was taken: ``3 min ago``; empty when that is not known."""
        return ago(self.since, now or datetime.now(UTC)) if self.since else ""

    def described(self, now: datetime | None = None) -> str:
        """Who, where, what, since when, and which: one line without a full stop."""
        where = f" on the host {self.host}" if self.host else ""
        since = self.since
        when = since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if since else self.created or "unknown"
        age = f" ({self.age(now)})" if since else ""
        return f"{self.user}{where}, {self.doing}, since {when}{age}, lock ID {self.id}"

    def to_json(self) -> dict[str, Any]:
        """The facts, for programs; `since` in ISO 8601 or null."""
        since = self.since
        return {
            "id": self.id,
            "who": self.who,
            "user": self.user,
            "host": self.host,
            "operation": self.doing,
            "since": since.astimezone(UTC).isoformat(timespec="seconds") if since else None,
        }


_FACTS = ("ID", "Who", "Created", "Operation")


def unlock_command(settings: Settings) -> str:
    """The command that removes a lock of the same target and environment, but for its ``--id``."""
    # There is no flag for the environment: a run's may have come from its own variables only.
    variable = f"INVOKE_ENVIRONMENT={settings.environment} " if settings.environment != "dev" else ""
    return f"{variable}inv unlock --target {settings.target}"


def locked(lock: Lock, unlock: str) -> DeployError:
    """The end of a run that did not get the lock. `unlock` is the command of `unlock_command`."""
    command = f"{unlock} --id {lock.id}"
    return DeployError(
        "The state is locked by someone else",
        f"{lock.described()}.",
        f"Wait for that run to end, or wait longer with --lock-timeout 10m. If it is dead:\n{command}",
        status=ExitStatus.LOCKED,
        facts={"lock": lock.to_json() | {"unlock": command}},
    )
