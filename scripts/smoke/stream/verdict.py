"""How a stream travelled: did it come as it was sent?

The question behind every rule here is whether something between the sender and us holds bytes back.
It shows in three ways: events that were sent apart arrive together (a *burst*), the first event arrives
when the last one has been sent, and, where events say when they were sent, one took longer than others
or all of them came long after the headers. A network that delays everything alike shows in none of them.

We are part of the measurement: while this process stands still, events wait in the socket and come
together when it goes on. So the recorder notes its own *stalls*, and what was read at the end of one
gets the benefit of the doubt (`undoubted`). A stall excuses as many events as the sender sends in its
time, never more: a buffer shows through it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from scripts.smoke.stream import sse
from scripts.smoke.stream.figures import Figures, figures
from scripts.smoke.stream.recording import Arrival, Recording

MIN_EVENTS = 4
"""Fewer events than this say nothing about how a stream travels."""

_DEFAULT_PACE_SECONDS = 0.010
_HELD_INTERVALS = 5
_HELD_LEAST_SECONDS = 0.5


class Verdict(StrEnum):
    """How a stream travelled; `judge` documents the rule of each."""

    PROGRESSIVE = "progressive"
    WHOLE = "buffered whole"
    BLOCKS = "in blocks"
    SQUEEZED = "held back, then replayed"
    HELD = "held back"
    CUT = "cut off"
    TOO_FEW = "too few events"
    UNSURE = "not measurable"


def held_limit(interval: float) -> float:
    """How many seconds an event may be held: five intervals, and half a second where these are short. A
    reader does not notice less, and one lost packet of a mobile network costs as much.
    """
    return max(_HELD_INTERVALS * interval, _HELD_LEAST_SECONDS)


def judge(
    recording: Recording,
    measured: Figures,
    *,
    interval: float | None = None,
    sent_at: Callable[[sse.Event], float | None] = lambda event: None,
) -> Verdict:
    """How the stream travelled. The first rule that applies, in this order:

    * `CUT`: the connection broke, the time was up, or an event was left unfinished.
    * `TOO_FEW`: fewer than `MIN_EVENTS` events.
    * `WHOLE`: nine events of ten or more arrived in one burst.
    * `BLOCKS`: two thirds of the events did not arrive alone, or a quarter of all (three at least) arrived
      in one burst, or more than a quarter of what arrived together ended in the middle of an event.
    * `SQUEEZED`: the interval is known, and from the first event to the last passed less than half of
      the time that the sender took: the first ones were held back.
    * `HELD`: the interval is known, the events say when they were sent, and one travelled longer than the
      fastest by more than `held_limit`; or even the fastest came later than the headers by that much.
    * `PROGRESSIVE`: none of these.

    `WHOLE`, `BLOCKS`, `SQUEEZED` and `HELD` must hold in spite of our own stalls: where the recording is
    `PROGRESSIVE` with the benefit of the doubt (`undoubted`), that is the verdict; or `UNSURE`, when
    the doubt is about half of the events or more. What is `HELD` for no longer than our longest stall beyond
    the limit is `UNSURE` too: a machine that stands still here may be the one that sends.
    """
    if recording.fault:
        return Verdict.CUT
    if measured.events < MIN_EVENTS:
        return Verdict.TOO_FEW
    verdict = _by_timing(measured, interval)
    if verdict is Verdict.PROGRESSIVE or not recording.stalls:
        return verdict
    cleared = undoubted(recording, pace=interval or _DEFAULT_PACE_SECONDS)
    benefit = figures(cleared, interval=interval, sent_at=sent_at)
    again = _by_timing(benefit, interval)
    if again is Verdict.HELD and not _is_held(benefit, interval, allowed=recording.lag):
        return Verdict.UNSURE
    if again is not Verdict.PROGRESSIVE:
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
    if measured.burst_share >= 2 / 3 or largest >= max(0.25 * events, 3) or measured.torn > 0.25:
        return Verdict.BLOCKS
    if interval and measured.spread < interval * (events - 1) / 2:
        return Verdict.SQUEEZED
    return Verdict.HELD if _is_held(measured, interval) else Verdict.PROGRESSIVE


def _is_held(measured: Figures, interval: float | None, *, allowed: float = 0.0) -> bool:
    """Events that are not sent apart (no interval) wait for one another, and nothing holds them."""
    longest = measured.held_back
    return bool(interval) and longest is not None and longest > held_limit(interval or 0.0) + allowed
