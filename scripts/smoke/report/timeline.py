"""A stream's timeline as text: what was due over what came, and an axis with seconds.

For terminals and for Markdown. Nothing depends on colour, and `ASCII` needs no Unicode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from scripts.smoke.report.axis import steps
from scripts.smoke.report.stream import Stream

_LABEL = 6
_NARROWEST, _WIDEST = 20, 160


@dataclass(frozen=True)
class Signs:
    """The characters of a drawing, one cell each."""

    due: str
    event: str
    gap: str
    heartbeat: str
    cut: str
    axis: str
    tick: str


UNICODE = Signs(due="╷", event="│", gap="╌", heartbeat="◇", cut="×", axis="─", tick="┴")
ASCII = Signs(due="'", event="|", gap="-", heartbeat="o", cut="x", axis="_", tick="|")


def block(named: Iterable[tuple[str, Stream]], width: int, signs: Signs = UNICODE) -> Iterator[str]:
    """The timelines of several streams, each under its name and verdict, and the legend."""
    drawn = list(named)
    for name, stream in drawn:
        yield from wrap(f"{name}: {stream.verdict}" if stream.verdict else name, max(width, _NARROWEST))
        yield from lines(stream, width, signs)
        yield ""
    yield from wrap(legend((stream for _, stream in drawn), signs), max(width, _NARROWEST))


def lines(stream: Stream, width: int, signs: Signs = UNICODE) -> list[str]:
    """Two lines and their axis, none longer than `width` unless that is very little.

    An event alone in its slot is a line, two to nine are a digit, more are ``#``.
    """
    slots = min(max(width - _LABEL, _NARROWEST), _WIDEST)
    due = _row(slots, stream.end, stream.expected, signs.due)
    seen = _row(slots, stream.end, stream.seen, signs.event)
    for span in stream.gaps:
        for slot in range(_slot(span.start, stream.end, slots) + 1, _slot(span.end, stream.end, slots)):
            seen[slot] = signs.gap
    for at in stream.heartbeats:
        slot = _slot(at, stream.end, slots)
        seen[slot] = signs.heartbeat if seen[slot] in (" ", signs.gap) else seen[slot]
    if stream.cut_at is not None:
        seen[_slot(stream.cut_at, stream.end, slots)] = signs.cut
    rule, labels = _axis(stream.end, slots, signs)
    sent = [("due", due)] if stream.expected else []
    rows = [*sent, ("came", seen), ("", rule), ("", labels)]
    return [f"{name:<{_LABEL}}{''.join(row)}".rstrip() for name, row in rows]


def legend(streams: Iterable[Stream], signs: Signs = UNICODE) -> str:
    """What the signs mean that these streams need."""
    drawn = list(streams)
    meanings = [
        (signs.event, "an event (2–9, #: several at once)", True),
        (signs.gap, "events were due, nothing came", any(stream.gaps for stream in drawn)),
        (signs.heartbeat, "a heartbeat", any(stream.heartbeats for stream in drawn)),
        (signs.cut, "ended too early", any(stream.cut_at is not None for stream in drawn)),
    ]
    text = "   ".join(f"{sign} {meaning}" for sign, meaning, needed in meanings if needed)
    return text if signs is not ASCII else text.replace("–", "-")


def _slot(at: float, end: float, slots: int) -> int:
    return min(slots - 1, max(0, int(at / end * slots)))


def _row(slots: int, end: float, times: Sequence[float], one: str) -> list[str]:
    counts = [0] * slots
    for at in times:
        counts[_slot(at, end, slots)] += 1
    return [" " if not n else one if n == 1 else str(n) if n < 10 else "#" for n in counts]


def _axis(end: float, slots: int, signs: Signs) -> tuple[list[str], list[str]]:
    rule, labels = [signs.axis] * slots, [" "] * slots
    for at, label in steps(end, most=max(3, slots // 8)):
        slot = _slot(at, end, slots)
        rule[slot] = signs.tick
        start = min(slot, slots - len(label))
        labels[start : start + len(label)] = label
    return rule, labels
