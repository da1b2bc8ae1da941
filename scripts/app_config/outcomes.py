"""What the commands around librechat.yaml show at their end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class ConfigPushed:
    """The end of a push. An `Outcome` of the console.

    Attributes:
        location: The object, ``s3://bucket/key``.
        version: Its ETag.
        uploaded: Whether it was written; False: it was the same already.
        function: What became of the running function: ``restarted``, ``unchanged``, ``not deployed``, or
            ``not asked``.
    """

    location: str
    version: str
    uploaded: bool
    function: str

    type = "config_pushed"

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "location": self.location,
            "version": self.version,
            "uploaded": self.uploaded,
            "function": self.function,
        }

    def __rich__(self) -> RenderableType:
        """Two lines: the file, the function."""
        from rich.text import Text

        done = f"Uploaded as version {self.version}." if self.uploaded else "Nothing uploaded."
        return Text(f"{done}\n{_AFTER[self.function]}", "green")


_AFTER = {
    "restarted": "The function serves from new environments, which read it.",
    "unchanged": "The function runs with it already.",
    "not deployed": "No function is deployed yet; the next deploy reads it.",
    "not asked": "Environments that run keep the old file. New ones start with inv config.push, or with a "
    "deploy by somebody who may read the bucket.",
}


@dataclass(frozen=True)
class ConfigShown:
    """What is in the bucket, and whether it is in use. An `Outcome` of the console.

    Attributes:
        location: The object, ``s3://bucket/key``.
        version: Its ETag.
        modified: When it was written.
        schema: LibreChat's version of the configuration; empty when LibreChat could not read the file.
        names_replaced_domain: How many times it still names the domain that was to be replaced (FR-027).
        function: ``in use``, ``another version``, ``not deployed``, or ``not checked: `` and the reason.
        content: The file; secrets hidden unless they were asked for.
    """

    location: str
    version: str
    modified: datetime
    schema: str
    names_replaced_domain: int
    function: str
    content: str

    type = "config"

    def to_json(self) -> dict[str, Any]:
        """All of it; the time in ISO 8601."""
        return {
            "location": self.location,
            "version": self.version,
            "modified": self.modified.isoformat(),
            "schema": self.schema,
            "names_replaced_domain": self.names_replaced_domain,
            "function": self.function,
            "content": self.content,
        }

    def __rich__(self) -> RenderableType:
        """The facts without the content, which goes to stdout by itself."""
        from rich.text import Text

        domain = f"named {self.names_replaced_domain} times" if self.names_replaced_domain else "replaced"
        facts = {
            "object": self.location,
            "version": self.version,
            "modified": f"{self.modified:%Y-%m-%d %H:%M:%S %Z}",
            "schema": self.schema or "not valid: LibreChat does not start with it",
            "old domain": domain,
            "function": self.function,
        }
        return Text("\n").join(
            Text.assemble((f"{name:<10}", "bold"), f"  {value}") for name, value in facts.items()
        )
