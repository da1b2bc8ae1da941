"""A sender that is silent for longer than every timeout on the way that covers a silence.

A model that thinks for a minute sends nothing. What keeps the stream open is the handler's heartbeat.
CloudFront's origin read timeout covers each gap (30 s by default, 60 s here), API Gateway's idle timeout too
(5 minutes for a regional API, 30 s for an edge-optimized one).
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html#DownloadDistValuesOriginResponseTimeout
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html
"""

from __future__ import annotations

from dataclasses import replace

from scripts.smoke.endurance.conclusion import conclude
from scripts.smoke.endurance.diagnostic import DiagnosticStream, refusal
from scripts.smoke.endurance.rehearsal import rehearsal_clock
from scripts.smoke.model import Result
from scripts.smoke.site import Site
from scripts.smoke.stream.assessment import Assessment, assess
from scripts.smoke.stream.causes import Cause
from scripts.smoke.stream.limits import Clock, limits_of
from scripts.smoke.stream.sender import PING, heartbeat_of

SECONDS = 75.0
"""Past the 30 s that CloudFront has by default, and past the 60 s that it has here."""

# Two events say nothing about buffers, and a cold start is nothing against the silence after it.
_GOOD = ("too_few", "progressive", "late_headers", "late_first_event")


async def silent_stream(site: Site) -> Result:
    """Two events with 75 s of silence between them; a rehearsal divides all times alike."""
    await site.need_api()
    access = await site.access()
    deployed = await site.deployed()
    clock = await rehearsal_clock(site)
    stream = DiagnosticStream(chunks=2, interval=SECONDS, clock=clock)
    recording = await stream.record(site.client, access, limit=site.settings.timeout + stream.seconds)
    if refused := refusal(recording):
        return refused
    heartbeat = heartbeat_of(recording)
    if heartbeat is None and deployed:
        heartbeat = deployed.heartbeat
    found = assess(recording, stream.sender(heartbeat), deployed)
    cause = found.cause
    if cause.name in _GOOD and (heartbeat or 0) < SECONDS and not recording.only(PING).arrivals:
        cause = _no_ping(heartbeat)
    tightest = min(
        (limit for limit in limits_of(deployed) if limit.clock is Clock.SILENCE), key=lambda x: x.seconds
    )
    return conclude(
        "kept_alive",
        None if cause.name in _GOOD else _explained(cause, clock, heartbeat),
        measured=_shown(found, clock),
        limit=f"open after {SECONDS:g} s of silence; silent for less than {tightest}",
        details=found.details() | {"clock": clock},
        recording=recording,
    )


def _no_ping(heartbeat: float | None) -> Cause:
    """A silence that no ping broke, and that nothing cut this time. A longer one will be."""
    due = f" One was due every {heartbeat:g} s." if heartbeat else ""
    return Cause(
        "heartbeat_missing",
        f"No ping came in {SECONDS:g} s of silence.{due}",
        "Look at SSE_HEARTBEAT_MS of the function; where it is set, something on the way drops its pings.",
    )


def _explained(cause: Cause, clock: int, heartbeat: float | None) -> Cause:
    """The cause with what only this check knows."""
    if heartbeat == 0:
        cause = replace(cause, sentence=f"{cause.sentence} The function's SSE_HEARTBEAT_MS is 0.")
    if clock != 1:
        cause = replace(cause, sentence=f"On a clock that runs {clock} times as fast: {cause.sentence}")
    return cause


def _shown(found: Assessment, clock: int) -> str:
    recording = found.recording
    pings = len(recording.only(PING).arrivals)
    rehearsed = f" (rehearsed {clock} times as fast)" if clock != 1 else ""
    return (
        f"{recording.ended_at * clock:.1f} s, {pings} heartbeats, longest silence "
        f"{recording.longest_silence * clock:.1f} s{rehearsed}"
    )
