"""Whether a streamed answer is good, and what is wrong with it."""

from __future__ import annotations

from typing import Any

from scripts.smoke import diagnosis
from scripts.smoke.chat import explain
from scripts.smoke.chat.answer import Answer, Pace, pace
from scripts.smoke.chat.offer import Partner
from scripts.smoke.client import Response
from scripts.smoke.deployed import Deployed
from scripts.smoke.evidence import evidence
from scripts.smoke.model import Result, Status, failed, passed
from scripts.smoke.stream.causes import Cause
from scripts.smoke.stream.cuts import Expected, cut
from scripts.smoke.stream.figures import figures, summary
from scripts.smoke.stream.sender import PING

LIMIT = "as the model sends it"

_WORDS = 300

_SHOWN = {
    "cut": "cut off",
    Pace.PROGRESSIVE: "progressive",
    Pace.WHOLE: "buffered whole",
    Pace.HELD: "held back",
    Pace.ONE_PIECE: "whole, as the model sent it",
    Pace.UNSURE: "not measurable",
}

_HELD_BACK = (
    "LibreChat sends the question back before it asks the model, and the beginning of the answer arrived "
    "together with that, so something on the way held it. responseTransferMode is not STREAM (or the stage "
    "serves an older deployment), or compress is not false on the API behavior. The diagnostic stream "
    "(SC-004) goes the same way."
)


def of(answer: Answer, partner: Partner, deployed: Deployed | None) -> Result:
    """The finding about an answer.

    Args:
        answer: What was streamed.
        partner: Who was asked.
        deployed: What the account says is deployed: names the timeouts that may have cut the stream.
    """
    recording = answer.recording
    proof = evidence(recording)
    if reason := _no_stream(answer):
        kind = f"{recording.status}, {recording.header('content-type') or 'no content type'}"
        return failed(kind, LIMIT, reason=reason, evidence=proof)
    if answer.refusal:
        who = "the model's provider" if answer.by_provider else "LibreChat"
        return failed(
            f"refused by {who} ({partner.endpoint}, {partner.model})",
            LIMIT,
            reason=explain.refusal(answer.refusal, by_provider=answer.by_provider),
            evidence=answer.refusal[:_WORDS],
        )
    travelled = pace(answer)
    problem = _problem(answer, travelled, deployed)
    kind = "cut" if answer.final is None else travelled
    shown = f"{_SHOWN[kind]}: {_figures(answer, partner)}"
    details = _details(answer, partner) | {
        "verdict": _SHOWN[kind],
        "cause": problem.name if problem else str(travelled),
    }
    if problem:
        return failed(shown, LIMIT, reason=problem.text, evidence=proof, details=details)
    if travelled is Pace.UNSURE:
        busy = (
            f"this machine stood still for {recording.lag * 1000:.0f} ms when the answer began; run it again"
        )
        return Result(Status.NOT_CHECKED, shown, LIMIT, busy, details=details)
    return passed(shown, LIMIT, details=details)


def _no_stream(answer: Answer) -> str:
    """Why nothing was streamed; empty when something was."""
    recording = answer.recording
    whole = Response("POST", "", recording.status, recording.headers, recording.head)
    if recording.status == 401:
        return explain.unauthorized()
    if recording.status != 200:
        return diagnosis.explain_api(whole)
    if recording.arrivals:
        return ""
    if isinstance(body := whole.json(), dict) and "streamId" in body:
        return (
            "This LibreChat answers with the id of a resumable stream: it is newer than v0.8.2-rc1, whose "
            "API the check knows."
        )
    if diagnosis.is_html(whole):
        return "A page came instead of a stream: the path does not lead to the app's chat."
    return "No event came: the app, or a hop before it, ended the response at once."


def _problem(answer: Answer, travelled: Pace, deployed: Deployed | None) -> Cause | None:
    """What is wrong with a stream, the most telling thing first; None when nothing is."""
    recording = answer.recording
    if (encoding := recording.header("content-encoding")) not in ("", "identity"):
        return Cause(
            "compressed",
            f"The stream is compressed ({encoding}), and compressing collects before it passes on.",
            "compress must be false on the API behavior.",
        )
    if answer.final is None:
        return _cut(answer, deployed)
    if not answer.tokens:
        return Cause("empty", "The model said nothing.", "Ask for something with smoke.chat.message.")
    if travelled in (Pace.WHOLE, Pace.HELD):
        late = f"The beginning came after {answer.to_first_token:.1f} s."
        return Cause(str(travelled), late, _HELD_BACK)
    # Without spaces: providers and LibreChat trim at the ends of parts.
    if _bare(answer.text) != _bare(answer.told):
        return Cause(
            "incomplete",
            f"The pieces make {len(answer.text)} characters, the whole answer has {len(answer.told)}: events "
            "were lost or changed on the way.",
            "The handler must pass every byte on.",
        )
    if recording.comments:
        return Cause(
            "heartbeat_comments",
            f"The stream holds {recording.comments} comment lines, which LibreChat's client (sse.js 2.5.0) "
            "takes for empty messages.",
            "A heartbeat must be an event of its own type.",
        )
    return None


def _cut(answer: Answer, deployed: Deployed | None) -> Cause:
    expected = Expected(f"{len(answer.tokens)} tokens", patience="smoke.chat.timeout")
    return cut(answer.recording, expected, deployed)


def _details(answer: Answer, partner: Partner) -> dict[str, Any]:
    pings = answer.recording.only(PING).arrivals
    return {
        "endpoint": partner.endpoint,
        "model": partner.model,
        "tokens": len(answer.tokens),
        "tokens_per_second": round(answer.rate, 1),
        "to_first_token_ms": _ms(answer.to_first_token),
        **({} if answer.created_at is None else {"created_ms": _ms(answer.created_at)}),
        **({} if answer.final_at is None else {"final_ms": _ms(answer.final_at)}),
        **summary(figures(answer.pieces)),
        "comments": answer.recording.comments,
        "lag_ms": _ms(answer.recording.lag),
        "arrivals_ms": [_ms(arrival.at) for arrival in answer.tokens],
        "heartbeats_ms": [_ms(arrival.at) for arrival in pings],
        "stalls_ms": [[_ms(stall.start), _ms(stall.end)] for stall in answer.recording.stalls],
    }


def _figures(answer: Answer, partner: Partner) -> str:
    """The main figures, in a line."""
    measured = figures(answer.pieces)
    gaps = (measured.gap_min, measured.gap_median, measured.gap_max)
    parts = [
        f"{len(answer.tokens)} tokens of {partner.model}",
        f"first {answer.to_first_token * 1000:.0f} ms",
        *([f"{answer.rate:.0f} a second"] if answer.rate else []),
        f"gaps {'/'.join(f'{gap * 1000:.0f}' for gap in gaps)} ms",
        f"end {answer.final_at or answer.recording.ended_at:.2f} s",
    ]
    return ", ".join(parts)


def _bare(text: str) -> str:
    return "".join(text.split())


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
