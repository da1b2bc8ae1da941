"""What explains a stream, on recordings made by hand; the integration tests provoke the causes."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.smoke.deployed import Deployed
from scripts.smoke.stream.assessment import Assessment, assess
from scripts.smoke.stream.recording import Recording, Stall
from scripts.smoke.stream.sender import STREAM_LIMIT, TIME_IS_UP, Sender
from tests.unit.smoke.stream.made import COUNT, INTERVAL, PROGRESSIVE, SENDER, recording

DEPLOYED = Deployed(
    endpoint_type="REGIONAL",
    origin_read_timeout=60,
    integration_timeout=900,
    function_timeout=120,
    heartbeat=15,
)
BLOCKS = [(i // 4 + 1) * 4 * INTERVAL for i in range(COUNT)]


def cause(taken: Recording, sender: Sender = SENDER, deployed: Deployed | None = DEPLOYED) -> str:
    return assess(taken, sender, deployed).cause.name


def text(taken: Recording, sender: Sender = SENDER, deployed: Deployed | None = DEPLOYED) -> str:
    return assess(taken, sender, deployed).cause.text


def cut(seconds: float, **more: str) -> Recording:
    """Five events, and then nothing for so long."""
    return recording(
        PROGRESSIVE[:5], done=False, end=PROGRESSIVE[4] + seconds, fault="the connection broke", **more
    )


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (recording(PROGRESSIVE), "progressive"),
        (recording([2.0] * COUNT), "buffered_whole"),
        (recording(BLOCKS), "buffered_blocks"),
        (recording([1.5 + i * 0.03 for i in range(COUNT)]), "squeezed"),
        (recording(PROGRESSIVE, content_encoding="gzip"), "compressed"),
        (recording(PROGRESSIVE, comments=3), "heartbeat_comments"),
        (recording([at + 5 for at in PROGRESSIVE], headers_at=5), "late_headers"),
        (recording([at + 2.5 for at in PROGRESSIVE]), "held_back"),
        (recording([2.0] * COUNT, stalls=[Stall(0, 2.0)]), "unsure"),
        (recording(PROGRESSIVE[:5], done=False), "ended_early"),
        (recording(PROGRESSIVE, done=False), "ended_early"),
        (cut(3), "cut_unknown"),
        (cut(60), "cut_origin_response"),
        (cut(300), "cut_gateway_idle"),
        (replace(cut(42), gave_up=True, fault="still open after 42 s"), "cut_client"),
    ],
)
def test_every_stream_has_one_cause(taken: Recording, expected: str) -> None:
    assert cause(taken) == expected


def test_a_late_stream_that_comes_in_one_burst_is_buffered_and_not_a_cold_start() -> None:
    assert cause(recording([9.0] * COUNT)) == "buffered_whole"


def test_a_response_that_ends_properly_when_a_timeout_has_passed_was_cut_by_it() -> None:
    taken = recording(PROGRESSIVE[:5], done=False, end=PROGRESSIVE[4] + 60.2)
    assert cause(taken) == "cut_origin_response"
    assert "no error on the connection" in text(taken)


def test_a_cut_is_told_with_its_silence_the_timeout_and_where_it_is_set() -> None:
    said = text(cut(60))
    assert "cut after 5 of 20 events and 60.5 s, 60.0 s of them silent: the connection broke" in said
    assert "That is CloudFront's origin response timeout (60 s)." in said
    assert "Raise origin_read_timeout" in said


def test_where_not_all_timeouts_are_known_none_is_ruled_out() -> None:
    assert "No timeout of the deployment is near that." in text(cut(7))
    assert "not all that are deployed are known" in text(cut(7), deployed=None)


def test_a_function_that_starts_cold_every_time_is_told_by_the_handler() -> None:
    late = recording([at + 5 for at in PROGRESSIVE], headers_at=5, x_environment_invocations="1")
    assert "The handler says that its environment was new." in text(late)
    slow = replace(late, headers=(), connected_at=4.2)
    assert "the headers after 5.0 s, the connection after 4.2 s." in text(slow)


def test_a_late_first_event_is_told_from_late_headers_where_no_stamp_says_more() -> None:
    untold = replace(SENDER, sent_at=lambda event: None)
    assert cause(recording([at + 5 for at in PROGRESSIVE]), untold) == "late_first_event"


def test_the_other_timeouts_that_fit_are_told_too() -> None:
    both = replace(DEPLOYED, function_timeout=60)
    assert "It may also be" in text(cut(60), deployed=both)


def test_the_handlers_last_word_is_passed_on() -> None:
    taken = recording(PROGRESSIVE[:5], done=False, said='{"text": "LibreChat failed to answer"}')
    assert cause(taken) == "ended_early"
    assert 'The handler\'s last word: "LibreChat failed to answer".' in text(taken)
    assert 'word: "plain"' in text(recording(PROGRESSIVE[:5], done=False, said="plain"))


def ends_at(seconds: float, word: str) -> Recording:
    """An event every 10 s until the handler says a last word."""
    times = [i * 10 + 0.1 for i in range(math.ceil(seconds / 10))]
    return recording(times, done=False, end=seconds, said=json.dumps({"text": word}), interval=10)


def test_a_handler_that_says_that_its_time_is_up_is_believed_where_no_clock_speaks_against_it() -> None:
    slow = replace(SENDER, interval=10)
    assert cause(ends_at(118.2, TIME_IS_UP), slow) == "cut_function"
    assert cause(ends_at(100.2, TIME_IS_UP), slow) == "ended_early"
    assert TIME_IS_UP in text(ends_at(100.2, TIME_IS_UP), slow)
    unknown = text(ends_at(100.2, TIME_IS_UP), slow, None)
    assert "What the function's timeout is, is not known here." in unknown
    assert cause(ends_at(100.2, TIME_IS_UP), slow, None) == "cut_function"


@pytest.mark.parametrize("deployed", [DEPLOYED, replace(DEPLOYED, function_timeout=900), None])
def test_the_limit_of_the_diagnostic_stream_is_no_timeout_of_the_deployment(
    deployed: Deployed | None,
) -> None:
    taken = ends_at(120.2, STREAM_LIMIT)
    assert cause(taken, replace(SENDER, interval=10), deployed) == "cut_stream_limit"
    assert "the function's timeout" not in text(taken, replace(SENDER, interval=10), deployed)


@pytest.mark.parametrize("word", [TIME_IS_UP, STREAM_LIMIT])
def test_the_handler_says_it_in_these_words(word: str) -> None:
    errors = Path(__file__).parents[4] / "container" / "src" / "errors.mjs"
    assert f"'{word}'" in errors.read_text()


def test_a_default_that_fits_is_a_possibility_and_no_cause() -> None:
    # 3 s are AWS's default for functions, and 30 s those for CloudFront's origins.
    for seconds, named in ((3, "the function's timeout (3 s"), (30, "CloudFront's origin response timeout")):
        taken = recording(PROGRESSIVE[:1], done=False, end=seconds, fault="the connection broke")
        assert cause(taken, deployed=None) == "cut_unknown"
        said = text(taken, deployed=None)
        assert "It may be" in said and named in said and "AWS's default" in said
        assert "That is" not in said and "Raise" not in said


def test_a_timeout_that_is_known_is_the_cause_and_a_default_beside_it_a_possibility() -> None:
    said = text(cut(29.5), deployed=Deployed(origin_read_timeout=30))
    assert "That is CloudFront's origin response timeout (30 s). It may also be" in said


def test_a_good_stream_is_told_with_what_it_was_not() -> None:
    assert text(recording(PROGRESSIVE)) == (
        "Every event came on its own, and none was held for more than 30 ms (limit 500 ms)."
    )
    pairs = [(i // 2 + 1) * 2 * INTERVAL for i in range(COUNT)]
    half = [*pairs[:10], *(at + 0.1 for at in PROGRESSIVE[10:])]
    assert text(recording(half)).startswith("10 of 20 events came together with another, at most 2 at once")


def test_what_held_events_back_is_told_by_the_longest_wait() -> None:
    assert "came 2.5 s later than the headers" in text(recording([at + 2.5 for at in PROGRESSIVE]))
    one = [*PROGRESSIVE[:-1], PROGRESSIVE[-1] + 1.2]
    assert "travelled 1.2 s longer than the one that travelled fastest" in text(recording(one))


def test_a_heartbeat_that_should_have_broken_the_silence_is_missed() -> None:
    sender = replace(SENDER, heartbeat=15)
    assert "A heartbeat was due every 15 s." in text(cut(60), sender)
    assert "A heartbeat was due" not in text(cut(60))


def test_a_silence_longer_than_the_heartbeat_allows_is_found_in_a_stream_that_ended_well() -> None:
    idle = replace(SENDER, interval=20, events=4, heartbeat=15)
    times = [0.1, 20, 40, 60]
    assert cause(recording(times, pings=[15.1, 35.1, 55.1]), idle) == "progressive"
    assert cause(recording(times, pings=[15.1, 55.1]), replace(idle, interval=20)) == "progressive"
    assert cause(recording([0.1, 30, 60, 90]), replace(idle, interval=30)) == "heartbeat_missing"


def test_a_silence_that_we_slept_through_misses_no_heartbeat() -> None:
    idle = replace(SENDER, interval=30, events=4, heartbeat=15)
    assert cause(recording([0.1, 30, 60, 90], stalls=[Stall(10, 20)]), idle) == "progressive"


def test_a_stream_of_few_events_is_complete_and_not_judged() -> None:
    assert cause(recording([0.1, 0.2]), replace(SENDER, events=2)) == "too_few"


def test_blocks_of_one_size_are_told_to_the_byte() -> None:
    assert "in 5 blocks of exactly 200 bytes" in text(recording(BLOCKS))
    uneven = recording([0.4] * 3 + [0.9] * 5 + [1.4] * 5 + [2.0] * 7)
    assert "in 4 blocks of about 250 bytes" in text(uneven)


@pytest.mark.parametrize(
    ("deployed", "said"),
    [
        (None, "responseTransferMode is not STREAM (or the stage serves an older deployment)"),
        (Deployed(transfer_mode="BUFFERED"), "responseTransferMode of the integration is BUFFERED"),
        (Deployed(transfer_mode="STREAM", compress=True), "compress is true on the API behavior"),
        (Deployed(transfer_mode="STREAM", compress=False), "so the stage serves an older deployment, or"),
    ],
)
def test_what_buffers_is_told_as_far_as_the_account_admits_it(deployed: Deployed | None, said: str) -> None:
    assert said in text(recording([2.0] * COUNT), deployed=deployed)
    assert said in text(recording(BLOCKS), deployed=deployed)


def test_who_compresses_is_told_as_far_as_the_account_rules_it_out() -> None:
    taken = recording(PROGRESSIVE, content_encoding="gzip")
    assert "compress must be false on the API behavior, and the app" in text(taken)
    assert "so it is the app" in text(taken, deployed=Deployed(compress=False))


def test_a_compressed_stream_says_whether_it_was_also_held_back() -> None:
    assert "Its 20 events: buffered whole." in text(recording([2.0] * COUNT, content_encoding="gzip"))
    assert "Its 20 events" not in text(recording([], content_encoding="br"))


def test_the_details_hold_what_pictures_are_drawn_from() -> None:
    taken = recording(PROGRESSIVE[:4], pings=[0.22], stalls=[Stall(1.0, 1.2)])
    details = assess(taken, replace(SENDER, events=4)).details()
    assert (details["verdict"], details["cause"]) == ("progressive", "progressive")
    assert (details["interval_ms"], details["expected"]) == (100, 4)
    assert details["arrivals_ms"] == [50, 150, 250, 350]
    assert details["sent_ms"] == [0, 100, 200, 300]
    assert details["heartbeats_ms"] == [220]
    assert details["stalls_ms"] == [[1000, 1200]]
    assert details["jitter_ms"] == details["held_ms"] == 0
    assert details["behind_ms"] == 30


def test_times_of_sending_are_left_out_where_an_event_does_not_tell_its_own() -> None:
    untold = replace(SENDER, sent_at=lambda event: None)
    assert "sent_ms" not in assess(recording(PROGRESSIVE), untold).details()


def test_a_line_says_the_verdict_with_its_main_figures() -> None:
    found: Assessment = assess(recording(PROGRESSIVE), SENDER)
    assert found.shown == "progressive: 20 events, first 50 ms, gaps 100/100/100 ms, end 1.96 s"
