"""What Terraform says with ``-json``, one frozen dataclass an event.

The format: https://developer.hashicorp.com/terraform/internals/machine-readable-ui. Types that nobody
here needs (refresh, version, log lines without consequence) become `Message`, text that is not JSON
becomes `Text`: nothing that Terraform says is lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class PlannedChange:
    """A resource will change. `action` is Terraform's word: create, update, delete, replace, read, …"""

    address: str
    action: str
    reason: str = ""
    type: str = ""


@dataclass(frozen=True)
class PlannedOutputs:
    """Names of the outputs that will change; sent by a plan."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class DriftFound:
    """A resource is not as the state says: changed or removed outside Terraform."""

    address: str


@dataclass(frozen=True)
class ApplyStart:
    """Work on a resource begins."""

    address: str
    action: str


@dataclass(frozen=True)
class ApplyProgress:
    """Work on a resource goes on; sent every ten seconds."""

    address: str
    action: str
    elapsed: float


@dataclass(frozen=True)
class ApplyComplete:
    """Work on a resource is done."""

    address: str
    action: str
    elapsed: float


@dataclass(frozen=True)
class ApplyErrored:
    """Work on a resource failed; a `Diagnostic` says why."""

    address: str
    action: str
    elapsed: float


@dataclass(frozen=True)
class ProvisionOutput:
    """A line printed by a provisioner (``local-exec``) of a resource."""

    address: str
    text: str


@dataclass(frozen=True)
class Snippet:
    """The configuration that a diagnostic speaks of. `values` are Terraform's own remarks on it."""

    filename: str
    line: int
    context: str
    code: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnostic:
    """A warning or an error, whole."""

    severity: Literal["error", "warning"]
    summary: str
    detail: str = ""
    address: str = ""
    snippet: Snippet | None = None

    def render(self) -> str:
        """The text that Terraform itself would show, without its box."""
        lines = [f"{self.severity.capitalize()}: {self.summary}"]
        if self.address or self.snippet:
            lines.append("")
        if self.address:
            lines.append(f"  with {self.address},")
        if self.snippet:
            inside = f", in {self.snippet.context}" if self.snippet.context else ""
            lines.append(f"  on {self.snippet.filename} line {self.snippet.line}{inside}:")
            code = self.snippet.code.split("\n")
            lines += [f"  {number}: {text}" for number, text in enumerate(code, self.snippet.line)]
            lines += [f"    ({value})" for value in self.snippet.values]
        if self.detail:
            lines += ["", self.detail]
        return "\n".join(lines)


@dataclass(frozen=True)
class Outputs:
    """Values of the outputs after an apply. Sensitive ones are left out by `parse`."""

    values: Mapping[str, Any]


@dataclass(frozen=True)
class ChangeSummary:
    """The count at the end of a plan or an apply."""

    operation: str
    add: int
    change: int
    remove: int


@dataclass(frozen=True)
class Message:
    """Any other event: its type and its sentence."""

    type: str
    text: str


@dataclass(frozen=True)
class Text:
    """A line that is not JSON: a warning about the CLI configuration, a crash."""

    text: str


Event = (
    PlannedChange
    | PlannedOutputs
    | DriftFound
    | ApplyStart
    | ApplyProgress
    | ApplyComplete
    | ApplyErrored
    | ProvisionOutput
    | Diagnostic
    | Outputs
    | ChangeSummary
    | Message
    | Text
)


def parse(line: str) -> Event:
    """The event of one line of output. Never raises: an unknown line is a `Message` or a `Text`."""
    try:
        data = json.loads(line)
    except ValueError:
        return Text(line)
    if not isinstance(data, dict):
        return Text(line)
    kind = str(data.get("type", ""))
    try:
        return _parse(kind, data)
    except (KeyError, TypeError, AttributeError):
        return Message(kind, str(data.get("@message", line)))


def _parse(kind: str, data: dict[str, Any]) -> Event:
    match kind:
        case "planned_change":
            change, resource = data["change"], data["change"]["resource"]
            return PlannedChange(
                resource["addr"],
                change["action"],
                change.get("reason", ""),
                resource.get("resource_type", ""),
            )
        case "resource_drift":
            return DriftFound(data["change"]["resource"]["addr"])
        case "apply_start":
            return ApplyStart(*_subject(data))
        case "apply_progress":
            return ApplyProgress(*_subject(data), _elapsed(data))
        case "apply_complete":
            return ApplyComplete(*_subject(data), _elapsed(data))
        case "apply_errored":
            return ApplyErrored(*_subject(data), _elapsed(data))
        case "provision_progress":
            return ProvisionOutput(data["hook"]["resource"]["addr"], data["hook"]["output"])
        case "diagnostic":
            return _diagnostic(data["diagnostic"])
        case "outputs" if all("value" not in output for output in data["outputs"].values()):
            changing = (name for name, output in data["outputs"].items() if output["action"] != "noop")
            return PlannedOutputs(tuple(changing))
        case "outputs":
            return Outputs(
                {
                    name: output["value"]
                    for name, output in data["outputs"].items()
                    if "value" in output and not output.get("sensitive")
                }
            )
        case "change_summary":
            counts = data["changes"]
            return ChangeSummary(counts["operation"], counts["add"], counts["change"], counts["remove"])
        case _:
            return Message(kind, str(data.get("@message", "")))


def _subject(data: dict[str, Any]) -> tuple[str, str]:
    return data["hook"]["resource"]["addr"], data["hook"]["action"]


def _elapsed(data: dict[str, Any]) -> float:
    return float(data["hook"].get("elapsed_seconds", 0))


def _diagnostic(data: dict[str, Any]) -> Diagnostic:
    snippet = None
    if data.get("snippet"):
        raw = data["snippet"]
        snippet = Snippet(
            filename=data.get("range", {}).get("filename", ""),
            line=int(raw.get("start_line", 0)),
            context=raw.get("context") or "",
            code=raw.get("code", ""),
            values=tuple(f"{v['traversal']} {v['statement']}" for v in raw.get("values") or ()),
        )
    return Diagnostic(
        severity="error" if data.get("severity") == "error" else "warning",
        summary=data.get("summary", ""),
        detail=data.get("detail", ""),
        address=data.get("address", ""),
        snippet=snippet,
    )
