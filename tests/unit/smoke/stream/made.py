"""Recordings made by hand: no clock, no network."""

from __future__ import annotations

import json
from collections.abc import Sequence

from scripts.smoke.stream.recording import Arrival, Read, Recording, Stall
from scripts.smoke.stream.sender import Sender, stamp
from scripts.smoke.stream.sse import Event

INTERVAL = 0.1
COUNT = 20
SIZE = 50
PROGRESSIVE = [0.05 + i * INTERVAL for i in range(COUNT)]
SENDER = Sender(INTERVAL, COUNT, "chunk", lambda event: event.type == "done", stamp)


def recording(
    times: Sequence[float],
    *,
    done: bool = True,
    pings: Sequence[float] = (),
    end: float | None = None,
    fault: str = "",
    gave_up: bool = False,
    comments: int = 0,
    headers_at: float = 0.02,
    stalls: Sequence[Stall] = (),
    said: str = "",
    interval: float = INTERVAL,
    **headers: str,
) -> Recording:
    """A diagnostic stream whose events arrived at `times`, each in a read of `SIZE` bytes.

    Args:
        times: Of the counted events, in order.
        done: Whether the sender's last event came, right after them.
        pings: When heartbeats arrived.
        end: When the body ended; 10 ms after the last byte by default.
        said: Data of an ``error`` event at the end.
        interval: Between two events at the sender, by their stamps.
        headers: Further ones; underscores stand for hyphens.
    """
    arrivals = [
        Arrival(at, Event("chunk", json.dumps({"sent_ms": i * interval * 1000})))
        for i, at in enumerate(times)
    ]
    arrivals += [Arrival(at, Event("ping", "1")) for at in pings]
    arrivals.sort(key=lambda arrival: arrival.at)
    last = arrivals[-1].at if arrivals else headers_at
    arrivals += [Arrival(last, Event("done", "{}"))] if done and times else []
    arrivals += [Arrival(last, Event("error", said))] if said else []
    return Recording(
        status=200,
        headers=(
            ("content-type", "text/event-stream"),
            *((name.replace("_", "-"), value) for name, value in headers.items()),
        ),
        headers_at=headers_at,
        reads=tuple(Read(at, SIZE) for at in sorted([*times, *pings])),
        arrivals=tuple(arrivals),
        ended_at=end if end is not None else last + 0.01,
        head=b"",
        comments=comments,
        fault=fault,
        gave_up=gave_up,
        stalls=tuple(stalls),
    )
