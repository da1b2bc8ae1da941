"""Which cause explains a stream: the order in which they are looked for."""

from __future__ import annotations

from scripts.smoke.deployed import Deployed
from scripts.smoke.stream import causes
from scripts.smoke.stream.causes import Cause
from scripts.smoke.stream.cuts import Expected, cut
from scripts.smoke.stream.figures import Figures
from scripts.smoke.stream.recording import Recording
from scripts.smoke.stream.sender import Sender
from scripts.smoke.stream.verdict import Verdict

_HEARTBEAT_SHARE = 1.5
_HEARTBEAT_SLACK_SECONDS = 0.25


def explain(
    recording: Recording, measured: Figures, verdict: Verdict, sender: Sender, deployed: Deployed | None
) -> Cause:
    """The most telling cause, the first of these that applies: compressed; cut, or not complete; buffered;
    heartbeats that harm, or that are missing; a late first event.

    Args:
        recording: The whole response, heartbeats included.
        measured: The figures of the events that count.
        verdict: How these travelled.
        sender: What was sent.
        deployed: What the account says; None when it was not asked.
    """
    complete = measured.events >= sender.events and any(sender.finished(a.event) for a in recording.arrivals)
    if recording.is_compressed:
        told = verdict not in (Verdict.TOO_FEW, Verdict.CUT)
        seen = f" Its {measured.events} events: {verdict}." if told else ""
        return causes.compressed(recording, deployed, seen)
    if verdict is Verdict.CUT or not complete:
        return cut(
            recording,
            Expected(
                f"{measured.events} of {sender.events} events",
                interval=sender.interval,
                clock=sender.clock,
                heartbeat=sender.heartbeat,
            ),
            deployed,
        )
    match verdict:
        case Verdict.WHOLE:
            return causes.buffered_whole(measured, deployed)
        case Verdict.BLOCKS:
            return causes.buffered_blocks(measured, deployed)
        case Verdict.SQUEEZED:
            return causes.squeezed(measured, sender, deployed)
        case Verdict.HELD:
            return causes.held_back(measured, sender, deployed)
        case Verdict.UNSURE:
            return causes.unsure(recording)
    if recording.comments:
        return causes.heartbeat_comments(recording)
    if sender.heartbeat and measured.silence > _silence_allowed(recording, sender.heartbeat):
        return causes.heartbeat_missing(measured, sender.heartbeat)
    if measured.to_first_event > causes.FIRST_EVENT_SECONDS:
        return causes.late(recording, measured)
    if verdict is Verdict.TOO_FEW:
        return Cause("too_few", f"{measured.events} events say nothing about how a stream travels.")
    return causes.progressive(measured, sender)


def _silence_allowed(recording: Recording, heartbeat: float) -> float:
    """A ping may be late, and we may have read it late."""
    return _HEARTBEAT_SHARE * heartbeat + _HEARTBEAT_SLACK_SECONDS + 2 * recording.lag
