"""Whether a version of Node is in the range that a package.json asks for under ``engines``.

As much of npm's ranges as people write there: comparators, ``||``, ``^``, ``~``, ``x`` and hyphens
(https://docs.npmjs.com/cli/v10/using-npm/config#engine-strict, https://github.com/npm/node-semver#ranges).
Not for prereleases: Node's releases have none.
"""

from __future__ import annotations

import re

_Version = tuple[int, int, int]

_PART = r"v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?"
_COMPARATOR = re.compile(rf"(>=|<=|>|<|=|\^|~)?\s*{_PART}")
_HYPHEN = re.compile(rf"^\s*({_PART})\s+-\s+({_PART})\s*$")


def includes(wanted: str, version: str) -> bool | None:
    """Whether `version` (such as ``v20.20.2``) is in the range `wanted`; None when that is unreadable."""
    exact = _COMPARATOR.fullmatch(version.strip())
    if exact is None:
        return None
    found = _least(exact.groups()[1:])
    answers = [_alternative(part, found) for part in wanted.split("||")]
    return None if None in answers else any(answers)


def _alternative(text: str, found: _Version) -> bool | None:
    if hyphen := _HYPHEN.match(text):
        text = f">={hyphen.group(1)} <={hyphen.group(5)}"
    comparators = list(_COMPARATOR.finditer(text))
    if _COMPARATOR.sub("", text).strip():
        return None
    return all(_compare(match.group(1) or "", match.groups()[1:], found) for match in comparators)


def _compare(operator: str, parts: tuple[str | None, ...], found: _Version) -> bool:
    """`20.1` stands for all of 20.1: so it has a first version, and one that is the first after it."""
    given = sum(1 for part in parts if part and part.isdigit())
    least = _least(parts)
    match operator:
        case ">=":
            return found >= least
        case "<":
            return found < least
        case ">":
            return found >= _after(least, given) if given else False
        case "<=":
            return found < _after(least, given) if given else True
        case "~":
            return least <= found < _after(least, min(given, 2)) if given else True
        case "^":
            return least <= found < _after(least, 1) if given else True
    return least <= found < _after(least, given) if given else True


def _least(parts: tuple[str | None, ...]) -> _Version:
    major, minor, patch = (int(part) if part and part.isdigit() else 0 for part in parts)
    return major, minor, patch


def _after(version: _Version, given: int) -> _Version:
    """The first version that the first `given` parts do not stand for."""
    major, minor, patch = version
    if given == 1:
        return major + 1, 0, 0
    return (major, minor + 1, 0) if given == 2 else (major, minor, patch + 1)
