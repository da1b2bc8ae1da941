"""A watch: when it runs, what it says, how it ends. Its clock goes forward only when the watch waits."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console as RichConsole

from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.smoke.board import STRIP, Board, span
from scripts.smoke.model import Result, Status, failed, passed
from scripts.smoke.report import Finding, Report
from scripts.smoke.watch import Clock, Watch
from tests.events import require_documented

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GOOD = passed("200", "200")
BAD = failed("500", "200", reason="It broke.")
UNKNOWN = Result(Status.NOT_CHECKED, "", reason="too busy")


class Time(Clock):
    """Stands still but for what is slept, and what a run takes."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def moment(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0, "time.sleep refuses it"
        self.slept.append(seconds)
        self.seconds += seconds


def report(**results: Result) -> Report:
    return Report("http://x", tuple(Finding(id, f"the {id}", r, 0.1) for id, r in results.items()), 1.0)


def looks(clock: Time, *reports: Report, takes: float = 1.0) -> Callable[[], Report]:
    """Each report once, then Ctrl-C."""
    left: Iterator[Report] = iter(reports)

    def look() -> Report:
        clock.seconds += takes
        try:
            return next(left)
        except StopIteration:
            raise KeyboardInterrupt from None

    return look


class Watched:
    """One watch, and what came of it."""

    def __init__(self, *reports: Report, takes: float = 1.0, json_lines: bool = False, **more: Any) -> None:
        self.clock, self.out = Time(), io.StringIO()
        self.error: DeployError | None = None
        console = Console(stdout=self.out, json_lines=json_lines)
        watch = Watch("http://x", 60.0, console, clock=self.clock, **more)
        try:
            watch.follow(looks(self.clock, *reports, takes=takes))
        except DeployError as error:
            self.error = error

    @property
    def lines(self) -> list[str]:
        return self.out.getvalue().splitlines()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


def test_the_pause_is_from_start_to_start() -> None:
    assert Watched(*[report(A=GOOD)] * 3, takes=10.0).clock.slept == [50.0, 50.0, 50.0]


def test_a_run_that_takes_longer_is_followed_at_once_and_nothing_is_made_up_for() -> None:
    clock, console = Time(), Console(stdout=io.StringIO())
    times = iter([200.0, 10.0, 10.0])

    def look() -> Report:
        try:
            clock.seconds += next(times)
        except StopIteration:
            raise KeyboardInterrupt from None
        return report(A=GOOD)

    Watch("http://x", 60.0, console, clock=clock).follow(look)
    assert clock.slept == [0.0, 50.0, 50.0]


def test_what_it_takes_to_show_a_run_belongs_to_the_pause() -> None:
    clock = Time()

    class SlowTerminal(io.StringIO):
        def write(self, text: str) -> int:
            clock.seconds += 100.0
            return super().write(text)

    watch = Watch("http://x", 60.0, Console(stdout=SlowTerminal(), json_lines=True), clock=clock)
    watch.follow(looks(clock, *[report(A=GOOD)] * 2))
    assert clock.slept == [0.0, 0.0]


def test_ctrl_c_is_the_usual_end_and_a_success_when_the_last_run_was() -> None:
    done = Watched(report(A=BAD), report(A=GOOD))
    assert done.error is None
    assert done.lines[-2:] == [
        "Watched http://x for 2 min: 2 runs, 1 failed",
        "  A the A: failed in 1 of 2 runs",
    ]


def test_ctrl_c_after_a_failed_run_ends_with_4() -> None:
    done = Watched(report(A=GOOD), report(A=BAD))
    assert done.error is not None
    assert done.error.status is ExitStatus.SMOKE_FAILED
    assert done.error.what == "The deployment stopped behaving"


def test_ctrl_c_before_the_first_run_has_ended_is_an_interruption() -> None:
    with pytest.raises(KeyboardInterrupt):
        Watched()


def test_until_failed_ends_at_the_first_failed_run() -> None:
    done = Watched(report(A=GOOD), report(A=BAD), report(A=GOOD), until_failed=True)
    assert done.error is not None and done.error.status is ExitStatus.SMOKE_FAILED
    assert "2 runs, 1 failed" in done.out.getvalue()


def test_until_failed_counts_the_very_first_run_too() -> None:
    done = Watched(report(A=BAD), report(A=GOOD), until_failed=True)
    assert done.error is not None
    assert done.error.what == "The deployment does not behave"
    assert done.clock.slept == []


