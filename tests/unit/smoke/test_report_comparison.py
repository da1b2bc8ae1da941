"""What changed since the previous run, and where that run comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from scripts.pipeline.recording import recorded
from scripts.releases import Store
from scripts.releases.record import Smoke
from scripts.smoke.model import Result, Status, failed, passed
from scripts.smoke.report import Finding, Report
from scripts.smoke.report.comparison import Comparison, compare, noise
from scripts.smoke.report.previous import previous_run
from scripts.smoke.report.run import Run
from tests.unit.releases.making import release
from tests.unit.smoke.reports import check, on_time, report, stream


def compared(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> Comparison:
    return compare(Run.from_json(report(*before)), Run.from_json(report(*now)))


def test_equal_runs_differ_in_nothing() -> None:
    checks = [check("US1.1"), check("SC-004", details=stream(on_time()))]
    found = compared(checks, checks)
    assert (found.changed, found.moved, found.added, found.dropped) == ((), (), 0, 0)


def test_changed_verdicts_come_with_the_failures_first() -> None:
    found = compared(
        [check("A", "failed"), check("B"), check("C"), check("D")],
        [check("A"), check("B", "not checked"), check("C", "failed"), check("D")],
    )
    assert [(c.check.id, c.before, c.check.status) for c in found.changed] == [
        ("C", Status.PASSED, Status.FAILED),
        ("B", Status.PASSED, Status.NOT_CHECKED),
        ("A", Status.FAILED, Status.PASSED),
    ]
    assert [each.check.id for each in found.regressions] == ["C"]


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        (0.05, 0.14, True),  # less than 100 ms, whatever the factor
        (0.05, 0.16, False),
        (1.0, 1.29, True),  # less than 1.3 times, whatever the difference
        (1.0, 1.31, False),
        (1.31, 1.0, False),  # faster is a move, too
        (0.0, 0.2, False),
    ],
)
def test_a_time_moves_by_more_than_100_ms_and_a_factor_of_1_3(before: float, now: float, same: bool) -> None:
    assert noise(before, now) is same


def test_times_that_moved_come_with_the_largest_difference_first() -> None:
    before = [check("SC-003", details={"seconds": 0.2}), check("SC-004", details=stream(on_time()))]
    now = [
        check("SC-003", details={"seconds": 8.4}),
        check("SC-004", details=stream(on_time(), to_first_event_ms=540.0)),
    ]
    found = compared(before, now)
    assert [(m.check.id, m.name, m.before, m.now) for m in found.moved] == [
        ("SC-003", "", 0.2, 8.4),
        ("SC-004", "first event", pytest.approx(0.04), pytest.approx(0.54)),
    ]
    assert [each.change for each in found.moved] == ["42 times", "14 times"]


def test_a_change_is_written_with_its_sign() -> None:
    times = [(1.0, 1.5), (2.0, 1.0), (0.0, 1.0)]
    moved = [
        compared([check("A", details={"seconds": a})], [check("A", details={"seconds": b})]).moved[0].change
        for a, b in times
    ]
    assert moved == ["+50 %", "−50 %", "new"]


def test_checks_of_one_item_are_told_apart_by_their_titles() -> None:
    before = [check("FR-013", title="one"), check("FR-013", "failed", title="two")]
    now = [check("FR-013", title="two"), check("FR-013", title="one")]
    (changed,) = compared(before, now).changed
    assert (changed.check.title, changed.before) == ("two", Status.FAILED)


def test_a_check_whose_title_was_reworded_is_still_the_same() -> None:
    (changed,) = compared([check("A", "failed", title="old words")], [check("A", title="new words")]).changed
    assert changed.before is Status.FAILED


def test_checks_of_one_run_only_are_counted() -> None:
    found = compared([check("A"), check("B"), check("C")], [check("A"), check("D")])
    assert (found.added, found.dropped) == (1, 2)


@dataclass
class Memory:
    """Records in memory."""

    place: str = "memory"
    texts: dict[str, bytes] = field(default_factory=dict)

    def names(self) -> list[str]:
        return list(self.texts)

    def read(self, name: str) -> bytes:
        return self.texts[name]

    def create(self, name: str, content: bytes) -> None:
        self.texts[name] = content


FINDINGS = (
    Finding("SC-003", "health", passed("OK", "200", details={"seconds": 8.5, "warm_seconds": 0.05}), 8.6),
    Finding("SC-004", "the stream", failed("whole", reason="x", details=stream(on_time())), 4.0),
    Finding("FR-021", "TLS", Result(Status.NOT_CHECKED, "", reason="plain HTTP"), 0.0),
)


def store(*smokes: Smoke) -> Store:
    """A store with a release for each, the last of them the newest."""
    made = Store(Memory())
    for number, smoke in enumerate(smokes, start=1):
        made.add(release(number, smoke=smoke))
    return made


def test_the_previous_run_is_the_newest_one_that_a_record_holds() -> None:
    proof = recorded(Report("https://x.test", FINDINGS, 9.0))
    previous = previous_run(store(recorded(Report("https://x.test", (), 1.0)), proof, Smoke()))
    assert previous is not None
    run = Run.from_json(previous)
    assert [(c.id, c.title, c.status, c.seconds) for c in run.checks] == [
        ("SC-003", "health", Status.PASSED, 8.6),
        ("SC-004", "the stream", Status.FAILED, 4.0),
        ("FR-021", "TLS", Status.NOT_CHECKED, 0.0),
    ]
    assert run.release == release(2).id
    assert run.checks[0].details == {"seconds": 8.5, "warm_seconds": 0.05}


def test_a_record_and_the_report_that_it_was_made_from_differ_in_nothing() -> None:
    made = Report("https://x.test", FINDINGS, 9.0)
    previous = previous_run(store(recorded(made)))
    assert previous is not None
    found = compare(Run.from_json(previous), Run.from_json(made.to_json()))
    assert (found.changed, found.moved, found.added, found.dropped) == ((), (), 0, 0)


def test_a_record_keeps_figures_and_not_every_arrival() -> None:
    (_, kept, _) = recorded(Report("https://x.test", FINDINGS, 9.0)).checks
    assert kept.figures["to_first_event_ms"] == 40.0
    assert "arrivals_ms" not in kept.figures and "verdict" not in kept.figures


def test_without_a_record_that_holds_checks_there_is_no_previous_run() -> None:
    assert previous_run(store()) is None
    assert previous_run(store(Smoke(passed=20))) is None
