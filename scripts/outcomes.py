"""What tasks show that belongs to no other module: named values, and the end of a deploy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Values:
    """Named values. An `Outcome` of the console."""

    type: str
    values: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The values under ``values``."""
        return {"values": dict(self.values)}

    def __rich__(self) -> RenderableType:
        """Two columns."""
        from rich.text import Text

        width = max(map(len, self.values), default=0)
        lines = [
            Text.assemble((f"{name:<{width}}", "bold"), f"  {value}") for name, value in self.values.items()
        ]
        return Text("\n").join(lines)


@dataclass(frozen=True)
class Deployed:
    """The end of a deploy. An `Outcome` of the console."""

    url: str
    changed: str
    total: float

    type = "deployed"

    def to_json(self) -> dict[str, Any]:
        """The address, what changed, and the seconds it took."""
        return {"url": self.url, "changed": self.changed, "total": round(self.total, 3)}

    def __rich__(self) -> RenderableType:
        """The address last: it is what one is looking for."""
        from rich.text import Text

        return Text.assemble("\n", (self.url, "bold underline green"))
