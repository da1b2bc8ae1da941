"""Facts about a state, as plain data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Head:
    """What identifies one version of a state.

    Attributes:
        lineage: Id that a state gets once. Terraform keeps it when it migrates a state into a directory,
            and makes a new one when it migrates it into a bucket.
        serial: Counts its versions.
        resources: Managed resources in it.
        outputs: Values of the outputs that are not sensitive, by name.
        content: Hash of the resources with all that is known of them.
    """

    lineage: str
    serial: int
    resources: int
    outputs: Mapping[str, Any] = field(default_factory=dict, compare=False)
    content: str = field(default="", compare=False)

    @classmethod
    def parse(cls, content: bytes) -> Head | None:
        """The head of a state file; None when it is empty: Terraform makes it before its first lock."""
        if not content.strip():
            return None
        raw = json.loads(content)
        resources = raw.get("resources", [])
        managed = (found for found in resources if found.get("mode") == "managed")
        return cls(
            str(raw.get("lineage", "")),
            int(raw.get("serial", 0)),
            sum(len(found.get("instances", ())) for found in managed),
            {
                name: output["value"]
                for name, output in raw.get("outputs", {}).items()
                if "value" in output and not output.get("sensitive")
            },
            hashlib.sha256(json.dumps(resources, sort_keys=True).encode()).hexdigest(),
        )

    def covers(self, other: Head) -> bool:
        """Whether this is `other`, a copy of it, or came after it."""
        later = self.lineage == other.lineage and self.serial >= other.serial
        return later or (self.content == other.content != "")


@dataclass(frozen=True)
class History:
    """What is kept beside a state: nobody needs it to run, everybody to go back.

    Attributes:
        versions: Versions of the state.
        since: When the oldest was written, ISO 8601; empty when there is none.
        releases: Records of releases.
    """

    versions: int
    since: str
    releases: int

    def __str__(self) -> str:
        since = f" since {self.since}" if self.since else ""
        versions = f"{self.versions} version{'' if self.versions == 1 else 's'} of the state{since}"
        return f"{versions}, {self.releases} release{'' if self.releases == 1 else 's'}"
