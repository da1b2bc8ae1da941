"""Arrival times of a stream: what came when, and whether it came as it was sent.

It knows streams and clocks, not deployments: which figures are good enough is for the checks.

The question behind every rule here is whether something between the sender and us holds bytes back.
It shows in two ways: events that were sent apart arrive together (a *burst*), and the first event
arrives when the last one has been sent.

We are part of the measurement: while this process stands still, events wait in the socket and come
together when it goes on. So the recorder notes its own *stalls*, and what was read at the end of one
gets the benefit of the doubt (`undoubted`). A stall excuses as many events as the sender sends in its
time, never more: a buffer shows through it.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

from scripts.smoke import sse

_DEFAULT_BURST_SECONDS = 0.010
# Reading what came during a stall takes a moment, too.
_CATCHING_UP_SECONDS = 0.005

MIN_EVENTS = 4
"""Fewer events than this say nothing about how a stream travels."""


@dataclass(frozen=True)
class Read:
    """Bytes that arrived together: `at` seconds after the request was sent, `size` bytes."""

    at: float
    size: int


@dataclass(frozen=True)
class Arrival:
    """An event and the moment (seconds after the request was sent) that completed it."""

    at: float
    event: sse.Event


@dataclass(frozen=True)
class Stall:
    """A time in which the recording process did not get its turn, in seconds after the request."""

    start: float
    end: float


@dataclass(frozen=True)
class Recording:
    """One response body, as it arrived. All times are seconds after the request was sent.

    Attributes:
        status: HTTP status.
        headers: All header lines in order, names in lower case.
        headers_at: When the status line and the headers were complete.
        reads: The reads of the socket that carried body bytes.
        arrivals: The events.
        ended_at: When the body ended, or when waiting for it was given up.
        head: The first bytes of the body, for evidence.
        comments: Number of SSE comment lines.
        fault: Why the body did not end properly; empty when it did.
        stalls: When this process itself stood still. What arrived during one was read at its end.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    headers_at: float
    reads: tuple[Read, ...]
    arrivals: tuple[Arrival, ...]
    ended_at: float
    head: bytes
    comments: int = 0
    fault: str = ""
    stalls: tuple[Stall, ...] = ()

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        return next((value for key, value in self.headers if key == name.lower()), "")

    def only(self, type_: str) -> Recording:
        """The same recording with the events of one type."""
        return replace(self, arrivals=tuple(a for a in self.arrivals if a.event.type == type_))

    @property
    def lag(self) -> float:
        """The longest stall, in seconds."""
        return max((stall.end - stall.start for stall in self.stalls), default=0.0)


@dataclass(frozen=True)
class Figures:
    """The measured values of a recording. Times in seconds, `burst_share` between 0 and 1.

    Attributes:
        events: Number of events.
        size: Bytes of the body.
        to_headers: Until the headers were complete.
        to_first_byte: Until the first byte of the body; equals `total` when there was none.
        to_first_event: Until the first event; equals `total` when there was none.
        gap_min: Shortest time between two events (0 when there are fewer than two, as below).
        gap_median: Middle one.
        gap_p95: 95th percentile by nearest rank.
        gap_max: Longest one.
        spread: From the first event to the last.
        total: Until the end of the body.
        bursts: Number of groups of events that arrived together.
        burst_share: Part of all events that the largest burst holds.
        block_size: Median size in bytes of what arrived together.
        held: How much longer the event that was held back most travelled than the one that travelled
            fastest; None unless the events say when they were sent.
    """

    events: int
    size: int
    to_headers: float
    to_first_byte: float
    to_first_event: float
    gap_min: float
    gap_median: float
    gap_p95: float
    gap_max: float
    spread: float
    total: float
    bursts: int
    burst_share: float
    block_size: int
    held: float | None = None


class Verdict(StrEnum):
    """How a stream travelled; `judge` documents the rule of each."""

    PROGRESSIVE = "progressive"
    WHOLE = "buffered whole"
    BLOCKS = "in blocks"
    SQUEEZED = "held back, then replayed"
    CUT = "cut off"
    TOO_FEW = "too few events"
    UNSURE = "not measurable"


def figures(
    recording: Recording,
    *,
    interval: float | None = None,
    sent_at: Callable[[sse.Event], float | None] = lambda event: None,
) -> Figures:
    """The figures of a recording.

    Args:
        recording: What arrived.
        interval: Seconds between two events at the sender. Events closer than a quarter of it
            arrived together; 10 ms where it is unknown.
        sent_at: When an event was sent, in seconds on the sender's clock. Only differences are used,
            so the two clocks need not agree.
    """
    together = interval / 4 if interval else _DEFAULT_BURST_SECONDS
    times = [arrival.at for arrival in recording.arrivals]
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    bursts = [len(group) for group in _groups(times, together)]
    sizes = iter(read.size for read in recording.reads)
    blocks = [sum(next(sizes) for _ in g) for g in _groups([r.at for r in recording.reads], together)]
    delays = [
        arrival.at - sent for arrival in recording.arrivals if (sent := sent_at(arrival.event)) is not None
    ]
    return Figures(
        events=len(times),
        size=sum(read.size for read in recording.reads),
        to_headers=recording.headers_at,
        to_first_byte=recording.reads[0].at if recording.reads else recording.ended_at,
        to_first_event=times[0] if times else recording.ended_at,
        gap_min=gaps[0] if gaps else 0.0,
        gap_median=statistics.median(gaps) if gaps else 0.0,
        gap_p95=gaps[math.ceil(0.95 * len(gaps)) - 1] if gaps else 0.0,
        gap_max=gaps[-1] if gaps else 0.0,
        spread=times[-1] - times[0] if times else 0.0,
        total=recording.ended_at,
        bursts=len(bursts),
        burst_share=max(bursts) / len(times) if times else 0.0,
        block_size=int(statistics.median(blocks)) if blocks else 0,
        held=max(delays) - min(delays) if delays else None,
    )


