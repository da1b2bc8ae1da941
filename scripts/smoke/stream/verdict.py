"""How a stream travelled: did it come as it was sent?

The question behind every rule here is whether something between the sender and us holds bytes back.
It shows in two ways: events that were sent apart arrive together (a *burst*), and the first event
arrives when the last one has been sent.

We are part of the measurement: while this process stands still, events wait in the socket and come
together when it goes on. So the recorder notes its own *stalls*, and what was read at the end of one
gets the benefit of the doubt (`undoubted`). A stall excuses as many events as the sender sends in its
time, never more: a buffer shows through it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from enum import StrEnum

from scripts.smoke.stream.figures import Figures, figures
from scripts.smoke.stream.recording import Arrival, Recording

MIN_EVENTS = 4
"""Fewer events than this say nothing about how a stream travels."""

_DEFAULT_PACE_SECONDS = 0.010


class Verdict(StrEnum):
    """How a stream travelled; `judge` documents the rule of each."""

    PROGRESSIVE = "progressive"
    WHOLE = "buffered whole"
    BLOCKS = "in blocks"
    SQUEEZED = "held back, then replayed"
    CUT = "cut off"
    TOO_FEW = "too few events"
    UNSURE = "not measurable"


def judge(recording: Recording, measured: Figures, *, interval: float | None = None) -> Verdict:
    """How the stream travelled. The first rule that applies, in this order:

    * `CUT`: the connection broke, the time was up, or an event was left unfinished.
    * `TOO_FEW`: fewer than `MIN_EVENTS` events.
    * `WHOLE`: nine events of ten or more arrived in one burst.
    * `BLOCKS`: two thirds of the events did not arrive alone, or more than a quarter of all (three at
      least) arrived in one burst, or more than a quarter of what arrived together ended in the middle of
      an event.
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
    cleared = undoubted(recording, pace=interval or _DEFAULT_PACE_SECONDS)
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
        if (begun := recording.stalled_since(arrival.at)) is not None:
            arrival = replace(arrival, at=min(arrival.at, max(later - pace, begun)))
        arrivals.append(arrival)
        later = arrival.at
    return replace(recording, arrivals=tuple(reversed(arrivals)))


def _by_timing(measured: Figures, interval: float | None) -> Verdict:
    events, largest = measured.events, measured.largest_burst
    if largest >= 0.9 * events:
        return Verdict.WHOLE
    if measured.burst_share >= 2 / 3 or (largest > 0.25 * events and largest >= 3) or measured.torn > 0.25:
        return Verdict.BLOCKS
    if interval and measured.spread < interval * (events - 1) / 2:
        return Verdict.SQUEEZED
    return Verdict.PROGRESSIVE
