from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from scripts.smoke.stream.figures import figures
from scripts.smoke.stream.recording import Read, Stall
from scripts.smoke.stream.sender import stamp
from scripts.smoke.stream.verdict import Verdict, held_limit, judge
from tests.unit.smoke.stream.made import COUNT, INTERVAL, PROGRESSIVE, recording


def verdict(
    times: Sequence[float],
    *,
    fault: str = "",
    interval: float | None = INTERVAL,
    stalls: Sequence[Stall] = (),
) -> Verdict:
    taken = recording(times, fault=fault, stalls=stalls).only("chunk")
    return judge(taken, figures(taken, interval=interval), interval=interval)


def by_stamps(
    times: Sequence[float],
    *,
    headers_at: float = 0.02,
    stalls: Sequence[Stall] = (),
    interval: float | None = INTERVAL,
) -> Verdict:
    """The verdict on events that say when they were sent."""
    taken = recording(times, headers_at=headers_at, stalls=stalls).only("chunk")
    measured = figures(taken, interval=interval, sent_at=stamp)
    return judge(taken, measured, interval=interval, sent_at=stamp)


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


def test_pairs_are_blocks_also_when_some_events_fall_out_of_step() -> None:
    pairs = [(i // 2 + 1) * 2 * INTERVAL for i in range(COUNT)]
    assert verdict([0.1, *(at + 0.1 for at in pairs[:-1])]) is Verdict.BLOCKS
    assert (
        verdict([0.1, *(at + 0.1 for at in pairs[:10]), *(at + 0.2 for at in pairs[11:]), 2.5])
        is Verdict.BLOCKS
    )


def test_half_of_the_events_in_pairs_is_a_network_and_no_buffer() -> None:
    pairs = [(i // 2 + 1) * 2 * INTERVAL for i in range(COUNT)]
    assert verdict([*pairs[:10], *(at + 0.1 for at in PROGRESSIVE[10:])]) is Verdict.PROGRESSIVE


def test_a_burst_of_a_quarter_of_the_events_is_a_block() -> None:
    assert verdict([0.45] * 5 + PROGRESSIVE[5:]) is Verdict.BLOCKS
    assert verdict([0.35] * 4 + PROGRESSIVE[4:]) is Verdict.PROGRESSIVE


def test_one_large_burst_at_the_start_is_a_block() -> None:
    assert verdict([0.8] * 8 + PROGRESSIVE[8:]) is Verdict.BLOCKS


def test_a_replay_at_a_faster_pace_is_held_back() -> None:
    assert verdict([1.5 + i * 0.03 for i in range(COUNT)]) is Verdict.SQUEEZED


HELD = {
    "four events that waited for the next ones": [
        *PROGRESSIVE[:5], *(max(at, 1.25 + i * 0.03) for i, at in enumerate(PROGRESSIVE[5:])),
    ],
    "all of them on a delay line": [at + 2.5 for at in PROGRESSIVE],
    "the first one, and the others at half the pace between them": [
        1.0 + i * INTERVAL * 0.52 for i in range(COUNT)
    ],
}  # fmt: skip


@pytest.mark.parametrize("times", HELD.values(), ids=HELD)
def test_events_that_waited_on_the_way_are_held_back_though_they_come_one_by_one(
    times: Sequence[float],
) -> None:
    assert verdict(times) is Verdict.PROGRESSIVE  # Nothing but the stamps shows it.
    assert by_stamps(times) is Verdict.HELD


def test_a_network_that_delays_everything_alike_holds_nothing_back() -> None:
    assert by_stamps([at + 2.5 for at in PROGRESSIVE], headers_at=2.52) is Verdict.PROGRESSIVE


def test_a_pause_of_a_network_within_the_limit_holds_nothing_back() -> None:
    assert held_limit(INTERVAL) == 0.5 and held_limit(1.0) == 5
    paused = [max(at, 0.95) if 0.5 <= at < 0.6 else at for at in PROGRESSIVE]
    assert by_stamps(paused) is Verdict.PROGRESSIVE


def test_events_that_are_not_sent_apart_are_not_judged_by_their_stamps() -> None:
    assert by_stamps([at + 2.5 for at in PROGRESSIVE], interval=None) is Verdict.PROGRESSIVE


def test_what_was_held_in_a_stall_of_ours_was_not_held_on_the_way() -> None:
    stall = Stall(0.4, 1.1)
    times = seen_by_a_process_that_stood_still(PROGRESSIVE, stall)
    assert by_stamps(times, stalls=[stall]) is Verdict.PROGRESSIVE


def test_what_was_held_no_longer_than_this_machine_stood_still_is_not_judged() -> None:
    # The sender, or the local edge, may be on the machine that stood still.
    late = [*PROGRESSIVE[:10], *(at + 0.7 for at in PROGRESSIVE[10:])]
    assert by_stamps(late) is Verdict.HELD
    assert by_stamps(late, stalls=[Stall(1.0, 1.3)]) is Verdict.UNSURE
    assert by_stamps(late, stalls=[Stall(1.0, 1.1)]) is Verdict.HELD


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


def test_pieces_of_one_size_that_end_in_the_middle_of_events_are_blocks() -> None:
    # A buffer of one and a half events: never two in one burst, and yet something holds bytes back.
    reads = tuple(Read(at, 75, whole=i % 2 == 1) for i, at in enumerate(PROGRESSIVE))
    taken = replace(recording(PROGRESSIVE), reads=reads).only("chunk")
    assert judge(taken, figures(taken, interval=INTERVAL), interval=INTERVAL) is Verdict.BLOCKS


def test_an_event_that_comes_byte_by_byte_is_whole_when_its_bytes_come_close_together() -> None:
    reads = tuple(Read(at + n * 0.001, 1, whole=n == 49) for at in PROGRESSIVE for n in range(50))
    taken = replace(recording(PROGRESSIVE), reads=reads).only("chunk")
    assert judge(taken, figures(taken, interval=INTERVAL), interval=INTERVAL) is Verdict.PROGRESSIVE
