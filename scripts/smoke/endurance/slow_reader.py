"""A client that reads slowly: the sender must be held back, and nothing may get lost or pile up.

The client reads 64 KB a second with a small receive buffer for ten seconds, and then the rest as fast as it
comes. How far the sender got ahead of it shows in the sender's own stamps.
"""

from __future__ import annotations

from scripts.smoke.endurance.conclusion import conclude
from scripts.smoke.endurance.diagnostic import DiagnosticStream, refusal
from scripts.smoke.endurance.flight import megabytes, most_on_the_way
from scripts.smoke.endurance.rehearsal import rehearsal_clock
from scripts.smoke.endurance.volume import CHUNKS, LIMIT_SECONDS, SIZE, damage
from scripts.smoke.model import Result
from scripts.smoke.site import Site
from scripts.smoke.stream.assessment import assess
from scripts.smoke.stream.causes import Cause
from scripts.smoke.stream.recorder import Slowly

RATE = 65_536
"""Bytes a second."""

SECONDS = 10.0

MOST_ON_THE_WAY = 0.8
"""Part of the stream. Between the handler and the local edge's viewer lie two connections, and the kernel may
hold some MB of each; without backpressure it is all of it."""


async def slow_reader(site: Site) -> Result:
    """20 MB for a client that takes a trickle of it first."""
    return await read_by(site, DiagnosticStream(CHUNKS, size=SIZE), rate=RATE, seconds=SECONDS)


async def read_by(site: Site, stream: DiagnosticStream, *, rate: float, seconds: float) -> Result:
    """Let a client that reads `rate` bytes a second for so many seconds have the stream."""
    await site.need_api()
    access = await site.access()
    deployed = await site.deployed()
    rehearsed = await rehearsal_clock(site) != 1
    async with site.client.with_room_for(1) as client:  # Its connection must serve nobody else.
        recording = await stream.record(client, access, limit=LIMIT_SECONDS, slowly=Slowly(rate, seconds))
    if refused := refusal(recording):
        return refused
    found = assess(recording, stream.sender(), deployed)
    ahead = most_on_the_way(recording)
    share = ahead / (stream.chunks * stream.size)
    judged = (
        f"at most {MOST_ON_THE_WAY:.0%} ahead"
        if rehearsed
        else "AWS does not say how far ahead of a slow client it lets a function write"
    )
    trouble = damage(stream, recording, found.cause)
    if not trouble and rehearsed and share > MOST_ON_THE_WAY:
        trouble = Cause(
            "no_backpressure",
            f"The sender was not held back: {megabytes(ahead)} were on the way while the client read slowly, "
            "so something piles up in memory what nobody reads.",
            "The handler must wait for its response stream to drain (container/src/response.mjs).",
        )
    return conclude(
        "whole",
        trouble,
        measured=f"{rate / 1024:.0f} KB/s for {seconds:g} s, {megabytes(found.figures.size)} in all; "
        f"the sender was at most {megabytes(ahead)} ahead ({share:.0%})",
        limit=f"nothing lost; {judged}",
        details=found.details() | {"on_the_way_bytes": ahead, "rate": rate, "slow_seconds": seconds},
        recording=recording,
    )
