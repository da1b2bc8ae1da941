"""Server-sent events through the whole path: do they arrive as they are sent?"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from scripts.smoke import diagnosis
from scripts.smoke.access import Access
from scripts.smoke.client import Response
from scripts.smoke.deployed import Deployed
from scripts.smoke.endurance.diagnostic import DiagnosticStream
from scripts.smoke.evidence import evidence
from scripts.smoke.model import Check, NotCheckedError, Result, Stage, failed, passed
from scripts.smoke.shapes import fields
from scripts.smoke.site import Site
from scripts.smoke.stream.assessment import Assessment, assess
from scripts.smoke.stream.causes import Cause, began_late
from scripts.smoke.stream.limits import limits_of
from scripts.smoke.stream.recording import Recording, ms
from scripts.smoke.stream.sender import Sender
from scripts.smoke.stream.verdict import held_limit

ATTEMPTS = 3
"""How often a stream is measured before it fails by its timing. What buffers does so every time; a pause
of a network or of a busy machine does not come three times."""

_LATE = ("late_headers", "late_first_event")
_BY_TIMING = ("buffered_whole", "buffered_blocks", "squeezed", "held_back", "unsure", *_LATE)
_GOOD = ("progressive", "cold_start", "late_once", "too_few")


@dataclass(frozen=True)
class Stream:
    """A stream to measure.

    Attributes:
        path: Where it is.
        sender: What it sends.
        body: Posted when there is one, else the request is a GET.
        access: For the diagnostic stream.
    """

    path: str
    sender: Sender
    body: bytes | None = None
    access: Access | None = None


async def diagnostic_stream(site: Site) -> Result:
    """The handler's own stream, which needs neither a login nor a model."""
    await site.need_api()
    access = await site.access()
    chunks, interval_ms = site.settings.stream_chunks, site.settings.stream_interval_ms
    stream = DiagnosticStream(chunks, interval_ms / 1000)
    return await measure(site, Stream(stream.path, stream.sender(), access=access))


async def chat_stream(site: Site) -> Result:
    """The app's chat route, as the client uses it."""
    await site.need_api()
    if not await site.is_stand_in():
        raise NotCheckedError(
            "LibreChat's chat needs a login and a model; the diagnostic stream covers the path"
        )
    chunks, interval_ms = site.settings.stream_chunks, site.settings.stream_interval_ms
    body = {"text": "smoke", "tokens": chunks, "interval_ms": interval_ms}
    sender = Sender(
        interval=interval_ms / 1000,
        events=chunks + 2,  # one says that the message was created, and one ends the answer
        counted="message",
        finished=lambda event: bool(fields(event.data).get("final")),
    )
    return await measure(site, Stream("/api/agents/chat", sender, json.dumps(body).encode()))


CHECKS = (
    Check(
        "SC-004",
        "the diagnostic stream arrives progressively",
        Stage.STREAM,
        diagnostic_stream,
        by_function=True,
        also=("FR-010",),
    ),
    Check(
        "US2.3",
        "the chat stream arrives progressively",
        Stage.STREAM,
        chat_stream,
        by_function=True,
        also=("SC-004",),
    ),
)


async def measure(site: Site, stream: Stream) -> Result:
    """Record a stream, again where the timing alone speaks against it, and say what it shows.

    Raises:
        NotCheckedError: when this machine was too busy to measure every time.
        httpx.HTTPError: when no answer came at all.
    """
    # Before the recording: asking the account keeps this process busy.
    deployed = await site.deployed()
    if deployed and deployed.heartbeat and stream.sender.heartbeat is None:
        stream = replace(stream, sender=replace(stream.sender, heartbeat=deployed.heartbeat))
    earlier: list[Assessment] = []
    while True:
        recording = await _record(site, stream)
        if not recording.is_event_stream:
            return _refused(_why_no_stream(recording, stream.sender, deployed), recording)
        found = assess(recording, stream.sender, deployed)
        if found.cause.name not in _BY_TIMING or len(earlier) + 1 == ATTEMPTS:
            return _result(found, earlier)
        earlier.append(found)


def _result(found: Assessment, earlier: list[Assessment]) -> Result:
    cause = found.cause
    late = [before for before in earlier if before.cause.name in _LATE]
    if cause.name == "progressive" and late:
        cause = began_late(late[0].recording, late[0].figures)
    if cause.name == "unsure":
        raise NotCheckedError(
            f"this machine is too busy to measure: it stood still for up to {found.recording.lag * 1000:.0f} "
            f"ms while the events came, at the last of {ATTEMPTS} tries, too; run `inv smoke` again"
        )
    shown = found.shown + "".join(f"; earlier try: {_incident(before)}" for before in earlier)
    details = found.details() | {
        "cause": cause.name,
        "explanation": cause.text,
        "earlier": [
            {
                "cause": before.cause.name,
                "verdict": str(before.verdict),
                "to_first_event_ms": ms(before.figures.to_first_event),
            }
            for before in earlier
        ],
    }
    if cause.name in _GOOD:
        return passed(shown, _limit(found), details=details)
    every_time = earlier and all(before.cause.name == cause.name for before in earlier)
    again = f" So it was at each of {ATTEMPTS} tries." if every_time else ""
    return failed(
        shown, _limit(found), reason=cause.text + again, evidence=evidence(found.recording), details=details
    )


def _limit(found: Assessment) -> str:
    """What the verdict tolerates, in a line."""
    held = f", none held {held_limit(found.sender.interval):.2g} s" if found.figures.held is not None else ""
    return f"progressive: no burst of a quarter of the events{held}"


def _incident(before: Assessment) -> str:
    """What a measurement showed that was not the last one."""
    lag = before.recording.lag
    stalled = f" (stalled here for {lag * 1000:.0f} ms)" if lag else ""
    if before.cause.name in _LATE:
        return f"waited {before.figures.to_first_event:.1f} s{stalled}"
    return f"{before.verdict}{stalled}"


def _refused(cause: Cause, recording: Recording) -> Result:
    return failed(
        recording.kind,
        "200, text/event-stream",
        reason=cause.text,
        evidence=evidence(recording),
        details={"verdict": "no stream", "cause": cause.name},
    )


def _why_no_stream(recording: Recording, sender: Sender, deployed: Deployed | None) -> Cause:
    answer = Response.begun(recording)
    if recording.status == 504:
        # No byte came in time, so the timeout has a name, and no stream to be measured by.
        cut = "cut_origin_response" if "CloudFront" in answer.text else "cut_integration"
        limit = next(limit for limit in limits_of(deployed, clock=sender.clock) if limit.cause == cut)
        waited = f"The answer took {recording.headers_at:.1f} s; the limit is {limit}."
        return Cause(cut, diagnosis.explain_api(answer), waited)
    if recording.status != 200:
        return Cause("refused", diagnosis.explain_api(answer))
    if diagnosis.is_html(answer):
        return Cause(
            "not_a_stream",
            "A page came instead of a stream: the diagnostic route is switched off (DIAGNOSTIC_STREAM), "
            "or the path does not lead to the handler.",
        )
    return Cause(
        "not_a_stream",
        "The content type is not text/event-stream: EventSource refuses it, and CloudFront may compress it.",
    )


async def _record(site: Site, stream: Stream) -> Recording:
    content = {"Content-Type": "application/json"} if stream.body else {}
    return await site.client.record(
        stream.path,
        method="POST" if stream.body else "GET",
        headers=content | (stream.access.headers() if stream.access else {}),
        content=stream.body,
        limit=site.settings.timeout + stream.sender.seconds,
    )
