"""Many streams at once: each comes as it is sent, none gets events of another, and what the crowd costs.

Lambda serves one request per environment, so each stream beyond the warm environments waits for a cold
start, and takes an environment that nobody else has meanwhile: how many there may be says
`scripts.smoke.endurance.concurrency`, on this machine `scripts.smoke.endurance.rehearsal`.
"""

from __future__ import annotations

import asyncio
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx

from scripts.smoke import diagnosis
from scripts.smoke.client import Response
from scripts.smoke.deployed import Deployed
from scripts.smoke.endurance.conclusion import conclude
from scripts.smoke.endurance.concurrency import room_on_aws
from scripts.smoke.endurance.diagnostic import DiagnosticStream, environment, flaw, refusal
from scripts.smoke.endurance.rehearsal import rehearsal_clock, room_for
from scripts.smoke.evidence import describe
from scripts.smoke.model import Result
from scripts.smoke.site import Site
from scripts.smoke.stream.assessment import assess
from scripts.smoke.stream.causes import Cause
from scripts.smoke.stream.figures import p95
from scripts.smoke.stream.recording import Recording, ms
from scripts.smoke.stream.sender import is_new_environment

CHUNKS, INTERVAL = 12, 1.0
"""Long enough that the streams overlap though some start cold, and slow enough that starting them does not
look like a buffer on a machine that does it itself."""

_GOOD = ("progressive", "late_headers", "late_first_event", "unsure")
_QUOTA = (
    "Others use the function, too, or smoke.streams_at_once is too much for it: look at the quota "
    "`Concurrent executions`, at reserved_concurrent_executions, and at the throttles in CloudWatch."
)


async def crowd(site: Site) -> Result:
    """As many streams at once as the settings say, or as there is room for.

    Raises:
        NotCheckedError: when there is no room for a crowd.
    """
    return await crowd_of(site, chunks=CHUNKS, interval=INTERVAL)


async def crowd_of(site: Site, *, chunks: int, interval: float) -> Result:
    """A crowd whose streams have so many events, so many seconds apart."""
    await site.need_api()
    access = await site.access()
    deployed = await site.deployed()
    asked = site.settings.streams_at_once
    count, fewer = await _room(site, asked)
    streams = [DiagnosticStream(chunks, interval, name=f"stream-{n}") for n in range(1, count + 1)]
    async with site.client.with_room_for(count) as client:
        limit = site.settings.cold_start + streams[0].seconds
        answers = await asyncio.gather(
            *(stream.record(client, access, limit=limit) for stream in streams), return_exceptions=True
        )
    troubles = [judged(stream, answer, deployed) for stream, answer in zip(streams, answers, strict=True)]
    figures = _figures([answer for answer in answers if isinstance(answer, Recording)])
    most, recording = _most_common(troubles, answers)
    return conclude(
        "progressive",
        most,
        measured=_shown(figures, troubles.count(None), count) + (f" (of {asked}: {fewer})" if fewer else ""),
        limit="each progressive, none mixed up",
        details=figures | {"streams": count, "asked": asked},
        recording=recording,
    )


async def _room(site: Site, asked: int) -> tuple[int, str]:
    """How many streams there may be, and why not as many as asked for."""
    if await rehearsal_clock(site) != 1:
        return room_for(asked)
    function = str(site.outputs.get("function_name") or "")
    return await asyncio.to_thread(room_on_aws, site.aws, function, asked)


def judged(
    stream: DiagnosticStream, answer: Recording | BaseException, deployed: Deployed | None = None
) -> Cause | None:
    """What is wrong with one stream, None when nothing is.

    Raises:
        NotCheckedError: when the deployment has no such stream.
    """
    if isinstance(answer, httpx.HTTPError):
        return Cause("no_answer", f"No answer came: {describe(answer)}.")
    if isinstance(answer, BaseException):
        raise answer
    if refused := refusal(answer):
        # The function answered a moment ago, so the deployment is not what keeps it from being invoked.
        if diagnosis.throttled(Response.begun(answer)):
            return Cause("throttled", f"{refused.measured}: too many requests at once.", _QUOTA)
        return Cause("refused", f"{refused.measured}. {refused.reason}")
    cause = assess(answer, stream.sender(), deployed).cause
    if cause.name not in _GOOD:
        return cause
    if wrong := flaw(stream, answer):
        return Cause("mixed_up", f"The streams are not kept apart: {wrong}.", "Look at the handler.")
    return None


def _most_common(
    troubles: Sequence[Cause | None], answers: Sequence[Recording | BaseException]
) -> tuple[Cause | None, Recording | None]:
    """The trouble that most streams had, as the first of them had it, and the answer that shows it."""
    troubled = [
        (trouble, answer) for trouble, answer in zip(troubles, answers, strict=True) if trouble is not None
    ]
    if not troubled:
        return None, None
    ((name, often),) = Counter(trouble.name for trouble, _ in troubled).most_common(1)
    trouble, answer = next(pair for pair in troubled if pair[0].name == name)
    told = replace(trouble, sentence=f"{often} of {len(troubles)}: {trouble.sentence}")
    return told, answer if isinstance(answer, Recording) else None


def _figures(served: Sequence[Recording]) -> dict[str, Any]:
    """Of the streams that began. `at_once` is how many were open, between first and last event, together."""
    began = [recording for recording in served if recording.arrivals]
    first = sorted(recording.arrivals[0].at for recording in began)
    spans = [(recording.arrivals[0].at, recording.arrivals[-1].at) for recording in began]
    return {
        "at_once": max((sum(a <= start <= b for a, b in spans) for start, _ in spans), default=0),
        "environments": len({environment(recording) for recording in began}),
        "cold": sum(map(is_new_environment, began)),
        "first_event_median_ms": ms(statistics.median(first)) if first else None,
        "first_event_p95_ms": ms(p95(first)) if first else None,
        "first_events_ms": [ms(seconds) for seconds in first],
    }


def _shown(figures: dict[str, Any], good: int, count: int) -> str:
    if not figures["first_events_ms"]:
        return f"{good} of {count}"
    return (
        f"{good} of {count}, {figures['at_once']} open at once, {figures['cold']} started cold; first event "
        f"after {figures['first_event_median_ms'] / 1000:.1f} s (median), "
        f"{figures['first_event_p95_ms'] / 1000:.1f} s (p95)"
    )
