"""The arithmetic of the edge benchmark: delays, percentiles, and which stream is progressive."""

from __future__ import annotations

import pytest

from tests.benchmarks.edge.client import Arrival
from tests.benchmarks.edge.delays import percentile, progressive, summary

MS = 1_000_000


def stream(*late_ms: int, interval_ms: int = 100) -> list[Arrival]:
    """A stream sent at an even pace, each event so many milliseconds late."""
    sent = [number * interval_ms * MS for number in range(len(late_ms))]
    return [Arrival(at, at + late * MS) for at, late in zip(sent, late_ms, strict=True)]


def test_a_percentile_lies_between_the_values() -> None:
    assert percentile([1, 2, 3, 4], 50) == 2.5
    assert percentile([*map(float, range(101))], 99) == 99
    assert percentile([7], 99) == 7


def test_a_stream_is_progressive_when_each_event_came_before_the_next_was_sent() -> None:
    assert progressive(stream(1, 99, 5))
    assert not progressive(stream(1, 100, 5)), "the second arrived with the third"


def test_the_last_event_has_none_to_be_held_back_for() -> None:
    assert progressive(stream(1, 1, 500))


def test_a_stream_that_came_in_one_piece_at_its_end_is_not_progressive() -> None:
    assert not progressive(stream(200, 100, 0))


def test_a_stream_without_events_is_not_progressive() -> None:
    assert not progressive([])


def test_delays_of_all_streams_are_summed_up_together() -> None:
    found = summary([stream(1, 3), stream(200, 2)])

    assert found["p50_ms"] == pytest.approx(2.5)
    assert found["progressive"] == 50
