"""What is drawn of a stream: when events were due, where gaps and bursts are. Milliseconds throughout."""

from __future__ import annotations

import math
from typing import Any

import pytest

from scripts.smoke.report.stream import Span, Stream
from tests.unit.smoke.reports import COUNT, INTERVAL, on_time, stream


def of(arrivals: list[float], **more: Any) -> Stream:
    made = Stream.of(stream(arrivals, **more))
    assert made is not None
    return made


def test_details_without_arrivals_are_no_stream() -> None:
    assert Stream.of({"seconds": 1.0}) is None
    assert Stream.of({"arrivals_ms": "many"}) is None


def test_a_stream_at_the_senders_pace_has_neither_gap_nor_burst_nor_anything_missing() -> None:
    drawn = of(on_time())
    assert drawn.expected == tuple(on_time())
    assert (drawn.gaps, drawn.bursts, drawn.missing, drawn.cut_at) == ((), (), (), None)


def test_events_are_due_when_they_would_have_come_as_fast_as_the_fastest() -> None:
    slowed = [at + (30 if n % 2 else 0) for n, at in enumerate(on_time())]
    assert of(slowed).expected == tuple(on_time())


def test_what_the_sender_says_goes_before_its_interval() -> None:
    sent = [0.0, 100.0, 900.0, 1000.0]
    drawn = of([50.0, 150.0, 950.0, 1050.0], sent_ms=sent, expected=4)
    assert drawn.expected == (50.0, 150.0, 950.0, 1050.0)
    assert drawn.gaps == ()


def test_a_stream_buffered_whole_is_one_gap_and_one_burst() -> None:
    drawn = of([2000.0 + n / 100 for n in range(COUNT)])
    assert drawn.expected[0] == pytest.approx(2000 - (COUNT - 1) * INTERVAL, abs=1)
    assert [(gap.start, gap.end) for gap in drawn.gaps] == [(drawn.expected[0], 2000.0)]
    assert [burst.events for burst in drawn.bursts] == [COUNT]


def test_each_block_is_a_burst_with_a_gap_before_it() -> None:
    drawn = of([(n // 5 + 1) * 500.0 for n in range(COUNT)])
    assert drawn.bursts == tuple(Span(at, at, 5) for at in (500.0, 1000.0, 1500.0, 2000.0))
    assert [gap.end for gap in drawn.gaps] == [500.0, 1000.0, 1500.0, 2000.0]


def test_one_late_event_is_no_gap() -> None:
    late = on_time()
    late[7] += 95
    assert of(late).gaps == ()


def test_events_that_the_sender_sent_together_are_no_burst() -> None:
    together = [0.0, 1.0, 2.0, 1000.0]
    assert of([40 + at for at in together], sent_ms=together, expected=4).bursts == ()


def test_after_a_cut_the_missing_events_stay_due_and_the_silence_is_a_gap() -> None:
    drawn = of(on_time(8), total_ms=1500.0)
    assert len(drawn.missing) == COUNT - 8
    assert drawn.cut_at == 1500.0
    assert drawn.gaps == (Span(740.0, 1500.0),)
    assert drawn.end == on_time()[-1]


def test_a_heartbeat_ends_a_gap() -> None:
    drawn = of(on_time(8), total_ms=1500.0, heartbeats_ms=[1100.0])
    assert drawn.gaps == (Span(740.0, 1100.0), Span(1100.0, 1500.0))


def test_without_a_cadence_nothing_is_due_and_no_gap_is_claimed() -> None:
    drawn = of([0.0, 5000.0], interval_ms=None, expected=None)
    assert (drawn.expected, drawn.gaps) == ((), ())


def test_what_is_sent_as_fast_as_it_goes_has_neither_gaps_nor_bursts() -> None:
    drawn = of(
        [10.0] * 50 + [500.0] * 50, sent_ms=[n / 10 for n in range(100)], interval_ms=0.0, expected=100
    )
    assert (len(drawn.expected), drawn.gaps, drawn.bursts) == (100, (), ())


def test_events_beyond_those_expected_are_drawn_without_being_due() -> None:
    drawn = of(on_time(COUNT + 2))
    assert (len(drawn.seen), len(drawn.expected), drawn.missing) == (COUNT + 2, COUNT, ())


def test_the_milestones_come_in_the_order_of_time() -> None:
    assert of(on_time()).milestones == (("headers", 30.0), ("first byte", 35.0), ("first event", 40.0))


def test_stalls_of_the_measuring_machine_are_known_when_they_can_have_made_a_burst() -> None:
    assert of(on_time(), stalls_ms=[[10.0, 35.0], [50.0, 60.0], [1], "x"]).stalls == (Span(10.0, 35.0),)


@pytest.mark.parametrize("arrivals", [[], [0.0], [math.nan, math.inf, "x", None, True]])
def test_nothing_worth_drawing_can_be_drawn_all_the_same(arrivals: list[Any]) -> None:
    drawn = Stream.of({"arrivals_ms": arrivals})
    assert drawn is not None
    assert drawn.end > 0
