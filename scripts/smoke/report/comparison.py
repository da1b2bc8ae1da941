"""What has changed since an earlier run of the same deployment.

The rule: a verdict has changed when the same check came out otherwise. A time has moved when it differs by
more than 100 ms **and** the larger is more than 1.3 times the smaller: two runs of an unchanged deployment
differ by less, while a cold start, a buffer or a slow origin makes more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.smoke.model import Status
from scripts.smoke.report.run import Checked, Run
from scripts.smoke.report.text import number

NOISE_SECONDS = 0.1
NOISE_FACTOR = 1.3

_TIMES = {
    "seconds": ("", 1.0),
    "warm_seconds": ("warm", 1.0),
    "to_first_event_ms": ("first event", 0.001),
    "to_first_token_ms": ("first token", 0.001),
    "gap_p95_ms": ("95th percentile of the gaps", 0.001),
    "gap_max_ms": ("longest gap", 0.001),
    "total_ms": ("whole stream", 0.001),
}
"""The times among a check's details that are compared: what to call them, and their unit in seconds."""

_ORDER = (Status.FAILED, Status.NOT_CHECKED, Status.PASSED)


@dataclass(frozen=True)
class Changed:
    """A check that came out otherwise."""

    check: Checked
    before: Status


@dataclass(frozen=True)
class Moved:
    """A time that differs by more than noise, in seconds."""

    check: Checked
    name: str
    before: float
    now: float

    @property
    def change(self) -> str:
        """``+150 %``, or how many times as long it takes now."""
        if not self.before or self.now > 10 * self.before:
            return f"{self.now / self.before:.0f} times" if self.before else "new"
        return f"{(self.now / self.before - 1) * 100:+.0f} %".replace("-", "−")


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        before: The earlier run.
        changed: Checks that came out otherwise, failures first.
        moved: Times that differ by more than noise, the largest difference first.
        added: Number of checks that the earlier run did not have.
        dropped: Number of checks that only the earlier run had.
    """

    before: Run
    changed: tuple[Changed, ...]
    moved: tuple[Moved, ...]
    added: int
    dropped: int

    @property
    def regressions(self) -> tuple[Changed, ...]:
        """What passed before and fails now."""
        return tuple(
            each
            for each in self.changed
            if (each.before, each.check.status) == (Status.PASSED, Status.FAILED)
        )


def compare(before: Run, now: Run) -> Comparison:
    """What has changed from one run to the other."""
    pairs = list(_pairs(before, now))
    changed = [Changed(new, old.status) for old, new in pairs if old.status is not new.status]
    moved = [each for old, new in pairs for each in _moved(old, new)]
    return Comparison(
        before,
        tuple(sorted(changed, key=lambda each: _ORDER.index(each.check.status))),
        tuple(sorted(moved, key=lambda each: -abs(each.now - each.before))),
        added=len(now.checks) - len(pairs),
        dropped=len(before.checks) - len(pairs),
    )


def noise(before: float, now: float) -> bool:
    """Whether two times, in seconds, differ by no more than two runs of the same deployment do."""
    small, large = sorted((before, now))
    return large - small <= NOISE_SECONDS or large <= NOISE_FACTOR * small


def _pairs(before: Run, now: Run) -> Iterator[tuple[Checked, Checked]]:
    """The checks of both runs: by item and title, or by the item alone where it has one check in each."""
    earlier = {check.key: check for check in before.checks}
    alone = {check.id: check for check in before.checks}
    counts = [Counter(check.id for check in run.checks) for run in (before, now)]
    for check in now.checks:
        if check.key in earlier:
            yield earlier[check.key], check
        elif all(count[check.id] == 1 for count in counts):
            yield alone[check.id], check


def _moved(before: Checked, now: Checked) -> Iterator[Moved]:
    for key, (name, unit) in _TIMES.items():
        old, new = number(before.details.get(key)), number(now.details.get(key))
        if old is not None and new is not None and not noise(old * unit, new * unit):
            yield Moved(now, name, old * unit, new * unit)
