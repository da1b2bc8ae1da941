"""Figures and verdicts on recordings made by hand: no clock, no network."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from scripts.smoke.sse import Event
from scripts.smoke.timing import (
    Arrival,
    Read,
    Recording,
    Stall,
    Verdict,
    figures,
    judge,
    sent_ms,
    summary,
    timeline,
)

INTERVAL = 0.1
COUNT = 20


def recording(
    times: Sequence[float], *, fault: str = "", end: float | None = None, stalls: Sequence[Stall] = ()
) -> Recording:
    return Recording(
        status=200,
        headers=(("content-type", "text/event-stream"),),
        headers_at=0.02,
        reads=tuple(Read(at, 50) for at in times),
        arrivals=tuple(
            Arrival(at, Event("chunk", json.dumps({"sent_ms": i * INTERVAL * 1000})))
            for i, at in enumerate(times)
        ),
        ended_at=end if end is not None else (times[-1] if times else 0.0) + 0.01,
        head=b"",
        fault=fault,
        stalls=tuple(stalls),
    )


def verdict(
    times: Sequence[float],
    *,
    fault: str = "",
    interval: float | None = INTERVAL,
    stalls: Sequence[Stall] = (),
) -> Verdict:
    taken = recording(times, fault=fault, stalls=stalls)
    return judge(taken, figures(taken, interval=interval), interval=interval)


PROGRESSIVE = [0.05 + i * INTERVAL for i in range(COUNT)]


def test_events_at_the_senders_pace_are_progressive() -> None:
    assert verdict(PROGRESSIVE) is Verdict.PROGRESSIVE


def test_jitter_of_half_an_interval_is_still_progressive() -> None:
    assert verdict([at + (0.04 if i % 2 else 0) for i, at in enumerate(PROGRESSIVE)]) is Verdict.PROGRESSIVE


def test_two_events_that_met_on_the_way_do_not_make_a_buffer() -> None:
    assert verdict([*PROGRESSIVE[:5], PROGRESSIVE[5] + 0.095, *PROGRESSIVE[6:]]) is Verdict.PROGRESSIVE


def test_a_slow_start_alone_is_progressive_because_it_says_nothing_about_buffers() -> None:
    assert verdict([at + 5 for at in PROGRESSIVE]) is Verdict.PROGRESSIVE


def test_everything_at_the_end_is_buffered_whole() -> None:
    assert verdict([2.0 + i * 1e-5 for i in range(COUNT)]) is Verdict.WHOLE


def test_all_but_one_at_the_end_is_buffered_whole() -> None:
    assert verdict([0.05, *[2.0] * (COUNT - 1)]) is Verdict.WHOLE


@pytest.mark.parametrize("size", [2, 4, 7])
def test_groups_of_several_events_are_blocks(size: int) -> None:
    assert verdict([(i // size + 1) * size * INTERVAL for i in range(COUNT)]) is Verdict.BLOCKS


def test_one_large_burst_at_the_start_is_a_block() -> None:
    assert verdict([0.8] * 8 + PROGRESSIVE[8:]) is Verdict.BLOCKS


def test_a_replay_at_a_faster_pace_is_held_back() -> None:
    assert verdict([1.5 + i * 0.03 for i in range(COUNT)]) is Verdict.SQUEEZED


def seen_by_a_process_that_stood_still(times: Sequence[float], *stalls: Stall) -> list[float]:
    """What arrives during a stall is read at its end."""
    return [next((s.end for s in stalls if s.start <= at <= s.end), at) for at in times]


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.7, 0.9])
@pytest.mark.parametrize("start", [0.0, 0.42, 1.0])
def test_a_stall_of_ours_is_no_fault_of_the_deployment(start: float, seconds: float) -> None:
    stall = Stall(start, start + seconds)
    times = seen_by_a_process_that_stood_still(PROGRESSIVE, stall)
    assert verdict(times, stalls=[stall]) is Verdict.PROGRESSIVE


def test_many_short_stalls_are_no_fault_either() -> None:
    stalls = [Stall(0.4 * i + 0.1, 0.4 * i + 0.4) for i in range(5)]
    times = seen_by_a_process_that_stood_still(PROGRESSIVE, *stalls)
    assert verdict(times) is Verdict.BLOCKS
    assert verdict(times, stalls=stalls) is Verdict.UNSURE
    assert verdict([*times[:8], *PROGRESSIVE[8:]], stalls=stalls[:2]) is Verdict.PROGRESSIVE


def test_a_stall_that_hides_most_of_the_stream_leaves_nothing_to_judge() -> None:
    stall = Stall(0.1, 1.9)
    times = seen_by_a_process_that_stood_still(PROGRESSIVE, stall)
    assert verdict(times) is not Verdict.PROGRESSIVE
    assert verdict(times, stalls=[stall]) is Verdict.UNSURE


@pytest.mark.parametrize("seconds", [0.02, 0.2, 1.0])
def test_a_stall_excuses_no_more_events_than_were_sent_in_its_time(seconds: float) -> None:
    assert verdict([2.0] * COUNT, stalls=[Stall(2.0 - seconds, 2.0)]) is Verdict.WHOLE


def test_blocks_are_found_beside_a_stall() -> None:
    blocks = [(i // 4 + 1) * 4 * INTERVAL for i in range(COUNT)]
    assert verdict(blocks, stalls=[Stall(0.7, 0.8)]) is Verdict.BLOCKS


def test_a_broken_connection_outweighs_everything_else() -> None:
    assert verdict([2.0] * COUNT, fault="the connection broke") is Verdict.CUT


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_handful_of_events_is_not_judged(count: int) -> None:
    assert verdict(PROGRESSIVE[:count]) is Verdict.TOO_FEW


def test_without_an_interval_ten_milliseconds_part_a_burst() -> None:
    assert verdict([i * 0.02 for i in range(COUNT)], interval=None) is Verdict.PROGRESSIVE
    assert verdict([i * 0.002 for i in range(COUNT)], interval=None) is Verdict.WHOLE


def test_the_figures_are_those_of_the_recording() -> None:
    measured = figures(recording([0.1, 0.2, 0.3, 0.4, 0.8], end=1.0), interval=INTERVAL)
    assert measured.events == 5
    assert measured.size == 250
    assert (measured.to_headers, measured.to_first_byte, measured.to_first_event) == (0.02, 0.1, 0.1)
    assert measured.gap_min == pytest.approx(0.1)
    assert measured.gap_median == pytest.approx(0.1)
    assert measured.gap_p95 == measured.gap_max == pytest.approx(0.4)
    assert measured.spread == pytest.approx(0.7)
    assert measured.total == 1.0
    assert measured.bursts == 5
    assert measured.burst_share == pytest.approx(0.2)


def test_the_95th_percentile_leaves_one_gap_of_twenty_out() -> None:
    times = [float(i) for i in range(20)] + [30.0]
    measured = figures(recording(times))
    assert (measured.gap_p95, measured.gap_max) == (1.0, 11.0)


def test_blocks_are_measured_in_bytes() -> None:
    assert figures(recording([0.5, 0.5, 0.5, 1.0, 1.0, 1.0]), interval=INTERVAL).block_size == 150


def test_the_time_an_event_was_held_back_needs_no_common_clock() -> None:
    late = recording([3.0] * COUNT)
    assert figures(late, interval=INTERVAL, sent_at=sent_ms).held == pytest.approx(1.9)
    assert figures(recording(PROGRESSIVE), sent_at=sent_ms).held == pytest.approx(0, abs=1e-9)
    assert figures(late).held is None


def test_an_empty_recording_has_figures_too() -> None:
    measured = figures(recording([], end=0.4))
    assert (measured.events, measured.to_first_byte, measured.to_first_event) == (0, 0.4, 0.4)
    assert summary(measured)["total_ms"] == 400.0


@pytest.mark.parametrize("data", ["", "OK", "[]", "{}", '{"sent_ms": null}'])
def test_an_event_that_does_not_say_when_it_was_sent_is_not_guessed_at(data: str) -> None:
    assert sent_ms(Event("chunk", data)) is None


def test_events_of_one_type_can_be_looked_at_alone() -> None:
    taken = recording(PROGRESSIVE)
    mixed = Recording(**{**vars(taken), "arrivals": (*taken.arrivals, Arrival(3.0, Event("ping", "1")))})
    assert len(mixed.only("chunk").arrivals) == COUNT


def test_the_timeline_shows_where_the_events_fell() -> None:
    assert timeline(recording([0.05, 0.55, 0.56, 1.0], end=1.0), width=10) == "1····2···1"
    assert timeline(recording([1.0] * 12, end=1.0), width=5) == "····#"