def test_a_log_has_a_line_for_each_change_and_for_nothing_else() -> None:
    done = Watched(
        report(A=GOOD, B=GOOD), report(A=GOOD, B=BAD), report(A=GOOD, B=BAD), report(A=UNKNOWN, B=GOOD)
    )
    first, *changes = [line[20:] for line in done.lines[1:-2]]
    assert first == "Smoke: 2 passed in 1.0 s at http://x"
    assert changes == [
        "B the B: failed (passed for 60 s before): 500: It broke.",
        "A the A: not checked (passed for 3 min before): too busy",
        "B the B: passed (failed for 2 min before): 200",
    ]


def test_the_first_run_says_what_failed_in_it() -> None:
    assert [line[20:] for line in Watched(report(A=BAD, B=UNKNOWN)).lines[1:3]] == [
        "Smoke: 1 failed, 1 not checked in 1.0 s at http://x",
        "A the A: failed: 500: It broke.",
    ]


def test_programs_get_an_event_for_each_run_and_one_for_the_whole() -> None:
    events = Watched(report(A=GOOD), report(A=BAD), report(A=GOOD), json_lines=True).events
    require_documented(events)
    assert [event["type"] for event in events] == ["smoke.run"] * 3 + ["smoke.watch"]
    assert [event["number"] for event in events[:3]] == [1, 2, 3]
    assert [event["ok"] for event in events] == [True, False, True, True]
    assert [[change["status"] for change in event["changes"]] for event in events[:3]] == [
        [],
        ["failed"],
        ["passed"],
    ]
    assert events[1]["changes"][0]["lasted"] == 60.0
    assert events[-1]["runs"] == 3 and events[-1]["failed_runs"] == 1
    assert events[-1]["checks"][0] | {"title": ""} == {
        "id": "A", "title": "", "status": "passed", "passed": 2, "failed": 1, "not_checked": 0,
    }  # fmt: skip


def drawn(board: Board, lines: int = 50, width: int = 120) -> list[str]:
    out = io.StringIO()
    RichConsole(file=out, width=width).print(board.draw("heading", lines=lines, width=width))
    return out.getvalue().rstrip().splitlines()


def board_of(*reports: Report) -> Board:
    board = Board()
    for number, each in enumerate(reports):
        board.add(each, START + timedelta(minutes=number))
    return board


def test_a_row_shows_its_last_outcomes_and_since_when_it_is_as_it_is() -> None:
    board = board_of(*[report(A=GOOD)] * 2, report(A=BAD), report(A=UNKNOWN), *[report(A=GOOD)] * 2)
    _, row = drawn(board)
    assert "▪▪✗–▪▪" in row
    assert f"since {START.astimezone() + timedelta(minutes=4):%H:%M:%S}" in row


def test_a_row_shows_no_more_than_its_strip() -> None:
    board = board_of(report(A=BAD), *[report(A=GOOD)] * STRIP)
    assert "✗" not in drawn(board)[1]


def test_a_check_that_a_run_did_not_come_to_keeps_its_state() -> None:
    board = board_of(report(A=GOOD), report(B=BAD))
    done = board.add(report(A=GOOD, B=GOOD), START + timedelta(minutes=2))
    assert [(change.id, change.before) for change in done.changes] == [("B", Status.FAILED)]
    _, first, second = drawn(board)
    assert "▪ ▪" in first
    assert "✗▪" in second


def test_a_screen_that_is_too_small_shows_what_failed_first_and_why() -> None:
    results = {f"C{number}": GOOD for number in range(20)} | {"Z": BAD}
    shown = drawn(board_of(report(**results)), lines=8)
    assert len(shown) == 8
    assert shown[1].startswith("Z ")
    assert shown[-2:] == ["… and 16 more", "Z It broke."]


@pytest.mark.parametrize(("width", "strip"), [(60, 12), (80, 12), (120, STRIP), (200, STRIP)])
def test_a_row_is_a_line_with_its_id_and_its_strip_however_narrow_the_terminal(
    width: int, strip: int
) -> None:
    lengthy = passed("a very long value " * 10)
    shown = drawn(board_of(*[report(A=lengthy, B=GOOD)] * STRIP), width=width)
    assert len(shown) == 3
    assert shown[1].startswith("A ")
    assert "▪" * strip in shown[1] and "▪" * (strip + 1) not in shown[1]
    assert "since" in shown[1] and "the A" in shown[1]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0.4 s"), (60, "60 s"), (90, "90 s"), (150, "2 min"), (7300, "2 h 2 min")]
)
def test_a_length_of_time_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert span(seconds) == said
