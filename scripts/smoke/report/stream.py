"""What there is to draw of a stream, computed from the ``details`` of its check.

All times are milliseconds after the request was sent. How a stream is judged is not decided here
(`scripts.smoke.stream.verdict`); a picture shows why it was judged so.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from scripts.smoke.report.text import number, numbers

_GAP_EVENTS = 2
"""A pause is a gap when so many events were due in it: one that is a little late leaves none."""

_BURST_EVENTS = 3

_MOST_EXPECTED = 20_000
"""More than any check asks for: a damaged report must not fill the memory."""

_MILESTONES = {
    "to_headers_ms": "headers",
    "to_first_byte_ms": "first byte",
    "to_first_event_ms": "first event",
}


@dataclass(frozen=True)
class Span:
    """A stretch of time; `events` arrived in it."""

    start: float
    end: float
    events: int = 0

    @property
    def length(self) -> float:
        """Milliseconds."""
        return self.end - self.start


@dataclass(frozen=True)
class Stream:
    """One stream as it was sent and as it came.

    Attributes:
        seen: When each event arrived.
        expected: When each event would have arrived, had all travelled as fast as the fastest of them.
            The n-th belongs to the n-th of `seen`; there are more when events are missing, and none
            when the sender's cadence is not known.
        heartbeats: When each heartbeat arrived.
        gaps: Where two events or more were due and nothing came, no heartbeat either.
        bursts: Where three events or more, sent apart, came within a quarter of the interval.
        stalls: When the measuring machine itself stood still for so long that it made bursts of its own.
        milestones: Name and moment of headers, first byte and first event, in the order of time.
        end: When the body ended, or the last event was due if that was later.
        ended: When the body ended; 0 where that is not known.
        verdict: How the stream was judged, in words.
    """

    seen: tuple[float, ...]
    expected: tuple[float, ...]
    heartbeats: tuple[float, ...]
    gaps: tuple[Span, ...]
    bursts: tuple[Span, ...]
    stalls: tuple[Span, ...]
    milestones: tuple[tuple[str, float], ...]
    end: float
    ended: float
    verdict: str

    @property
    def missing(self) -> tuple[float, ...]:
        """When the events were due that never came."""
        return self.expected[len(self.seen) :]

    @property
    def cut_at(self) -> float | None:
        """When the body ended, if events were missing then."""
        return self.ended if self.ended and self.missing else None

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> Self | None:
        """From the details of a check; None when it recorded no arrivals."""
        if not isinstance(details.get("arrivals_ms"), list):
            return None
        seen = tuple(sorted(numbers(details["arrivals_ms"])))
        heartbeats = tuple(sorted(numbers(details.get("heartbeats_ms"))))
        interval = max(0.0, number(details.get("interval_ms")) or 0.0)
        expected = _expected(seen, numbers(details.get("sent_ms")), interval, details.get("expected"))
        milestones = [(name, number(details.get(key))) for key, name in _MILESTONES.items()]
        reached = sorted(((n, at) for n, at in milestones if at is not None), key=lambda each: each[1])
        total = number(details.get("total_ms")) or 0.0
        end = max((total, *seen, *expected, *heartbeats, *(at for _, at in reached)), default=0.0)
        return cls(
            seen=seen,
            expected=expected,
            heartbeats=heartbeats,
            # What is sent as fast as it goes has no cadence that could be kept.
            gaps=_gaps(sorted((*seen, *heartbeats)), expected, total) if interval else (),
            bursts=_bursts(seen, expected, interval / 4) if interval else (),
            stalls=tuple(_stalls(details.get("stalls_ms"), interval / 4)) if interval else (),
            milestones=tuple(reached),
            end=end or 1.0,
            ended=total,
            verdict=str(details.get("verdict") or ""),
        )


def _expected(seen: Sequence[float], sent: Sequence[float], interval: float, count: Any) -> tuple[float, ...]:
    """When events were due. The sender's clock is not ours: the fastest event sets the difference.

    Without the moments of sending, the interval alone says them; after the last of them it says when the
    rest would have been sent.
    """
    wanted = max(min(int(number(count) or 0), _MOST_EXPECTED), len(sent))
    if not (sent or (interval and wanted)):
        return ()
    moments = list(sent)
    while len(moments) < wanted and interval:
        moments.append(moments[-1] + interval if moments else 0.0)
    shift = min((at - due for at, due in zip(seen, moments, strict=False)), default=0.0)
    return tuple(due + shift for due in moments)


def _gaps(came: Sequence[float], expected: Sequence[float], total: float) -> tuple[Span, ...]:
    """Where events were due and nothing came, also before the first and after the last that did."""
    moments = [*expected[:1], *came, total]
    return tuple(
        Span(earlier, later)
        for earlier, later in pairwise(moments)
        if bisect_left(expected, later) - bisect_right(expected, earlier) >= _GAP_EVENTS
    )


def _bursts(seen: Sequence[float], expected: Sequence[float], together: float) -> tuple[Span, ...]:
    """Groups of events that came within `together` milliseconds of each other, though sent apart."""
    found: list[Span] = []
    first = 0
    for after, at in enumerate(seen, start=1):
        if after < len(seen) and seen[after] - at < together:
            continue
        due = expected[first:after]
        sent_apart = not due or due[-1] - due[0] > 2 * (at - seen[first])
        if after - first >= _BURST_EVENTS and sent_apart:
            found.append(Span(seen[first], at, after - first))
        first = after
    return tuple(found)


def _stalls(pairs: Any, least: float) -> Iterator[Span]:
    for pair in pairs if isinstance(pairs, list) else ():
        moments = numbers(pair)
        if len(moments) == 2 and moments[1] - moments[0] >= least:
            yield Span(moments[0], moments[1])
