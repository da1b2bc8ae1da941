"""The arithmetic of streams: how late each event was, and whether a stream arrived as it was sent."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from tests.benchmarks.edge.client import Arrival
from tests.benchmarks.figures import Sample

_NANOSECONDS = 1e6
"""In a millisecond."""


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent do not exceed, interpolated. Of one value, that value."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def progressive(stream: Sequence[Arrival]) -> bool:
    """Whether every event had arrived before the next one was sent: nothing held any of them back."""
    following = [event.sent for event in stream[1:]]
    return bool(stream) and all(
        event.arrived < after for event, after in zip(stream, following, strict=False)
    )


def summary(streams: Sequence[Sequence[Arrival]]) -> Sample:
    """Delay per event in milliseconds, and the share of streams that were progressive, in percent."""
    late = [(event.arrived - event.sent) / _NANOSECONDS for stream in streams for event in stream]
    return {
        "p50_ms": percentile(late, 50),
        "p99_ms": percentile(late, 99),
        "progressive": 100 * sum(map(progressive, streams)) / len(streams),
    }
