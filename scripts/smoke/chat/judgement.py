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
from scripts.smoke.model import Result, failed, not_checked, passed
from scripts.smoke.stream import causes
from scripts.smoke.stream.assessment import moments
from scripts.smoke.stream.causes import Cause
from scripts.smoke.stream.cuts import Expected, cut
from scripts.smoke.stream.figures import figures, summary
from scripts.smoke.stream.recording import ms

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
        return failed(recording.kind, LIMIT, reason=reason, evidence=proof)
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
        return not_checked(busy, shown, LIMIT, details=details)
    return passed(shown, LIMIT, details=details)


def _no_stream(answer: Answer) -> str:
    """Why nothing was streamed; empty when something was."""
    recording = answer.recording
    whole = Response.begun(recording)
    if recording.status == 401:
        return explain.UNAUTHORIZED
    if recording.status != 200:
        return diagnosis.explain_api(whole)
    if recording.arrivals:
        return ""
    if "streamId" in whole.fields:
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
    if recording.is_compressed:
        return causes.compressed(recording, deployed)
    if answer.final is None:
        came = f"{len(answer.tokens)} tokens"
        return cut(recording, Expected(came, patience="smoke.chat.timeout"), deployed)
    if not answer.tokens:
        return Cause("empty", "The model said nothing.", "Ask for something with smoke.chat.message.")
    if travelled in (Pace.WHOLE, Pace.HELD):
        return Cause(
            str(travelled),
            f"The beginning came after {answer.to_first_token:.1f} s. LibreChat sends the question back "
            "before it asks the model, and the beginning of the answer arrived together with that, so "
            "something on the way held it.",
            f"{causes.what_buffers(deployed)} The diagnostic stream (SC-004) goes the same way.",
        )
    # Without spaces: providers and LibreChat trim at the ends of parts.
    if _bare(answer.text) != _bare(answer.told):
        return Cause(
            "incomplete",
            f"The pieces make {len(answer.text)} characters, the whole answer has {len(answer.told)}: events "
            "were lost or changed on the way.",
            "The handler must pass every byte on.",
        )
    if recording.comments:
        return causes.heartbeat_comments(recording)
    return None


def _details(answer: Answer, partner: Partner) -> dict[str, Any]:
    return {
        "endpoint": partner.endpoint,
        "model": partner.model,
        "tokens": len(answer.tokens),
        "tokens_per_second": round(answer.rate, 1),
        "to_first_token_ms": ms(answer.to_first_token),
        **({} if answer.created_at is None else {"created_ms": ms(answer.created_at)}),
        **({} if answer.final_at is None else {"final_ms": ms(answer.final_at)}),
        **summary(figures(answer.pieces)),
        **moments(answer.recording, answer.pieces),
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
