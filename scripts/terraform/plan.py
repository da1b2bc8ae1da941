"""What a plan would do: names of resources and attributes, never their values."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from scripts.terraform import events

if TYPE_CHECKING:
    from rich.console import RenderableType


class Action(Enum):
    """What happens to a resource, in the words of the plan's table."""

    ADD = "add"
    CHANGE = "change"
    REPLACE = "replace"
    DESTROY = "destroy"
    FORGET = "forget"


@dataclass(frozen=True)
class ResourceChange:
    """One managed resource that the plan touches.

    Attributes:
        attributes: Top-level attributes that change (of an update or a replacement).
        forced_by: Attribute paths that force a replacement.
    """

    address: str
    action: Action
    type: str = ""
    attributes: tuple[str, ...] = ()
    forced_by: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """Address of the first-level module; empty for the root's own resources."""
        match = re.match(r'module\.[^.\[]+(\["[^"]*"\]|\[\d+\])?', self.address)
        return match.group() if match else ""

    @property
    def local_address(self) -> str:
        """The address inside its first-level module."""
        return self.address.removeprefix(f"{self.module}.") if self.module else self.address


@dataclass(frozen=True)
class Plan:
    """The outcome of ``terraform plan``. An `Outcome` of the console.

    Attributes:
        changes: Resources to touch.
        outputs: Names of the outputs that change.
        drift: Addresses among the changes that are there because somebody changed or removed the
            resource outside Terraform. The plan looks at every resource, so empty means none.
    """

    changes: tuple[ResourceChange, ...] = ()
    outputs: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()

    type = "plan"

    @property
    def empty(self) -> bool:
        """Whether an apply would do nothing."""
        return not self.changes and not self.outputs

    @property
    def destructive(self) -> bool:
        """Whether something that exists would be destroyed or replaced.

        Two replacements do not count: a ``terraform_data`` is a push or an upload that is done again,
        and a tainted resource was never finished (an interrupted deploy goes on without a question).
        """
        return any(
            change.action is Action.DESTROY
            or (change.action is Action.REPLACE and change.forced_by != (_TAINTED,))
            for change in self.changes
            if change.type != "terraform_data"
        )

    @property
    def operations(self) -> int:
        """Number of single operations; a replacement is two."""
        return len(self.changes) + self.count(Action.REPLACE) - self.count(Action.FORGET)

    def count(self, action: Action) -> int:
        """Number of resources with this action."""
        return sum(change.action is action for change in self.changes)

    @property
    def summary(self) -> str:
        """One line: ``3 to add, 1 to change, 0 to replace, 0 to destroy``."""
        if self.empty:
            return "No changes: what is deployed is what the configuration says."
        shown = [Action.ADD, Action.CHANGE, Action.REPLACE, Action.DESTROY]
        shown += [Action.FORGET] if self.count(Action.FORGET) else []
        line = ", ".join(f"{self.count(action)} to {action.value}" for action in shown)
        return line if self.changes else f"{line}; outputs change: {', '.join(self.outputs)}"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """A plan from ``terraform show -json``; values, sensitive ones included, are dropped here."""
        changes = tuple(
            change for raw in data.get("resource_changes", ()) if (change := _resource_change(raw))
        )
        outputs = tuple(
            name for name, change in data.get("output_changes", {}).items() if change["actions"] != ["no-op"]
        )
        return cls(changes, outputs, _drift(data, changes))

    @classmethod
    def from_events(cls, seen: Sequence[events.Event]) -> Plan | None:
        """A plan of additions alone, or of removals alone, from the events of its making.

        For these the events say all that is shown, and reading the plan's file, for which Terraform loads
        every provider's schema once more, is spared. None for any other plan: only the file has the
        attributes that change.
        """
        planned = [
            event for event in seen if isinstance(event, events.PlannedChange) and event.action != "read"
        ]
        actions = {event.action for event in planned}
        drifted = any(isinstance(event, events.DriftFound) for event in seen)
        if drifted or actions not in ({"create"}, {"delete"}):
            return None
        changes = [ResourceChange(event.address, _ACTIONS[event.action,], event.type) for event in planned]
        outputs = [name for event in seen if isinstance(event, events.PlannedOutputs) for name in event.names]
        return cls(tuple(sorted(changes, key=lambda change: change.address)), tuple(outputs))

    def to_json(self) -> dict[str, Any]:
        """Counts, and each change with its address, action and attribute names."""
        return {
            "empty": self.empty,
            "counts": {action.value: self.count(action) for action in Action},
            "changes": [
                {
                    "address": change.address,
                    "action": change.action.value,
                    "attributes": list(change.attributes),
                    "forced_by": list(change.forced_by),
                }
                for change in self.changes
            ],
            "outputs": list(self.outputs),
            "drift": list(self.drift),
        }

    def __rich__(self) -> RenderableType:
        """The table of add / change / replace / destroy, drift apart, then the counts."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        parts: list[RenderableType] = []
        if self.drift:
            parts.append(Text("Changed or removed outside Terraform, to be put right:", "bold yellow"))
            parts += [Text(f"≠  {address}", "yellow") for address in self.drift]
        if self.changes:
            rows = _rows(self.changes)
            last = "What changes" if any(what for *_, what in rows) else ""
            table = Table("", "Module", "Resource", last, box=None, pad_edge=False)
            for mark, style, module, resource, what in rows:
                table.add_row(Text(mark, style), module or "(root)", Text(resource), Text(what, "dim"))
            parts.append(table)
        parts.append(Text(f"Plan: {self.summary}" if not self.empty else self.summary, "bold"))
        return Group(*parts)


_TAINTED = "because_tainted"

_MARKS = {
    Action.ADD: ("+", "green"),
    Action.CHANGE: ("~", "yellow"),
    Action.REPLACE: ("±", "bold magenta"),
    Action.DESTROY: ("-", "bold red"),
    Action.FORGET: ("∅", "cyan"),
}

_LISTED_IN_FULL = 15
"""More than this many additions or removals are shown as one row a module: a table must be read."""


def _rows(changes: Sequence[ResourceChange]) -> list[tuple[str, str, str, str, str]]:
    rows = []
    for action, (mark, style) in _MARKS.items():
        mine = sorted((c for c in changes if c.action is action), key=lambda c: c.address)
        grouped = action in (Action.ADD, Action.DESTROY) and len(mine) > _LISTED_IN_FULL
        if not grouped:
            for change in mine:
                rows.append((mark, style, change.module, change.local_address, _what(change)))
            continue
        modules: dict[str, list[ResourceChange]] = defaultdict(list)
        for change in mine:
            modules[change.module].append(change)
        for module, members in modules.items():
            kinds = ", ".join(_kinds(members))
            rows.append((mark, style, module, f"{len(members)} resources: {kinds}", ""))
    return rows


def _kinds(changes: Sequence[ResourceChange]) -> list[str]:
    """Resource types with their number, in order of appearance: ``s3_bucket ×2``."""
    counts: dict[str, int] = defaultdict(int)
    for change in changes:
        # Instance keys may hold dots: module.a["x.y"].aws_s3_bucket.this["z"]
        plain = re.sub(r"\[[^\]]*\]", "", change.address)
        counts[plain.split(".")[-2].removeprefix("aws_")] += 1
    return [kind if number == 1 else f"{kind} ×{number}" for kind, number in counts.items()]


def _what(change: ResourceChange) -> str:
    if change.forced_by == (_TAINTED,):
        return "its creation failed or was interrupted (tainted)"
    if change.action is Action.REPLACE and change.forced_by:
        return "forced by " + ", ".join(change.forced_by)
    return ", ".join(change.attributes)


_ACTIONS = {
    ("create",): Action.ADD,
    ("update",): Action.CHANGE,
    ("delete",): Action.DESTROY,
    ("forget",): Action.FORGET,
    ("create", "delete"): Action.REPLACE,
    ("delete", "create"): Action.REPLACE,
}


def _resource_change(raw: Mapping[str, Any]) -> ResourceChange | None:
    action = _ACTIONS.get(tuple(raw["change"]["actions"]))
    if action is None or raw.get("mode") != "managed":
        return None
    attributes: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()
    if action in (Action.CHANGE, Action.REPLACE):
        attributes = _changed(raw["change"])
    if action is Action.REPLACE:
        forced = tuple(".".join(map(str, path)) for path in raw["change"].get("replace_paths", ()))
        # Not forced by an attribute: tainted by a failed creation, or asked for.
        forced = forced or (str(raw.get("action_reason", "")).removeprefix("replace_"),)
    return ResourceChange(raw["address"], action, raw.get("type", ""), attributes, forced)


def _drift(data: Mapping[str, Any], changes: Sequence[ResourceChange]) -> tuple[str, ...]:
    """What was changed outside and makes this plan change it back.

    Terraform reports as drift whatever a refresh sees differently, down to null that became an empty
    list. Like its own display, we count what contributes to a planned change.
    """
    planned = {change.address: change for change in changes}
    drifted = []
    for raw in data.get("resource_drift", ()):
        change = planned.get(raw["address"])
        gone = raw["change"]["actions"] == ["delete"]
        if change is None or change.forced_by == (_TAINTED,):
            continue
        if gone or set(_changed(raw["change"])) & set(change.attributes):
            drifted.append(raw["address"])
    return tuple(drifted)


def _changed(change: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the top-level attributes that differ, those known only after the apply among them."""
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    names = sorted({*before, *after, *unknown})
    return tuple(name for name in names if any_true(unknown.get(name)) or before.get(name) != after.get(name))


def any_true(marks: Any) -> bool:
    """Whether a tree of marks (``after_unknown``) marks anything: ``[{}]`` and ``[false]`` do not."""
    if isinstance(marks, Mapping):
        return any(map(any_true, marks.values()))
    if isinstance(marks, list):
        return any(map(any_true, marks))
    return bool(marks)
