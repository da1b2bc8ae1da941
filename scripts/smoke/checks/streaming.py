"""Server-sent events through the whole path: do they arrive as they are sent?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from scripts.smoke import diagnosis, sse, timing
from scripts.smoke.client import Response, evidence
from scripts.smoke.model import Check, NotCheckedError, Result, Stage, failed, passed
from scripts.smoke.site import Site
from scripts.smoke.timing import Figures, Recording, Verdict

FIRST_EVENT_SECONDS = 3.0
"""A warm function's first event. A longer wait is measured again: Lambda serves one request per
environment, so a stream beside another one may have waited for a cold start."""

ATTEMPTS = 3
"""How often a stream is measured before it fails by its timing. What buffers does so every time; a pause
of a network or of a busy machine does not come three times."""

_BY_TIMING = (Verdict.WHOLE, Verdict.BLOCKS, Verdict.SQUEEZED, Verdict.UNSURE)

_BUFFERED = (
    "responseTransferMode is not STREAM (or the stage serves an older deployment), or something on the "
    "way buffers: compress must be false on the API behavior."
)


@dataclass(frozen=True)
class Stream:
    """A stream to measure.

    Attributes:
        path: Where it is.
        body: Posted when there is one, else the request is a GET.
        interval: Seconds between two events at the sender.
        expected: Number of events that must arrive.
        counted: Type of the events that are measured.
        finished: Whether an event is the sender's last.
        sent_at: When an event was sent, in seconds, if it says so.
    """

    path: str
    interval: float
    expected: int
    counted: str
    finished: Callable[[sse.Event], bool]
    body: bytes | None = None
    sent_at: Callable[[sse.Event], float | None] = lambda event: None

    @property
    def seconds(self) -> float:
        """How long the sender takes."""
        return self.interval * self.expected


async def diagnostic_stream(site: Site) -> Result:
    """The handler's own stream, which needs neither a login nor a model."""
    await site.need_api()
    chunks, interval_ms = site.settings.stream_chunks, site.settings.stream_interval_ms
    return await _measure(
        site,
        Stream(
            path=f"/api/health/stream?chunks={chunks}&interval_ms={interval_ms}",
            interval=interval_ms / 1000,
            expected=chunks,
            counted="chunk",
            finished=lambda event: event.type == "done",
            sent_at=timing.sent_ms,
        ),
    )


async def chat_stream(site: Site) -> Result:
    """The app's chat route, as the client uses it."""
    await site.need_api()
    if not await site.is_stand_in():
        raise NotCheckedError(
            "LibreChat's chat needs a login and a model; the diagnostic stream covers the path"
        )
    chunks, interval_ms = site.settings.stream_chunks, site.settings.stream_interval_ms
    body = {"text": "smoke", "tokens": chunks, "interval_ms": interval_ms}
    return await _measure(
        site,
        Stream(
            path="/api/agents/chat",
            body=json.dumps(body).encode(),
            interval=interval_ms / 1000,
            expected=chunks,
            counted="message",
            finished=_is_final,
        ),
    )


CHECKS = (
    Check(
        "SC-004",
        "the diagnostic stream arrives progressively",
        Stage.STREAM,
        diagnostic_stream,
        by_function=True,
    ),
    Check("US2.3", "the chat stream arrives progressively", Stage.STREAM, chat_stream, by_function=True),
)


async def _measure(site: Site, stream: Stream) -> Result:
    before: list[str] = []
    while True:
        recording = await _record(site, stream)
        again = _worth_another_try(recording, stream)
        if not again or len(before) + 1 == ATTEMPTS:
            return _assess(recording, stream, before)
        before.append(again)


def _worth_another_try(recording: Recording, stream: Stream) -> str:
    """What a measurement showed that an incident would show, too; empty when another says no more."""
    if not _valid(recording):
        return ""
    measured, verdict = _judge(recording, stream)
    if verdict in _BY_TIMING:
        stalled = f" (stalled here for {recording.lag * 1000:.0f} ms)" if recording.lag else ""
        return f"{verdict}{stalled}"
    if measured.to_first_event > FIRST_EVENT_SECONDS:
        return f"waited {measured.to_first_event:.1f} s"
    return ""


