from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.smoke.stream.figures import Figures, figures, summary
from scripts.smoke.stream.recording import Read, Recording, Stall
from scripts.smoke.stream.sender import stamp
from scripts.smoke.stream.sse import Event
from tests.unit.smoke.stream.made import COUNT, INTERVAL, PROGRESSIVE, recording


def of(taken: Recording, interval: float | None = INTERVAL) -> Figures:
    return figures(taken.only("chunk"), interval=interval, sent_at=stamp)


def test_the_figures_are_those_of_the_recording() -> None:
    measured = of(recording([0.1, 0.2, 0.3, 0.4, 0.8], end=1.0))
    assert (measured.events, measured.size, measured.reads, measured.read_size) == (5, 250, 5, 50)
    assert (measured.to_headers, measured.to_first_byte, measured.to_first_event) == (0.02, 0.1, 0.1)
    assert measured.gap_min == pytest.approx(0.1)
    assert measured.gap_median == pytest.approx(0.1)
    assert measured.gap_p95 == measured.gap_max == pytest.approx(0.4)
    assert measured.spread == pytest.approx(0.7)
    assert measured.silence == pytest.approx(0.4)
    assert measured.total == 1.0
    assert (measured.bursts, measured.largest_burst, measured.burst_share) == (5, 1, 0)


def test_the_95th_percentile_leaves_one_gap_of_twenty_out() -> None:
    measured = of(recording([float(i) for i in range(20)] + [30.0]), None)
    assert (measured.gap_p95, measured.gap_max) == (1.0, 11.0)


def test_the_share_in_bursts_counts_every_event_that_did_not_come_alone() -> None:
    measured = of(recording([0.1, 0.1, 0.5, 0.9, 0.9, 0.9, 1.3, 1.7]))
    assert (measured.bursts, measured.largest_burst, measured.burst_share) == (5, 3, 5 / 8)


def test_jitter_is_how_much_the_time_between_two_events_changed_on_the_way() -> None:
    # 30 ms too late every second time: each time between two events changes by 30 ms.
    late = [at + (0.03 if i % 2 else 0) for i, at in enumerate(PROGRESSIVE)]
    assert of(recording(PROGRESSIVE)).jitter == pytest.approx(0, abs=1e-9)
    assert of(recording(late)).jitter == pytest.approx(0.03)


def test_jitter_goes_by_the_senders_own_times_where_the_events_tell_them() -> None:
    taken = recording(PROGRESSIVE)
    assert of(taken, 0.05).jitter == pytest.approx(0, abs=1e-9)
    assert figures(taken.only("chunk"), interval=0.05).jitter == pytest.approx(0.05)


def test_without_a_cadence_there_is_no_jitter() -> None:
    assert figures(recording(PROGRESSIVE).only("chunk")).jitter is None
    assert "jitter_ms" not in summary(figures(recording(PROGRESSIVE).only("chunk")))


def test_blocks_are_measured_in_bytes() -> None:
    measured = of(recording([0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.5]))
    assert (measured.block_size, measured.even_blocks) == (150, True)


def test_blocks_of_several_sizes_are_not_even() -> None:
    assert not of(recording([0.5, 0.5, 1.0, 1.0, 1.0, 1.5])).even_blocks


def test_what_ends_in_the_middle_of_an_event_is_torn() -> None:
    reads = tuple(Read(i * 0.2, 64, whole=i % 2 == 1) for i in range(9))
    assert of(replace(recording(PROGRESSIVE), reads=reads)).torn == pytest.approx(5 / 8, abs=0.13)


def test_an_event_whose_rest_waited_for_us_is_not_torn() -> None:
    reads = (Read(0.1, 64, whole=False), Read(0.5, 64))
    taken = replace(recording(PROGRESSIVE), reads=reads)
    assert of(taken).torn == 1
    assert of(replace(taken, stalls=(Stall(0.11, 0.5),))).torn == 0


def test_the_time_an_event_was_held_back_needs_no_common_clock() -> None:
    late = recording([3.0] * COUNT)
    assert of(late).held == pytest.approx(1.9)
    assert of(recording(PROGRESSIVE)).held == pytest.approx(0, abs=1e-9)
    assert figures(late.only("chunk")).held is None


def test_an_empty_recording_has_figures_too() -> None:
    measured = of(recording([], end=0.4))
    assert (measured.events, measured.to_first_byte, measured.to_first_event) == (0, 0.4, 0.4)
    assert summary(measured)["total_ms"] == 400.0


@pytest.mark.parametrize("data", ["", "OK", "[]", "{}", '{"sent_ms": null}'])
def test_an_event_that_does_not_say_when_it_was_sent_is_not_guessed_at(data: str) -> None:
    assert stamp(Event("chunk", data)) is None


def test_events_of_one_type_can_be_looked_at_alone() -> None:
    assert len(recording(PROGRESSIVE, pings=[0.3, 0.4]).only("chunk").arrivals) == COUNT
