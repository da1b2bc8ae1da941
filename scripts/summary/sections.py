"""What a summary says of each type of event. The events are those of docs/events.schema.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from scripts.summary.markdown import code, folded, paragraph, plain, raw, table

Event = Mapping[str, Any]


def draw(events: Sequence[Event]) -> Iterator[str]:
    """The blocks of a summary. The end of the run comes first, then the rest in the order of the run."""
    for event in sorted(events, key=lambda event: event["type"] not in _FIRST):
        yield from _SECTIONS.get(event["type"], _nothing)(event)
    yield from _warnings([event["message"] for event in events if event["type"] == "warning"])
    yield from _steps([event for event in events if event["type"] == "step"])


_FIRST = ("error", "deployed", "recorded")


def _nothing(event: Event) -> Iterable[str]:
    return ()


def _error(event: Event) -> Iterator[str]:
    yield f"> [!CAUTION]\n> **{plain(event['what'])}**"
    if event["why"]:
        yield f"**Why:** {paragraph(event['why'])}"
    if event["next_step"]:
        yield f"**Next:** {paragraph(event['next_step'])}"
    yield from raw("Evidence", event["evidence"])


def _deployed(event: Event) -> Iterator[str]:
    yield f"**URL:** <{event['url']}>"
    yield f"In {event['total']:.0f} s: {plain(event['changed'])}"


def _recorded(event: Event) -> Iterator[str]:
    yield f"**Release:** `{event['release']}` ({event['ending'].replace('_', ' ')})"


_SIGNS = {"add": "➕", "change": "✏️", "replace": "♻️", "destroy": "🗑️", "forget": "∅"}
_FOLDED = 12
"""More additions than this are folded away."""


def _plan(event: Event) -> Iterator[str]:
    yield "### What changes"
    if event["empty"]:
        yield "No changes: what is deployed is what the configuration says."
        return
    yield _counts({f"to {action}": n for action, n in event["counts"].items()}, [f"to {a}" for a in _SIGNS])
    if event["outputs"]:
        yield "Outputs that change: " + ", ".join(code(name) for name in event["outputs"])
    if event["drift"]:
        yield "Changed or removed outside Terraform, to be put right: " + ", ".join(
            code(address) for address in event["drift"]
        )
    # What can hurt stands first and open; what is only added may be folded away.
    for actions, title in ((("destroy", "replace", "change", "forget"), ""), (("add",), "to add")):
        changes = [change for action in actions for change in event["changes"] if change["action"] == action]
        rows = [(_SIGNS[c["action"]], code(c["address"]), _what(c)) for c in changes]
        if title and len(rows) > _FOLDED:
            yield from folded(f"{len(rows)} {title}", table(("", "Resource", "What"), rows))
        elif rows:
            yield table(("", "Resource", "What"), rows)


def _what(change: Mapping[str, Any]) -> str:
    if change["forced_by"]:
        return "forced by " + ", ".join(code(path) for path in change["forced_by"])
    return ", ".join(code(name) for name in change["attributes"])


def _drift(event: Event) -> Iterator[str]:
    yield "### Drift"
    if event["incomplete"]:
        yield f"⚠️ Not everything could be compared: {plain(event['incomplete'])}"
    if not event["resources"]:
        compared = "what could be compared is" if event["incomplete"] else f"{event['checked']} resources are"
        yield f"None: {compared} as Terraform left it."
        return
    rows = []
    for resource in event["resources"]:
        name = code(resource["address"])
        if resource["action"] == "deleted":
            rows.append((name, "", "", "**gone**"))
        for attribute in resource["attributes"]:
            before, after = _value(attribute["before"]), _value(attribute["after"])
            rows.append((name, code(attribute["path"]), before, after))
    yield table(("Resource", "Attribute", "Terraform left", "Found"), rows)


def _doctor(event: Event) -> Iterator[str]:
    yield "### Checks before a deploy"
    yield _counts(event["counts"], ("ok", "warning", "failed", "not checked"))
    order = ("failed", "warning", "not checked", "ok")
    signs = {"failed": "❌", "warning": "⚠️", "not checked": "➖", "ok": "✅"}
    rows = {
        status: [
            (signs[status], plain(check["name"]), plain(check["found"]), plain(check["remedy"]))
            for check in event["checks"]
            if check["status"] == status
        ]
        for status in order
    }
    header = ("", "Check", "Found", "What to do")
    if troubled := [row for status in order[:-1] for row in rows[status]]:
        yield table(header, troubled)
    if rows["ok"]:
        yield from folded(f"{len(rows['ok'])} ok", table(header[:3], [row[:3] for row in rows["ok"]]))


def _losses(event: Event) -> Iterator[str]:
    yield "### Data that goes for good"
    rows = [(plain(loss["what"]), code(loss["name"]), plain(loss["amount"])) for loss in event["losses"]]
    if event["state_history"]:
        rows.append(("the state's history", "", plain(event["state_history"])))
    yield table(("Lost", "In", "How much"), rows)


def _smoke(event: Event) -> Iterator[str]:
    from scripts.summary import smoke  # imported late: most summaries hold no smoke checks

    yield from smoke.draw(event)


def _smoke_watch(event: Event) -> Iterator[str]:
    yield "### Smoke checks, watched"
    yield f"**{event['runs']} runs, {event['failed_runs']} failed** in {event['seconds']:.0f} s"
    signs = {"failed": "❌", "not checked": "➖", "passed": "✅"}
    rows = [
        (signs[check["status"]], check["id"], plain(check["title"]), str(check["failed"]))
        for check in event["checks"]
        if check["failed"]
    ]
    if rows:
        yield table(("Now", "Item", "Check", "Failed runs"), rows)


def _inventory(event: Event) -> Iterator[str]:
    yield "### What is left"
    if event["clean"]:
        yield f"Nothing of ours ({len(event['checked'])} kinds of resources checked)."
        return
    rows = [("❌", left["kind"], code(left["name"])) for left in event["leftovers"]]
    rows += [("➖", kind, f"could not be checked: {plain(why)}") for kind, why in event["unchecked"].items()]
    yield table(("", "Kind", "Left behind"), rows)


_SECTIONS: Mapping[str, Callable[[Event], Iterable[str]]] = {
    "error": _error,
    "deployed": _deployed,
    "recorded": _recorded,
    "doctor": _doctor,
    "losses": _losses,
    "plan": _plan,
    "drift": _drift,
    "smoke": _smoke,
    "smoke.watch": _smoke_watch,
    "inventory": _inventory,
}


def _warnings(messages: Sequence[str]) -> Iterator[str]:
    for message in messages:
        first, _, rest = message.partition("\n")
        yield f"⚠️ {plain(first)}"
        yield from raw("The whole warning", rest)


def _steps(steps: Sequence[Event]) -> Iterator[str]:
    if steps:
        rows = [
            ("❌" if step.get("failed") else "✅", plain(step["name"]), f"{step['took']:.1f} s",
             plain(step.get("note", "")))
            for step in steps
        ]  # fmt: skip
        yield from folded("Steps", table(("", "Step", "Time", ""), rows))


def _value(value: Any) -> str:
    if value is None:
        return "(none)"
    return code(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _counts(counts: Mapping[str, Any], names: Iterable[str]) -> str:
    """``**2 to add, 1 to destroy**``; what does not occur is left out."""
    shown = [f"{counts[name]} {name.replace('_', ' ')}" for name in names if counts[name]]
    return f"**{', '.join(shown) or 'outputs only'}**"
