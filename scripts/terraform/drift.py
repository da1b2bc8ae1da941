"""Drift: what was changed or removed outside Terraform, as it is shown.

Found by `scripts.terraform.refresh`. Changes that a deploy would make are something else
(`scripts.terraform.plan`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

MASK = "(sensitive)"
"""Stands for a value that must not be shown."""


@dataclass(frozen=True)
class Attribute:
    """One value that differs, at its deepest path (``environment[0].variables.USE_REDIS``).

    `before` is what Terraform left there, `after` what was found; None where there is nothing. Of a list
    without an order they hold the elements that only one side has.
    """

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Resource:
    """One resource that is not as Terraform left it. One that is gone has no attributes."""

    address: str
    deleted: bool = False
    attributes: tuple[Attribute, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """With its action: ``changed`` or ``deleted``."""
        return {
            "address": self.address,
            "action": "deleted" if self.deleted else "changed",
            "attributes": [{"path": a.path, "before": a.before, "after": a.after} for a in self.attributes],
        }


@dataclass(frozen=True)
class Drift:
    """All that differs. An `Outcome` of the console.

    Attributes:
        resources: In the order of their addresses.
        bookkeeping: Single values that the configuration does not set, such as a status: AWS keeps them
            itself, so they do not count.
        checked: Number of managed resources that were compared.
        incomplete: Why not all of them could be compared; empty when they were.
    """

    resources: tuple[Resource, ...] = ()
    bookkeeping: tuple[Resource, ...] = ()
    checked: int = 0
    incomplete: str = ""

    type = "drift"

    @property
    def found(self) -> bool:
        """Whether anything differs."""
        return bool(self.resources)

    @property
    def summary(self) -> str:
        """One line, which says so when something could not be compared."""
        number = len(self.resources)
        counted = "1 resource was" if number == 1 else f"{number} resources were"
        if self.found and self.incomplete:
            return f"At least {counted} changed or removed outside Terraform; not all could be compared."
        if self.found:
            return f"{counted} changed or removed outside Terraform, of {self.checked}."
        if self.incomplete:
            return "No drift in what could be compared; not all could."
        return f"No drift: {self.checked} resources are as Terraform left them."

    def to_json(self) -> dict[str, Any]:
        """Each resource with its attributes; what does not count as drift on its own."""
        return {
            "drifted": self.found,
            "checked": self.checked,
            "incomplete": self.incomplete,
            "resources": [resource.to_json() for resource in self.resources],
            "bookkeeping": [resource.to_json() for resource in self.bookkeeping],
        }

    def __rich__(self) -> RenderableType:
        """A heading a resource, a line an attribute."""
        from rich.text import Text

        text = Text()
        for resource in self.resources:
            if resource.deleted:
                text.append(f"-  {resource.address}", "bold red").append("  is gone\n")
                continue
            text.append(f"≠  {resource.address}\n", "yellow")
            for attribute in resource.attributes:
                text.append(f"     {attribute.path}  ", "bold")
                text.append(_shown(attribute.before), "red").append(" → ")
                text.append(f"{_shown(attribute.after)}\n", "green")
        if self.bookkeeping:
            text.append("Not counted, because the configuration does not set it and AWS does:\n", "dim")
            for resource in self.bookkeeping:
                paths = ", ".join(attribute.path for attribute in resource.attributes)
                text.append(f"     {resource.address}  {paths}\n", "dim")
        return text.append(self.summary, "bold")


def _shown(value: Any) -> str:
    return "(none)" if value is None else value if value == MASK else json.dumps(value, ensure_ascii=False)
