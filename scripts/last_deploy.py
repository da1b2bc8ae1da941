"""What this machine remembers of the last deploy to the embedded AWS: ``.local/deployed.json``.

It tells a lost embedded AWS from one that was never used, and an unchanged project from a changed
one. Nothing depends on it being there. Not for the real account, whose memory is Terraform's state.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from scripts.settings import Settings
from scripts.terraform import workspace


@dataclass(frozen=True)
class LastDeploy:
    """One deploy.

    Attributes:
        at: When it ended, or was begun as long as it is unfinished; ISO 8601 in UTC.
        fingerprint: `fingerprint` of what was deployed; empty while a deploy is unfinished.
        outputs: Terraform's outputs that are not sensitive.
    """

    at: str
    fingerprint: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)


class LastDeployFile:
    """The record on disk."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.local_directory / "deployed.json"

    def read(self) -> LastDeploy | None:
        """The last deploy; None when there was none or the file is damaged."""
        try:
            return LastDeploy(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def begin(self) -> None:
        """From now on there is a state, complete or not."""
        self._write(LastDeploy(_now()))

    def complete(self, fingerprint: str, outputs: Mapping[str, Any]) -> None:
        """What is deployed is what the project holds."""
        self._write(LastDeploy(_now(), fingerprint, dict(outputs)))

    def forget(self) -> None:
        """Nothing is deployed any more."""
        self._path.unlink(missing_ok=True)

    def _write(self, record: LastDeploy) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".tmp")
        unfinished.write_text(json.dumps(asdict(record)))
        unfinished.replace(self._path)


def fingerprint(settings: Settings, variables: Mapping[str, Any], image_tag: str) -> str:
    """Hash of all that a deploy depends on: the Terraform tree, its variables, the image's content."""
    parts = [
        workspace.source_fingerprint(settings),
        json.dumps(variables, sort_keys=True),
        json.dumps({name: value for name, value in os.environ.items() if name.startswith("TF_VAR_")},
                   sort_keys=True),
        settings.terraform.modules,
        image_tag,
    ]  # fmt: skip
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
