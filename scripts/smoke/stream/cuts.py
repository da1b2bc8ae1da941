"""A stream that is not complete: by our own limit, by a timeout of the deployment, or by neither."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.smoke.deployed import Deployed
from scripts.smoke.stream.causes import Cause
from scripts.smoke.stream.limits import Limit, fitting, limits_of
from scripts.smoke.stream.recording import Recording
from scripts.smoke.stream.sender import PING, STREAM_LIMIT, TIME_IS_UP, last_word

_LOG = "Look at the function's log: the handler or the app ended the response before its time."


@dataclass(frozen=True)
class Expected:
    """What is known of the stream.

    Attributes:
        came: How much of it came, with its unit: ``3 of 12 events``, ``7 tokens``.
        patience: The setting that says how long we wait for it.
        interval: Seconds between two events; 0 where that is not known.
        clock: How many times faster than real ones the timeouts of a rehearsal run.
        heartbeat: Seconds of silence after which a ping is due; None or 0: none is.
    """

    came: str
    patience: str = "smoke.timeout"
    interval: float = 0.0
    clock: float = 1.0
    heartbeat: float | None = None


def cut(recording: Recording, expected: Expected, deployed: Deployed | None) -> Cause:
    """Why a stream ended before its last event.

    A proxy may end a response properly when its time is up, so a missing end counts like a broken one. Only
    a timeout whose value the account tells is named as the cause; AWS's defaults are named as a possibility.

    Args:
        recording: The whole response.
        expected: What is known of the stream.
        deployed: What the account says is deployed.
    """
    after = f"after {expected.came} and {recording.ended_at:.1f} s"
    how = recording.fault or "no error on the connection"
    if recording.gave_up:
        return Cause(
            "cut_client",
            f"Smoke gave the stream up {after}: {how}; the last byte was {recording.silence:.1f} s old.",
            f"If it should take that long, raise {expected.patience}; else the function hangs: look at its "
            "log.",
        )
    word = last_word(recording)
    said = f' The handler\'s last word: "{word}".' if word else ""
    if word == STREAM_LIMIT:
        return Cause(
            "cut_stream_limit",
            f"The stream was cut {after}.{said} No timeout of the deployment did it.",
            "The handler allows its diagnostic stream only so long (container/src/diagnostics.mjs): the way "
            "is slower than this check plans for, or DIAGNOSTIC_STREAM allows short ones only.",
        )
    limits = limits_of(deployed, clock=expected.clock)
    fits = fitting(recording, limits)
    function = next(limit for limit in limits if limit.cause == "cut_function")
    if word == TIME_IS_UP and not function.known:
        return Cause(
            function.cause,
            f"The stream was cut {after}: {how}.{said} What the function's timeout is, is not known here.",
            function.next_step,
        )
    if word == TIME_IS_UP and function in fits:
        fits = (function,)
    known = [limit for limit in fits if limit.known]
    also = [limit for limit in fits if not limit.known]
    if known:
        first, *others = known
        if recording.silence > 2 * expected.interval:
            after += f", {recording.silence:.1f} s of them silent"
        maybe = f" It may also be {_either(others + also)}." if others or also else ""
        return Cause(
            first.cause,
            f"The stream was cut {after}: {how}. That is {first}.{maybe}{said}",
            _missed_heartbeat(first, expected, recording) + first.next_step,
        )
    maybe = f" It may be {_either(also)}." if also else ""
    if not recording.fault:
        return Cause("ended_early", f"The stream ended early, {after}: {how}.{maybe}{said}", _LOG)
    near = maybe or (
        " No timeout of the deployment is near that."
        if all(limit.known for limit in limits)
        else " No timeout that is known is near that, and not all that are deployed are known."
    )
    return Cause(
        "cut_unknown",
        f"The stream was cut {after}: {how}.{near}{said}",
        f"{_LOG} Else something between this machine and CloudFront broke it.",
    )


def _either(limits: list[Limit]) -> str:
    return " or ".join(map(str, limits))


def _missed_heartbeat(limit: Limit, expected: Expected, recording: Recording) -> str:
    beat = expected.heartbeat
    pings = any(arrival.event.type == PING for arrival in recording.arrivals)
    due = beat and beat < limit.seconds and recording.silence > beat
    return f"A heartbeat was due every {beat:g} s. " if due and not pings else ""
