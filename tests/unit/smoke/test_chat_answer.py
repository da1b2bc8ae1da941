"""The stream of an answer is read and judged by what LibreChat sends, whatever the pace of its model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.smoke.chat import judgement
from scripts.smoke.chat.answer import Pace, pace, read
from scripts.smoke.chat.offer import Partner
from scripts.smoke.deployed import Deployed
from scripts.smoke.model import Status
from scripts.smoke.stream.recording import Arrival, Read, Recording, Stall
from scripts.smoke.stream.sse import Event

PARTNER = Partner("Words", "counter")
CREATED = {"created": True, "message": {"conversationId": "c", "text": "Count"}}
STEP = {"event": "on_run_step", "data": {"id": "s"}}


def delta(text: str, kind: str = "text") -> dict[str, Any]:
    name = "on_message_delta" if kind == "text" else "on_reasoning_delta"
    return {"event": name, "data": {"id": "s", "delta": {"content": [{"type": kind, kind: text}]}}}


def final(text: str) -> dict[str, Any]:
    content = [{"type": "think", "think": "hm"}, {"type": "text", "text": text}]
    return {"final": True, "conversation": {"conversationId": "c"}, "responseMessage": {"content": content}}


def recording(*said: tuple[float, dict[str, Any]], **more: Any) -> Recording:
    """A recording of events of type message, each with its moment."""
    arrivals = tuple(Arrival(at, Event("message", json.dumps(data))) for at, data in said)
    facts: dict[str, Any] = {
        "status": 200,
        "headers": (("content-type", "text/event-stream"),),
        "headers_at": 0.1,
        "reads": tuple(Read(arrival.at, 100) for arrival in arrivals),
        "arrivals": arrivals,
        "ended_at": arrivals[-1].at if arrivals else 0.1,
        "head": b"",
    }
    return Recording(**facts | more)


def spoken(created: float, *tokens: float, **more: Any) -> Recording:
    """An answer whose tokens came at these moments."""
    words = [(at, delta("x")) for at in tokens]
    return recording((created, CREATED), *words, (tokens[-1], final("x" * len(tokens))), **more)


def test_an_answer_is_put_together_from_its_pieces() -> None:
    said = [CREATED, STEP, delta("hm", "think"), delta("one"), delta(" two"), final("one two")]
    answer = read(recording(*((0.1 * i, each) for i, each in enumerate(said))))

    assert (answer.conversation, answer.created_at, answer.text) == ("c", 0.0, "one two")
    assert len(answer.tokens) == 3, "thinking streams, too"
    assert answer.to_first_token == pytest.approx(0.2)
    assert answer.told == "one two"
    assert answer.refusal == ""


def test_heartbeats_attachments_and_other_steps_are_no_tokens() -> None:
    plain = spoken(0.1, 0.5, 0.6)
    others = (Arrival(0.3, Event("ping", "1")), Arrival(0.4, Event("attachment", "{}")))
    answer = read(Recording(**{**vars(plain), "arrivals": (*others, *plain.arrivals)}))
    assert len(answer.tokens) == 2


@pytest.mark.parametrize("data", ["not JSON", "[1]", "null", '{"data": null, "event": "on_message_delta"}'])
def test_what_is_not_librechats_is_passed_over(data: str) -> None:
    answer = read(recording(ended_at=1.0, arrivals=(Arrival(0.5, Event("message", data)),)))
    assert (answer.text, answer.final, answer.refusal) == ("", None, "")


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (spoken(0.1, 0.9, 1.0, 1.3, 1.31, 1.32, 2.0), Pace.PROGRESSIVE),
        # A model that stops and then sends many tokens at once is no buffer.
        (spoken(0.1, 0.9, 5.0, 5.0, 5.0, 5.0, 5.0), Pace.PROGRESSIVE),
        # The answer of a model is never there before it was asked.
        (spoken(2.0, 2.001, 2.001, 2.002), Pace.WHOLE),
        # On a slow line a buffered answer takes its time.
        (spoken(2.0, 2.0, 2.05, 2.1, 2.15), Pace.WHOLE),
        (spoken(1.0, 1.0, 1.0, 2.0, 2.0, 3.0), Pace.HELD),
        (spoken(0.1, 0.9, 0.9, 0.901, 0.902), Pace.ONE_PIECE),
        # Three tokens together are what a provider puts into one chunk.
        (spoken(0.1, 0.9, 0.9, 0.9), Pace.PROGRESSIVE),
        # Read together because nobody read before.
        (spoken(1.0, 1.0, 1.1, 1.2, stalls=(Stall(0.5, 0.999),)), Pace.UNSURE),
        # We stood still for a moment in which no model answers.
        (spoken(1.0, 1.0, 1.0, 1.0, stalls=(Stall(0.98, 0.999),)), Pace.WHOLE),
    ],
)
def test_the_pace_is_judged_without_knowing_the_models(heard: Recording, expected: Pace) -> None:
    assert pace(read(heard)) is expected


def test_an_answer_that_cannot_be_measured_is_not_checked() -> None:
    result = judgement.of(read(spoken(1.0, 1.0, 1.1, stalls=(Stall(0.5, 0.999),))), PARTNER, None)
    assert (result.status, result.details["cause"]) == (Status.NOT_CHECKED, "unsure")
    assert "stood still for 499 ms" in result.reason


def test_a_cut_names_the_timeout_that_fits() -> None:
    heard = recording((0.2, CREATED), (0.9, delta("x")), ended_at=60.9, fault="the connection broke")
    result = judgement.of(read(heard), PARTNER, Deployed(origin_read_timeout=60))
    assert result.details["cause"] == "cut_origin_response"
    assert "CloudFront's origin response timeout (60 s)" in result.reason


@pytest.mark.parametrize(
    ("word", "at", "cause"),
    [
        ("The time limit of the function was reached", 58.1, "cut_function"),
        ("LibreChat failed to answer", 7.0, "ended_early"),
        ("Internal error", 7.0, "ended_early"),
    ],
)
def test_the_handlers_own_last_words_are_a_cut_and_no_refusal(word: str, at: float, cause: str) -> None:
    heard = recording((0.2, CREATED), (0.9, delta("x")), ended_at=at)
    last = Arrival(at, Event("error", json.dumps({"text": word})))
    answer = read(Recording(**{**vars(heard), "arrivals": (*heard.arrivals, last)}))
    result = judgement.of(answer, PARTNER, Deployed(function_timeout=60))

    assert (answer.refusal, result.details["verdict"], result.details["cause"]) == ("", "cut off", cause)
    assert word in result.reason


def test_an_answer_that_we_gave_up_names_our_own_limit() -> None:
    heard = recording((0.2, CREATED), (0.9, delta("x")), ended_at=9.0, fault="still open", gave_up=True)
    result = judgement.of(read(heard), PARTNER, None)
    assert result.details["cause"] == "cut_client"
    assert "smoke.chat.timeout" in result.reason


def test_an_answer_without_words_is_a_failure() -> None:
    result = judgement.of(read(recording((0.2, CREATED), (0.9, final("")))), PARTNER, None)
    assert (result.status, result.details["cause"]) == (Status.FAILED, "empty")


def test_comment_lines_break_librechats_client() -> None:
    result = judgement.of(read(spoken(0.1, 0.9, 1.0, comments=2)), PARTNER, None)
    assert result.details["cause"] == "heartbeat_comments"


def test_a_good_answer_says_its_figures() -> None:
    result = judgement.of(read(spoken(0.1, 0.9, 1.0, 1.2)), PARTNER, None)
    assert result.ok
    assert result.measured == (
        "progressive: 3 tokens of counter, first 900 ms, 7 a second, gaps 100/150/200 ms, end 1.20 s"
    )
    assert result.details["arrivals_ms"] == [900.0, 1000.0, 1200.0]
