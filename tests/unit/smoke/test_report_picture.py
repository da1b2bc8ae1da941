"""Where the parts of the SVG lie."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from scripts.smoke.report.picture import NARROW, WIDE, Picture, Scale, columns, describe, milestones
from scripts.smoke.report.stream import Stream
from tests.unit.smoke.reports import COUNT, on_time, stream

SCALE = Scale(1000.0, 40.0, 240.0)


def picture(arrivals: list[float], width: float = WIDE, **more: Any) -> Picture:
    made = Stream.of(stream(arrivals, **more))
    assert made is not None
    return Picture.of(made, width)


def test_moments_lie_between_the_edges_in_proportion() -> None:
    assert [SCALE.x(at) for at in (0, 250, 500, 1000)] == [40.0, 90.0, 140.0, 240.0]


def test_a_moment_outside_of_the_axis_is_put_on_its_edge() -> None:
    assert (SCALE.x(-5), SCALE.x(2000)) == (40.0, 240.0)


def test_events_apart_are_marks_of_the_same_height() -> None:
    drawn = list(columns([0, 500, 1000], SCALE))
    assert [column.x for column in drawn] == [40.0, 140.0, 240.0]
    assert len({column.height for column in drawn}) == 1


def test_events_that_would_touch_are_one_mark_that_is_higher() -> None:
    alone, many = columns([0, 500, 501, 502], SCALE)
    assert many.height > alone.height


def test_ten_thousand_events_are_no_more_marks_than_there_is_room_for() -> None:
    drawn = picture([n / 10 for n in range(10_000)], interval_ms=None, expected=None)
    assert 0 < len(drawn.seen) < WIDE / 2


def test_each_event_has_a_line_from_when_it_was_due_to_when_it_came() -> None:
    links = picture([2000.0] * COUNT).links
    assert len(links) == COUNT
    assert len({came for _, came in links}) == 1
    assert [due for due, _ in links] == sorted({due for due, _ in links})


def test_many_events_have_no_lines_because_they_would_be_one_block() -> None:
    assert picture(on_time(500), expected=500).links == ()


def test_lanes_that_hold_nothing_are_left_out() -> None:
    full = picture(on_time(), heartbeats_ms=[100.0])
    assert full.due_y is not None and full.beat_y is not None
    assert full.due_y < full.seen_y < full.beat_y < full.axis_y < full.height
    bare = picture(on_time(), interval_ms=None, expected=None)
    assert (bare.due_y, bare.beat_y) == (None, None)
    assert bare.height < full.height


def test_a_gap_is_a_box_over_its_time_with_its_length_in_it() -> None:
    (gap,) = picture([2000.0] * COUNT).gaps
    assert gap.width > WIDE / 2
    assert gap.label is not None and gap.label.text == "1.90 s"
    assert gap.x < gap.label.x < gap.x + gap.width


def test_a_box_too_narrow_for_its_label_has_none() -> None:
    blocks = [(n // 5 + 1) * 500.0 for n in range(COUNT)]
    assert all(gap.label for gap in picture(blocks).gaps)
    assert not any(gap.label for gap in picture(blocks, 160.0).gaps)


def test_labels_of_bursts_are_shorter_rather_than_over_each_other() -> None:
    blocks = [(n // 4 + 1) * 400.0 for n in range(COUNT)]
    assert [b.label.text for b in picture(blocks).bursts if b.label] == ["4 at once"] * 5
    assert [b.label.text for b in picture(blocks, NARROW).bursts if b.label] == ["×4"] * 5


def test_milestones_that_would_overlap_share_a_label() -> None:
    near = list(milestones([("headers", 10), ("first byte", 20), ("first event", 900)], SCALE))
    assert [label.text for label in near] == ["headers, first byte", "first event"]
    assert [label.anchor for label in near] == ["start", "end"]


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize(
    "arrivals", [on_time(), [2000.0] * COUNT, [(n // 5 + 1) * 500.0 for n in range(COUNT)], on_time(3), []]
)
def test_nothing_lies_outside_of_the_picture(arrivals: list[float], width: float) -> None:
    drawn = picture(arrivals, width, heartbeats_ms=[50.0], stalls_ms=[[10.0, 50.0]])
    boxes = (*drawn.gaps, *drawn.bursts, *drawn.stalls)
    marks = [column.x for column in (*drawn.due, *drawn.missing, *drawn.seen)]
    xs = [*marks, *drawn.beats, *drawn.pins, *(b.x for b in boxes), *(b.x + b.width for b in boxes)]
    assert all(0 <= x <= width for x in xs)
    assert all(earlier.x <= later.x for earlier, later in pairwise(drawn.ticks))


def test_the_picture_is_also_told_in_words() -> None:
    made = Stream.of(stream(on_time(8), total_ms=1500.0, heartbeats_ms=[1100.0], stalls_ms=[[1, 51]]))
    assert made is not None
    assert describe(made) == (
        "8 events of 20 that were due came within 1.50 s. Headers after 30 ms. First byte after 35 ms. "
        "First event after 40 ms. 2 gaps; the longest lasts 400 ms, from 1.10 s. 1 heartbeat. "
        "The measuring machine itself stood still for 50 ms in all."
    )
