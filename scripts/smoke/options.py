"""Which checks a run has: what was asked for, held against the checks that there are.

An id is one of the specification (``US1.2``, ``SC-004``), in any case, or the beginning of some that ends
where a number does: ``US``, ``US1``, ``FR``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.errors import DeployError, ExitStatus
from scripts.smoke.model import Check, Suite


@dataclass(frozen=True)
class Options:
    """What a run was asked for.

    Attributes:
        only: Ids of the checks to run; empty: all of the suites.
        skip: Ids of the checks to leave out.
        chat: Also the suite that talks to a model.
        long: Also the suite of long, large and many streams.
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    chat: bool = False
    long: bool = False

    @property
    def suites(self) -> frozenset[Suite]:
        """The suites that run."""
        asked = {Suite.CHAT: self.chat, Suite.LONG: self.long}
        return frozenset({Suite.BASIC, *(suite for suite, wanted in asked.items() if wanted)})

    def to_json(self) -> dict[str, Any]:
        """The facts, JSON-serialisable."""
        return {"only": list(self.only), "skip": list(self.skip), "chat": self.chat, "long": self.long}

    def select(self, checks: Sequence[Check]) -> tuple[Check, ...]:
        """The checks to run, in their order.

        Raises:
            DeployError: with `ExitStatus.PREFLIGHT_FAILED`, for an id that no check has, one whose checks
                all belong to a suite that was not asked for, or when nothing is left.
        """
        for flag, wanted in (("--only", self.only), ("--skip", self.skip)):
            for id in wanted:
                if not any(covers(id, check) for check in checks):
                    raise _unknown(flag, id, checks)
        runs = [check for check in checks if check.suite in self.suites]
        for id in self.only:
            if not any(covers(id, check) for check in runs):
                raise _other_suite(id, [check for check in checks if covers(id, check)])
        left = [
            check
            for check in runs
            if (not self.only or any(covers(id, check) for id in self.only))
            and not any(covers(id, check) for id in self.skip)
        ]
        if not left:
            raise DeployError(
                "No smoke check is left to run",
                f"--skip {','.join(self.skip)} leaves out everything that was asked for.",
                "Leave out less.",
                status=ExitStatus.PREFLIGHT_FAILED,
            )
        return tuple(left)


def ids(values: Iterable[str]) -> tuple[str, ...]:
    """The ids of a flag that is repeated, or holds several parted by commas; each once."""
    words = (word.strip() for value in values for word in value.split(","))
    return tuple(dict.fromkeys(word for word in words if word))


def covers(wanted: str, check: Check) -> bool:
    """Whether an id, or the beginning of one, means this check."""
    return any(_means(wanted.casefold(), id.casefold()) for id in check.ids)


def _means(wanted: str, id: str) -> bool:
    if not id.startswith(wanted):
        return False
    rest = id[len(wanted) :]
    # FR-01 is no beginning of FR-013, nor FR-028 of FR-028a: both look like whole ids.
    return not re.match(r"\d\w|[a-z][a-z]", wanted[-1] + rest)


def _unknown(flag: str, id: str, checks: Sequence[Check]) -> DeployError:
    from scripts.smoke.coverage import ELSEWHERE

    why = "Ids are those of the specification: US1.2, SC-004, FR-013; US1 and FR stand for all of theirs."
    near = difflib.get_close_matches(id.upper(), [id for check in checks for id in check.ids], n=3)
    remedy = f"Did you mean {' or '.join(dict.fromkeys(near))}?" if near else "Choose from the ids below."
    for other, shown in ELSEWHERE.items():
        if other.casefold() == id.casefold():
            why, remedy = shown, "Choose from the ids below; docs/smoke.md says what shows the others."
    return DeployError(
        f"No smoke check has the id {id} ({flag})",
        why,
        remedy,
        status=ExitStatus.PREFLIGHT_FAILED,
        evidence="\n".join(_listed(checks)),
    )


def _other_suite(id: str, theirs: Sequence[Check]) -> DeployError:
    flags = " or ".join(sorted({f"--{check.suite}" for check in theirs}))
    return DeployError(
        f"The checks of {id} do not run by themselves",
        "They are " + "; ".join(f"{check.id} {check.title}" for check in theirs) + ".",
        f"Ask for them: add {flags}.",
        status=ExitStatus.PREFLIGHT_FAILED,
    )


def _listed(checks: Sequence[Check]) -> Iterator[str]:
    for check in checks:
        also = f" (also {', '.join(check.also)})" if check.also else ""
        suite = "" if check.suite is Suite.BASIC else f" [--{check.suite}]"
        yield f"{check.id:<8}{check.title}{also}{suite}"
