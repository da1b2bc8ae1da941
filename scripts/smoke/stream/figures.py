"""The measured values of a recording. How good they are is for `verdict`, and what they mean for `causes`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from scripts.smoke.stream import sse
from scripts.smoke.stream.recording import Read, Recording, ms

_DEFAULT_TOGETHER_SECONDS = 0.010

T = TypeVar("T")


@dataclass(frozen=True)
class Figures:
    """Times in seconds, sizes in bytes, shares between 0 and 1.

    Attributes:
        events: Number of events.
        size: Of the body, as it was transferred.
        reads: Number of reads of the socket that brought body bytes.
        read_size: Median size of a read.
        to_connection: Until the connection was made; None when there was one already.
        to_headers: Until the headers were complete.
        to_first_byte: Until the first byte of the body; equals `total` when there was none.
        to_first_event: Until the first event; equals `total` when there was none.
        gap_min: Shortest time between two events (0 when there are fewer than two, as below).
        gap_median: Middle one.
        gap_p95: 95th percentile.
        gap_max: Longest one.
        spread: From the first event to the last.
        silence: Longest time without a byte, from the headers to the end.
        total: Until the end of the body.
        bursts: Number of groups of events that arrived together, an event alone included.
        largest_burst: Number of events in the largest one.
        burst_share: Part of all events that did not arrive alone.
        block_size: Median size of what arrived together.
        even_blocks: Whether all of it but the last came in blocks of that very size.
        torn: Part of these blocks that ended in the middle of an event.
        jitter: Mean of |D(i-1, i)|: by how much the time between two events changed on the way. It is the
            D of RFC 3550, section 6.4.1, without the smoothing, which is for streams that do not end.
            The sender's times are those in the events, else its interval. None when neither is known.
        held: How much longer the event that was held back most travelled than the one that travelled
            fastest; None unless the events say when they were sent.
        behind: How much later than the headers even the one that travelled fastest came, by its stamp: the
            sender's clock starts with its response. What the network takes, the headers take too.
    """

    events: int
    size: int
    reads: int
    read_size: int
    to_connection: float | None
    to_headers: float
    to_first_byte: float
    to_first_event: float
    gap_min: float
    gap_median: float
    gap_p95: float
    gap_max: float
    spread: float
    silence: float
    total: float
    bursts: int
    largest_burst: int
    burst_share: float
    block_size: int
    even_blocks: bool
    torn: float
    jitter: float | None = None
    held: float | None = None
    behind: float | None = None

    @property
    def held_back(self) -> float | None:
        """How long something on the way held an event, at the most; None where `held` is."""
        return None if self.held is None or self.behind is None else max(self.held, self.behind)


def figures(
    recording: Recording,
    *,
    interval: float | None = None,
    sent_at: Callable[[sse.Event], float | None] = lambda event: None,
) -> Figures:
    """The figures of a recording.

    Args:
        recording: What arrived.
        interval: Seconds between two events at the sender. What comes closer than a quarter of it arrived
            together; 10 ms where it is unknown.
        sent_at: When an event was sent, in seconds on the sender's clock, which starts with its response.
    """
    together = interval / 4 if interval else _DEFAULT_TOGETHER_SECONDS
    times = [arrival.at for arrival in recording.arrivals]
    sent = [sent_at(arrival.event) for arrival in recording.arrivals]
    delays = [at - when for at, when in zip(times, sent, strict=True) if when is not None]
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    bursts = [len(group) for group in _groups(times, together, lambda at: at)]
    blocks = _groups(recording.reads, together, lambda read: read.at)
    sizes = [sum(read.size for read in block) for block in blocks]
    return Figures(
        events=len(times),
        size=sum(sizes),
        reads=len(recording.reads),
        read_size=int(statistics.median([read.size for read in recording.reads] or [0])),
        to_connection=recording.connected_at,
        to_headers=recording.headers_at,
        to_first_byte=recording.reads[0].at if recording.reads else recording.ended_at,
        to_first_event=times[0] if times else recording.ended_at,
        gap_min=gaps[0] if gaps else 0.0,
        gap_median=statistics.median(gaps) if gaps else 0.0,
        gap_p95=p95(gaps) if gaps else 0.0,
        gap_max=gaps[-1] if gaps else 0.0,
        spread=times[-1] - times[0] if times else 0.0,
        silence=recording.longest_silence,
        total=recording.ended_at,
        bursts=len(bursts),
        largest_burst=max(bursts, default=0),
        burst_share=sum(size for size in bursts if size > 1) / len(times) if times else 0.0,
        block_size=int(statistics.median(sizes or [0])),
        even_blocks=len(sizes) > 2 and len(set(sizes[:-1])) == 1,
        torn=_torn(recording, blocks),
        jitter=_jitter(times, sent, interval),
        held=max(delays) - min(delays) if delays else None,
        behind=max(0.0, min(delays) - recording.headers_at) if delays else None,
    )


def p95(ordered: Sequence[float]) -> float:
    """The 95th percentile of sorted values, by nearest rank."""
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def summary(measured: Figures) -> dict[str, Any]:
    """The figures for JSON: times in milliseconds. What is not known is left out."""
    times = (
        *("to_connection", "to_headers", "to_first_byte", "to_first_event"),
        *("gap_min", "gap_median", "gap_p95", "gap_max", "jitter"),
        *("spread", "silence", "total", "held", "behind"),
    )
    return {
        "events": measured.events,
        "bytes": measured.size,
        "reads": measured.reads,
        "read_bytes": measured.read_size,
        "bursts": measured.bursts,
        "largest_burst": measured.largest_burst,
        "burst_share": round(measured.burst_share, 3),
        "block_bytes": measured.block_size,
        **{f"{name}_ms": ms(value) for name in times if (value := getattr(measured, name)) is not None},
    }


def _jitter(times: Sequence[float], sent: Sequence[float | None], interval: float | None) -> float | None:
    """D(i-1, i) = (R(i) - R(i-1)) - (S(i) - S(i-1)), https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1"""
    changes: list[float] = []
    for (before, at), (earlier, when) in zip(pairwise(times), pairwise(sent), strict=True):
        apart = interval if when is None or earlier is None else when - earlier
        if apart is not None:
            changes.append(abs(at - before - apart))
    return statistics.fmean(changes) if changes else None


def _torn(recording: Recording, blocks: Sequence[Sequence[Read]]) -> float:
    """A sender writes whole events, so the rest of one that comes later was held back. Not counted where
    the rest waited for us.
    """
    parted = [
        (earlier, later)
        for earlier, later in pairwise(blocks)
        if recording.stalled_since(later[0].at) is None
    ]
    return sum(not earlier[-1].whole for earlier, _ in parted) / len(parted) if parted else 0.0


def _groups(items: Sequence[T], together: float, at: Callable[[T], float]) -> list[list[T]]:
    groups: list[list[T]] = []
    for item in items:
        if groups and at(item) - at(groups[-1][-1]) < together:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups
