"""From a refresh-only plan to drift.

Such a plan compares the state with the account, and the configuration with nothing.
https://developer.hashicorp.com/terraform/cli/commands/plan#planning-modes

It reports more than drift. Right after an apply it has what one resource of ours did to another (a bucket
has a policy, a security group has rules) and AWS's own bookkeeping (a status, an ETag). The first is
recognised by its values, which another resource of ours has too; the second by being a single value that
the configuration does not set. Sensitive values end here: those that Terraform marks, what is named like a
secret, and what somebody put into a function's environment, unless it cannot be one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.redaction import redact
from scripts.terraform.drift import MASK, Attribute, Drift, Resource
from scripts.terraform.plan import any_true

_SECRET_NAME = re.compile(
    r"secret|password|passwd|token|credential|creds|(?:private|api|access)_?key|_KEY$", re.IGNORECASE
)
"""What somebody put by hand into an attribute is not marked sensitive, but may well be."""

_IN_VARIABLES = re.compile(r"(?:^|\.)variables\.")
"""In the path of one variable: ``environment[0].variables.USE_REDIS``."""

_HARMLESS = re.compile(
    r"true|false|yes|no|on|off|short|full|\d{1,6}|(?:https?|redis)://[\w.-]+(?::\d{1,5})?(?:/v\d)?/?"
)
"""Values that can be no secret: a switch, a small number, an address without password or path."""

_LONGEST = 300
"""Characters of a value: a policy or an API definition is recognised by its beginning."""


def read(plan: Mapping[str, Any], incomplete: str = "") -> Drift:
    """Drift from ``terraform show -json`` of a refresh-only plan.

    Args:
        plan: The parsed JSON.
        incomplete: Why the plan does not cover everything.
    """
    ours = list(_managed(plan.get("prior_state", {}).get("values", {}).get("root_module", {})))
    configured = _configured(plan.get("configuration", {}).get("root_module", {}))
    drifted: list[Resource] = []
    bookkeeping: list[Resource] = []
    for raw in sorted(plan.get("resource_drift", ()), key=lambda raw: str(raw["address"])):
        if raw.get("mode") != "managed":
            continue
        address = raw["address"]
        if raw["change"]["actions"] == ["delete"]:
            drifted.append(Resource(address, deleted=True))
            continue
        judge = _Judge(configured.get(_plain(address), frozenset()), _Own.of(raw, ours))
        counted, others = judge.attributes(raw["change"])
        drifted += [Resource(address, attributes=counted)] if counted else []
        bookkeeping += [Resource(address, attributes=others)] if others else []
    checked = len(ours) + sum(resource.deleted for resource in drifted)
    return Drift(tuple(drifted), tuple(bookkeeping), checked, incomplete)


@dataclass(frozen=True)
class _Own:
    """What our other resources say of one resource: the values of each that names it."""

    leaves: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, raw: Mapping[str, Any], ours: list[Mapping[str, Any]]) -> _Own:
        values = raw["change"].get("before") or {}
        names = {_leaf(values[key]) for key in ("id", "arn", "name", "bucket") if values.get(key)}
        others = (frozenset(_leaves(r["values"])) for r in ours if r["address"] != raw["address"])
        return cls(tuple(leaves for leaves in others if leaves & names))

    def explain(self, value: Any) -> bool:
        """Whether all of a value stands in them.

        Single values must stand together in one resource. Of a list each element must stand there beside
        them: EC2 shows rules that differ in their source only as one, with a list of sources.
        """
        parts = list(value.values()) if isinstance(value, Mapping) else [value]
        single = {leaf for part in parts if not isinstance(part, list) for leaf in _leaves(part)}
        several = {leaf for part in parts if isinstance(part, list) for leaf in _leaves(part)}
        wanted = [single | {leaf} for leaf in several] or [single]
        return all(any(w <= leaves for leaves in self.leaves) for w in wanted) and any(wanted)


@dataclass(frozen=True)
class _Judge:
    """Tells what counts as drift in one resource.

    Attributes:
        configured: Attributes that the configuration sets.
        own: What our other resources say of it.
    """

    configured: frozenset[str]
    own: _Own

    def attributes(self, change: Mapping[str, Any]) -> tuple[tuple[Attribute, ...], tuple[Attribute, ...]]:
        """What differs: the part that counts, and the part that does not."""
        before, after = change.get("before") or {}, change.get("after") or {}
        marks = change.get("before_sensitive") or {}, change.get("after_sensitive") or {}
        counted: list[Attribute] = []
        others: list[Attribute] = []
        for name in sorted({*before, *after}):
            old, new = before.get(name), after.get(name)
            counts = name in self.configured
            if not counts:
                old, new = self._unexplained(old, new)
                counts = any(isinstance(value, Mapping | list) or _is_document(value) for value in (old, new))
            found = _differences(old, new, marks[0].get(name), marks[1].get(name), name)
            (counted if counts else others).extend(found)
        return tuple(counted), tuple(others)

    def _unexplained(self, old: Any, new: Any) -> tuple[Any, Any]:
        """What of a difference none of our other resources accounts for."""
        if _is(list, old, new):
            olds, news = old or [], new or []
            gone = [value for value in olds if value not in news and not self.own.explain(value)]
            added = [value for value in news if value not in olds and not self.own.explain(value)]
            return gone, added
        if old != new and _is_document(new) and self.own.explain(new):
            return None, None
        return old, new


def _differences(
    before: Any, after: Any, marks_before: Any, marks_after: Any, path: str = ""
) -> Iterator[Attribute]:
    """The deepest values that differ.

    Nothing, an empty text, an empty collection, false and zero are one when one side is nothing: the
    provider reads back as one what it was given as the other, though nobody touched anything.
    """
    if before == after or (_empty(before) and _empty(after)):
        return
    if (before is None and after in (False, 0)) or (after is None and before in (False, 0)):
        return
    if marks_before is True or marks_after is True or _SECRET_NAME.search(path.rsplit(".", 1)[-1]):
        yield Attribute(path, MASK, MASK)
    elif _is(Mapping, before, after):
        before, after, marks_before, marks_after = (
            value or {} for value in (before, after, marks_before, marks_after)
        )
        for key in sorted({*before, *after}):
            yield from _differences(
                before.get(key),
                after.get(key),
                marks_before.get(key),
                marks_after.get(key),
                f"{path}.{key}",
            )
    elif any_true(marks_before) or any_true(marks_after):
        # Elements cannot be told apart here, so a mark on one of them is a mark on all.
        yield Attribute(path, MASK, MASK)
    elif _is(list, before, after):
        yield from _elements(before or [], after or [], path)
    else:
        yield Attribute(path, _brief(before), _found(path, after))


def _found(path: str, value: Any) -> Any:
    """A value as it was found.

    A variable is anybody's text: a connection string as well as a key whose name says nothing. What Terraform
    left in it is shown, for the configuration holds no secret.
    """
    if _IN_VARIABLES.search(path) and not (_empty(value) or _HARMLESS.fullmatch(str(value))):
        return MASK
    return _brief(value)


def _elements(before: list[Any], after: list[Any], path: str) -> Iterator[Attribute]:
    """What differs in a list or a set: elements that both have do not count for having moved."""
    gone = [value for value in before if value not in after]
    new = [(index, value) for index, value in enumerate(after) if value not in before]
    if gone and len(gone) == len(new):
        for old, (index, value) in zip(gone, new, strict=True):
            yield from _differences(old, value, None, None, f"{path}[{index}]")
    elif gone or new:
        yield Attribute(path, _brief(gone), _brief([value for _, value in new]))
    else:
        yield Attribute(path, _brief(before), _brief(after))


def _is(kind: type, *values: Any) -> bool:
    """Whether every value is of a kind, nothing being of each."""
    return all(value is None or isinstance(value, kind) for value in values)


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _brief(value: Any) -> Any:
    """A value to show: without what is empty or may be secret in it, and not too long."""
    if _empty(value):
        return None
    if isinstance(value, str) and not _is_document(value):
        # In a document the words of a policy (secretsmanager:GetSecretValue) would be taken for secrets.
        value = redact(value)
    if isinstance(value, list):
        value = [_brief(element) for element in value]
    elif isinstance(value, Mapping):
        value = {key: _masked(key, inner) for key, inner in value.items() if not _empty(inner)}
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{text[:_LONGEST]}…" if len(text) > _LONGEST else value


def _masked(key: str, value: Any) -> Any:
    if key == "variables" and isinstance(value, Mapping):  # all of them came, or went: their names tell it
        return dict.fromkeys(value, MASK)
    return MASK if _SECRET_NAME.search(key) else _brief(value)


def _is_document(value: Any) -> bool:
    """Whether a text is JSON, such as a policy."""
    return isinstance(value, str) and value.startswith(("{", "["))


def _leaf(value: Any) -> str:
    """A single value in a form that compares: JSON documents without regard to their layout."""
    if _is_document(value):
        try:
            return json.dumps(json.loads(value), sort_keys=True)
        except ValueError:
            return str(value)
    return str(value)


def _leaves(value: Any) -> Iterator[str]:
    """The single values in a tree, but for those that say nothing: empty ones and truth values."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif not _empty(value) and not isinstance(value, bool):
        yield _leaf(value)


def _managed(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The managed resources of a state, with their values."""
    yield from (resource for resource in module.get("resources", ()) if resource["mode"] == "managed")
    for child in module.get("child_modules", ()):
        yield from _managed(child)


def _configured(module: Mapping[str, Any], prefix: str = "") -> dict[str, frozenset[str]]:
    """Which attributes the configuration sets, for each resource by its address without instance keys."""
    found = {
        f"{prefix}{resource['address']}": frozenset(resource.get("expressions", {}))
        for resource in module.get("resources", ())
    }
    for name, call in module.get("module_calls", {}).items():
        found |= _configured(call.get("module", {}), f"{prefix}module.{name}.")
    return found


def _plain(address: str) -> str:
    """An address without instance keys, which may hold dots and brackets in quotes."""
    return re.sub(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]', "", address)
