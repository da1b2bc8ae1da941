"""What is smaller in a rehearsal on this machine: the times, and the crowd. Both say so in their result."""

from __future__ import annotations

import os

from scripts import resources
from scripts.local import clock
from scripts.smoke.site import Site

CLOCK = 10
"""Fast enough that nobody waits for a minute of silence; slow enough that a busy machine, which stands
still for a second now and then, does not reach a timeout by that."""

_STREAMS_PER_CORE = 4
_BYTES_PER_STREAM = 500_000_000


async def rehearsal_clock(site: Site) -> int:
    """How many times as fast the timeouts run: more than 1 only where the edge confirms it.

    CloudFront and API Gateway know nothing of the header: there the clock is the real one.
    """
    answer = await site.client.fetch("/api/health", headers={clock.HEADER: str(CLOCK)})
    return clock.parse(answer.header(clock.HEADER))


def room_for(asked: int) -> tuple[int, str]:
    """How many streams at once this machine can serve, and why not as many as were asked for.

    Each needs an execution environment: a handler and an app. They start side by side, and all of them
    must be up before the origin read timeout passes.
    """
    from scripts.local.lambda_.service import LOCAL_ENVIRONMENTS

    cores = len(os.sched_getaffinity(0))
    free = resources.available_memory()
    room = {
        f"the embedded Lambda runs {LOCAL_ENVIRONMENTS} environments at most": LOCAL_ENVIRONMENTS,
        f"this machine has {cores} cores": cores * _STREAMS_PER_CORE,
    }
    if free is not None:
        room[f"this machine has {resources.gigabytes(free)} of memory free"] = free // _BYTES_PER_STREAM
    why, most = min(room.items(), key=lambda item: item[1])
    return (asked, "") if asked <= most else (max(2, most), why)