def _assess(recording: Recording, stream: Stream, before: list[str]) -> Result:
    measured, verdict = _judge(recording, stream)
    counted = recording.only(stream.counted)
    shown = _shown(measured, verdict) + "".join(f"; earlier try: {showed}" for showed in before)
    limit = "progressive, no burst"
    more = {
        "details": {
            "verdict": str(verdict),
            "lag_ms": round(recording.lag * 1000, 1),
            "comments": recording.comments,
            **timing.summary(measured),
            "arrivals_ms": [round(arrival.at * 1000, 1) for arrival in counted.arrivals],
        },
        "drawing": timing.timeline(counted),
    }
    if not _valid(recording):
        return failed(
            f"{recording.status}, {recording.header('content-type') or 'no content type'}",
            "200, text/event-stream",
            reason=_not_a_stream(recording),
            evidence=evidence(recording),
        )
    reason = _problem(recording, stream, measured, verdict)
    if not reason and verdict is Verdict.UNSURE:
        raise NotCheckedError(
            f"this machine is too busy to measure: it stood still for up to {recording.lag * 1000:.0f} ms "
            f"while the events came, at the last of {ATTEMPTS} tries, too; run `inv smoke` again"
        )
    if not reason:
        return passed(shown, limit, **more)
    return failed(shown, limit, reason=reason, evidence=evidence(recording), **more)


def _problem(recording: Recording, stream: Stream, measured: Figures, verdict: Verdict) -> str:
    """What is wrong with a stream, the most telling thing first; empty when nothing is."""
    if recording.header("content-encoding") not in ("", "identity"):
        return (
            f"The stream is compressed ({recording.header('content-encoding')}), and compressing "
            "collects before it passes on: compress must be false on the API behavior, and the app must "
            "not compress event streams (no-transform)."
        )
    if verdict is Verdict.CUT:
        return (
            f"The stream was cut after {measured.events} of {stream.expected} events and "
            f"{measured.total:.1f} s: {recording.fault}. Look at the function's timeout, timeoutInMillis "
            "of the integration, origin_read_timeout of the API origin (it covers each gap), and the "
            "function's log."
        )
    if measured.events < stream.expected or not any(stream.finished(a.event) for a in recording.arrivals):
        return (
            f"The stream ended early: {measured.events} of {stream.expected} events, and no error on the "
            "connection. The handler ended the response before the app did, or the diagnostic route's "
            "own limits cut it."
        )
    if verdict is Verdict.WHOLE:
        held = f" An event waited up to {measured.held:.1f} s on the way." if measured.held else ""
        return f"The stream came in one burst after {measured.to_first_event:.1f} s: {_BUFFERED}{held}"
    if verdict is Verdict.BLOCKS:
        return (
            f"{measured.events} events came in {measured.bursts} blocks of about {measured.block_size} "
            "bytes: something on the way fills a buffer before it passes on. Look at compression on the "
            "API behavior and at backpressure in the handler."
        )
    if verdict is Verdict.SQUEEZED:
        return (
            f"{measured.events} events that were sent over {stream.seconds:.1f} s came within "
            f"{measured.spread:.1f} s: the first ones were held back. {_BUFFERED}"
        )
    if measured.to_first_event > FIRST_EVENT_SECONDS:
        return (
            f"The first event came after {measured.to_first_event:.1f} s (limit {FIRST_EVENT_SECONDS:g} "
            f"s), at the last of {ATTEMPTS} tries, too: the function starts cold for every stream, or the "
            "handler waits before it sends the prelude."
        )
    if recording.comments:
        return (
            f"The stream holds {recording.comments} comment lines. LibreChat's client (sse.js 2.5.0) "
            "takes a comment for an empty message and fails: a heartbeat must be an event of its own "
            "type."
        )
    return ""


def _not_a_stream(recording: Recording) -> str:
    answer = Response("GET", "", recording.status, recording.headers, recording.head)
    if recording.status != 200:
        return diagnosis.explain_api(answer)
    if diagnosis.is_html(answer):
        return (
            "A page came instead of a stream: the diagnostic route is switched off (DIAGNOSTIC_STREAM), "
            "or the path does not lead to the handler."
        )
    return (
        "The content type is not text/event-stream: EventSource refuses it, and CloudFront may compress it."
    )


def _valid(recording: Recording) -> bool:
    return recording.status == 200 and recording.header("content-type").startswith("text/event-stream")


def _judge(recording: Recording, stream: Stream) -> tuple[Figures, Verdict]:
    counted = recording.only(stream.counted)
    measured = timing.figures(counted, interval=stream.interval, sent_at=stream.sent_at)
    return measured, timing.judge(counted, measured, interval=stream.interval)


def _shown(measured: Figures, verdict: Verdict) -> str:
    return (
        f"{verdict}: {measured.events} events, first {measured.to_first_event * 1000:.0f} ms, gaps "
        f"{measured.gap_min * 1000:.0f}/{measured.gap_median * 1000:.0f}/{measured.gap_max * 1000:.0f} "
        f"ms, end {measured.total:.2f} s"
    )


async def _record(site: Site, stream: Stream) -> Recording:
    return await site.client.record(
        stream.path,
        method="POST" if stream.body else "GET",
        headers={"Content-Type": "application/json"} if stream.body else None,
        content=stream.body,
        limit=site.settings.timeout + stream.seconds,
    )


def _is_final(event: sse.Event) -> bool:
    try:
        return bool(json.loads(event.data).get("final"))
    except (ValueError, AttributeError):
        return False