def judge(recording: Recording, measured: Figures, *, interval: float | None = None) -> Verdict:
    """How the stream travelled. The first rule that applies, in this order:

    * `CUT`: the connection broke, the time was up, or an event was left unfinished.
    * `TOO_FEW`: fewer than `MIN_EVENTS` events.
    * `WHOLE`: nine events of ten or more arrived in one burst.
    * `BLOCKS`: two or more events to a burst on average, or more than a quarter of all events (three
      at least) in one burst.
    * `SQUEEZED`: the interval is known, and from the first event to the last passed less than half of
      the time that the sender took: the first ones were held back.
    * `PROGRESSIVE`: none of these; so the first event came long before the end, and no burst.

    `WHOLE`, `BLOCKS` and `SQUEEZED` must hold in spite of our own stalls: where the recording is
    `PROGRESSIVE` with the benefit of the doubt (`undoubted`), that is the verdict; or `UNSURE`, when
    the doubt is about half of the events or more.
    """
    if recording.fault:
        return Verdict.CUT
    if measured.events < MIN_EVENTS:
        return Verdict.TOO_FEW
    verdict = _by_timing(measured, interval)
    if verdict is Verdict.PROGRESSIVE or not recording.stalls:
        return verdict
    cleared = undoubted(recording, pace=interval or _DEFAULT_BURST_SECONDS)
    if _by_timing(figures(cleared, interval=interval), interval) is not Verdict.PROGRESSIVE:
        return verdict
    moved = sum(ours.at < a.at for ours, a in zip(cleared.arrivals, recording.arrivals, strict=True))
    return Verdict.UNSURE if 2 * moved >= measured.events else Verdict.PROGRESSIVE


def undoubted(recording: Recording, *, pace: float) -> Recording:
    """The recording as it may have been without our stalls: what was read at the end of one counts as
    arrived during it, one event every `pace` seconds back from the moment of reading, and none before
    the stall began.
    """
    arrivals: list[Arrival] = []
    later = math.inf
    for arrival in reversed(recording.arrivals):
        if (begun := _stalled_since(recording, arrival.at)) is not None:
            arrival = replace(arrival, at=min(arrival.at, max(later - pace, begun)))
        arrivals.append(arrival)
        later = arrival.at
    return replace(recording, arrivals=tuple(reversed(arrivals)))


def sent_ms(event: sse.Event) -> float | None:
    """Seconds at which the diagnostic stream sent an event (its ``sent_ms``), None if it does not say."""
    try:
        return float(json.loads(event.data)["sent_ms"]) / 1000
    except (ValueError, TypeError, KeyError):
        return None


def timeline(recording: Recording, width: int = 48) -> str:
    """The arrivals drawn on a line from the request to the end: a dot is a slot without an event,
    a digit the number of events in it, ``#`` more than nine.
    """
    slots = [0] * width
    for arrival in recording.arrivals:
        slots[min(width - 1, int(arrival.at / max(recording.ended_at, 1e-9) * width))] += 1
    return "".join("·" if not n else str(n) if n < 10 else "#" for n in slots)


def summary(measured: Figures) -> dict[str, Any]:
    """The figures for JSON: times in milliseconds."""
    held = {} if measured.held is None else {"held_ms": round(measured.held * 1000, 1)}
    return {
        "events": measured.events,
        "bytes": measured.size,
        "bursts": measured.bursts,
        "burst_share": round(measured.burst_share, 3),
        "block_bytes": measured.block_size,
        **{
            f"{name}_ms": round(getattr(measured, name) * 1000, 1)
            for name in (
                "to_headers",
                "to_first_byte",
                "to_first_event",
                "gap_min",
                "gap_median",
                "gap_p95",
                "gap_max",
                "spread",
                "total",
            )
        },
        **held,
    }


def _by_timing(measured: Figures, interval: float | None) -> Verdict:
    if measured.burst_share >= 0.9:
        return Verdict.WHOLE
    largest = round(measured.burst_share * measured.events)
    if measured.events >= 2 * measured.bursts or (measured.burst_share > 0.25 and largest >= 3):
        return Verdict.BLOCKS
    if interval and measured.spread < 0.5 * interval * (measured.events - 1):
        return Verdict.SQUEEZED
    return Verdict.PROGRESSIVE


def _stalled_since(recording: Recording, at: float) -> float | None:
    """The start of the stall in which, or right after which, something was read; None without one."""
    starts = [s.start for s in recording.stalls if s.start <= at <= s.end + _CATCHING_UP_SECONDS]
    return min(starts, default=None)


def _groups(times: Sequence[float], together: float) -> list[list[float]]:
    groups: list[list[float]] = []
    for at in times:
        if groups and at - groups[-1][-1] < together:
            groups[-1].append(at)
        else:
            groups.append([at])
    return groups
