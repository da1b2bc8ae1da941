"""Which diagnostic streams are whole, what was on the way at once, and what an answer that is none means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.smoke.endurance.diagnostic import DiagnosticStream, flaw, refusal
from scripts.smoke.endurance.flight import most_on_the_way
from scripts.smoke.endurance.volume import collected, damage, least_seconds
from scripts.smoke.model import NotCheckedError
from scripts.smoke.stream.causes import Cause
from tests.unit.smoke.endurance.made import HEADERS, events, recording, whole
from tests.unit.smoke.server import ACCESS

STREAM = DiagnosticStream(chunks=20, interval=0.1, size=1000, name="mine")
PIECES = list(events(STREAM, [number * 0.1 for number in range(20)]))
MIB = 1024 * 1024


def arrived(pieces: list[bytes]) -> str:
    return flaw(STREAM, recording(pieces, [float(at) for at in range(len(pieces))]))


def test_the_path_has_the_parameters_and_the_clock_is_a_header() -> None:
    stream = DiagnosticStream(2, interval=75, name="a", clock=10)
    assert stream.path == "/api/health/stream?chunks=2&interval_ms=75000&stream=a"
    assert stream.headers(ACCESS).items() >= {"X-Rehearsal-Clock": "10"}.items()
    assert stream.seconds == 7.5
    assert DiagnosticStream(2).headers(ACCESS).keys() == {"x-diagnostic-token"}


def test_a_stream_is_whole_when_every_event_is_there_with_its_hash() -> None:
    assert flaw(STREAM, whole(STREAM)) == ""


def test_a_missing_event_is_named() -> None:
    assert arrived([*PIECES[:4], *PIECES[5:]]) == "19 of 20 events came, where 5 should be is 6"


def test_an_event_that_came_twice_is_named() -> None:
    assert arrived([*PIECES[:5], *PIECES[4:]]) == "21 of 20 events came, where 6 should be is 5"


def test_a_missing_rest_is_named() -> None:
    assert arrived(PIECES[:7]) == "7 of 20 events came, none after 7"


def test_a_missing_end_is_named() -> None:
    assert "the last event" in arrived(PIECES[:-1])


def test_changed_bytes_show_in_the_hash() -> None:
    assert "hash differs" in arrived([PIECES[0].replace(b"xxx", b"xyx"), *PIECES[1:]])


def test_an_event_of_another_stream_is_named_with_both() -> None:
    foreign = next(events(replace(STREAM, name="yours"), [0.0]))
    assert arrived([*PIECES[:5], foreign, *PIECES[6:]]) == "events of another stream came: yours in mine"


def test_of_a_stream_that_is_read_as_it_comes_one_event_is_on_the_way() -> None:
    assert 1000 <= most_on_the_way(whole(STREAM)) < 1200


def test_of_a_stream_that_comes_at_the_end_all_was_on_the_way() -> None:
    ahead = most_on_the_way(recording(PIECES, [2.0] * len(PIECES)))
    assert ahead > 20 * 1000
    trouble = collected(STREAM, ahead)
    assert trouble is not None and trouble.name == "buffered_whole"
    assert "responseTransferMode" in trouble.next_step


def test_a_stream_without_stamps_says_nothing_about_what_was_on_the_way() -> None:
    assert most_on_the_way(recording([b"event: chunk\ndata: {}\n\n"], [1.0])) == 0


def test_a_large_stream_that_was_cut_keeps_the_cause_of_the_cut() -> None:
    cut = Cause("cut_function", "why")
    assert damage(STREAM, whole(STREAM), cut) == cut
    assert damage(STREAM, whole(STREAM), Cause("buffered_blocks", "but they are not sent apart")) is None


@pytest.mark.parametrize(("size", "seconds"), [(5 * MIB, 0), (8 * MIB, 1), (20 * MIB, 7)])
def test_aws_caps_the_bandwidth_after_the_first_megabytes(size: int, seconds: float) -> None:
    assert least_seconds(size) == seconds


@pytest.mark.parametrize(
    ("status", "headers", "body", "says"),
    [
        (200, (("content-type", "text/html"),), b"<!doctype html>", "switched off"),
        (404, (("content-type", "application/json"),), b'{"message":"no"}', "switched off"),
        (200, HEADERS[:1], b"", "older than this check"),
        (
            400,
            (("content-type", "application/json"),),
            b'{"error":"Bad request: chunks must be"}',
            "chunks must be",
        ),
        (
            400,
            (("content-type", "application/json"),),
            b'{"error":"Bad request: chunks must not be (DIAGNOSTIC_STREAM=short)"}',
            'set diagnostic_stream = "full" in terraform.tfvars.json, deploy, and set it back',
        ),
    ],
)
def test_a_deployment_without_such_a_stream_is_not_checked(
    status: int, headers: tuple[tuple[str, str], ...], body: bytes, says: str
) -> None:
    with pytest.raises(NotCheckedError, match=says):
        refusal(replace(recording([], [], status=status, headers=headers), head=body))


def test_any_other_answer_is_a_failure_with_its_explanation() -> None:
    refused = refusal(recording([], [], status=502, headers=(("content-type", "application/json"),)))
    assert refused is not None
    assert (refused.ok, refused.details["cause"]) == (False, "refused")
    assert "502" in refused.measured
