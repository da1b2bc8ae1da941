"""The timeline as text."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.smoke.report.axis import steps
from scripts.smoke.report.stream import Stream
from scripts.smoke.report.timeline import ASCII, block, legend, lines
from tests.unit.smoke.reports import on_time, stream


def drawn(arrivals: list[float], width: int = 106, **more: Any) -> list[str]:
    made = Stream.of(stream(arrivals, **more))
    assert made is not None
    return lines(made, width)


def test_what_was_due_stands_over_what_came_and_the_axis_under_both() -> None:
    due, came, rule, labels = drawn(on_time())
    assert (due.count("╷"), came.count("│")) == (20, 20)
    assert due.startswith("due") and came.startswith("came")
    assert due.index("╷") == came.index("│")
    assert rule.count("┴") == len(labels.replace(" s", "").split())
    assert labels.split()[0] == "0" and labels.endswith("s")


def test_a_burst_is_a_number_and_what_came_before_it_a_gap() -> None:
    _, came, *_ = drawn([(n // 5 + 1) * 500.0 for n in range(20)])
    assert [sign for sign in came[6:] if sign.isdigit()] == ["5"] * 4
    assert came.count("╌") > 40
    _, whole, *_ = drawn([2000.0] * 20)
    assert whole.endswith("╌#")


def test_heartbeats_and_the_end_of_a_cut_stream_are_marked() -> None:
    _, came, *_ = drawn(on_time(8), total_ms=1500.0, heartbeats_ms=[1000.0])
    assert came.index("│") < came.index("◇") < came.index("×") == len(came) - 1


@pytest.mark.parametrize("width", [40, 80, 120, 1000])
def test_no_line_is_wider_than_there_is_room(width: int) -> None:
    made = Stream.of(stream(on_time(8), total_ms=1500.0, heartbeats_ms=[1000.0]))
    assert made is not None
    assert max(map(len, block([("SC-004 with a title that is rather long " * 3, made)], width))) <= width


def test_on_a_terminal_too_narrow_for_anything_it_is_still_drawn() -> None:
    assert len(drawn(on_time(), 3)) == 4


def test_the_signs_need_no_unicode_where_there_is_none() -> None:
    made = Stream.of(stream(on_time(8), total_ms=1500.0, heartbeats_ms=[1000.0]))
    assert made is not None
    text = "\n".join(block([("SC-004", made)], 80, ASCII))
    assert text.isascii()
    for meaning in ("| an event", "o a heartbeat", "x ended too early"):
        assert meaning in " ".join(text.split())


def test_the_legend_explains_only_what_is_there() -> None:
    made = Stream.of(stream(on_time()))
    assert made is not None
    assert legend([made]) == "│ an event (2–9, #: several at once)"


@pytest.mark.parametrize(
    ("end", "most", "labels"),
    [
        (3940, 9, ["0", "0.5", "1", "1.5", "2", "2.5", "3", "3.5 s"]),
        (3940, 5, ["0", "1", "2", "3 s"]),
        (90_000, 10, ["0", "10", "20", "30", "40", "50", "60", "70", "80", "90 s"]),
        (45, 6, ["0", "10", "20", "30", "40 ms"]),
        (1000, 3, ["0", "0.5", "1 s"]),
        (1, 1, ["0", "1 ms"]),
    ],
)
def test_the_axis_has_round_steps(end: float, most: int, labels: list[str]) -> None:
    assert [label for _, label in steps(end, most=most)] == labels
