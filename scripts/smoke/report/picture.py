"""Where everything of a stream's picture lies: from moments to positions. The template only draws it.

Lengths are units of the SVG's view box; there is one picture for wide pages and one for phones, so that
text keeps its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from scripts.smoke.report.axis import steps
from scripts.smoke.report.stream import Span, Stream
from scripts.smoke.report.text import duration, plural

WIDE = 760.0
NARROW = 328.0

_LEFT, _RIGHT = 42.0, 14.0
_LETTER = 6.8
"""Width of an average letter at the size of the labels."""
_COLUMN = 2.6
"""Marks nearer to each other than this are one, and higher."""
_MARK, _HIGHEST = 14.0, 26.0
_FEW = 150
"""Up to so many events each has a line from when it was due to when it came."""

_DUE_Y, _SEEN_Y, _BEAT_Y = 44.0, 102.0, 140.0


@dataclass(frozen=True)
class Scale:
    """A time axis from 0 to `end` milliseconds between two positions."""

    end: float
    left: float
    right: float

    def x(self, at: float) -> float:
        """The position of a moment, to a tenth; what lies outside is put on the edge."""
        share = min(1.0, max(0.0, at / self.end))
        return round(self.left + share * (self.right - self.left), 1)


@dataclass(frozen=True)
class Column:
    """One mark: where, and how high; the more events it stands for, the higher."""

    x: float
    height: float


@dataclass(frozen=True)
class Label:
    """A text at a position; `anchor` is SVG's ``text-anchor``."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True)
class Box:
    """A stretch of time with its label, None where there is no room for one."""

    x: float
    width: float
    label: Label | None


@dataclass(frozen=True)
class Picture:
    """A stream, ready to be drawn. `y` positions are the middles of the lanes, None for one left out."""

    width: float
    height: float
    left: float
    right: float
    due_y: float | None
    seen_y: float
    beat_y: float | None
    axis_y: float
    due: tuple[Column, ...]
    missing: tuple[Column, ...]
    seen: tuple[Column, ...]
    links: tuple[tuple[float, float], ...]
    gaps: tuple[Box, ...]
    bursts: tuple[Box, ...]
    stalls: tuple[Box, ...]
    beats: tuple[float, ...]
    pins: tuple[float, ...]
    milestones: tuple[Label, ...]
    ticks: tuple[Label, ...]
    cut_x: float | None

    @classmethod
    def of(cls, stream: Stream, width: float) -> Self:
        """A picture of this width."""
        scale = Scale(stream.end, _LEFT, width - _RIGHT)
        up = 0.0 if stream.expected else _SEEN_Y - _DUE_Y
        down = (_BEAT_Y if stream.heartbeats else _SEEN_Y) - up
        axis_y = down + 30
        matched = stream.expected[: len(stream.seen)]
        linked = stream.seen if len(stream.seen) <= _FEW else ()
        return cls(
            width=width,
            height=axis_y + 22,
            left=scale.left,
            right=scale.right,
            due_y=_DUE_Y if stream.expected else None,
            seen_y=_SEEN_Y - up,
            beat_y=_BEAT_Y - up if stream.heartbeats else None,
            axis_y=axis_y,
            due=tuple(columns(matched, scale)),
            missing=tuple(columns(stream.missing, scale)),
            seen=tuple(columns(stream.seen, scale)),
            links=tuple((scale.x(due), scale.x(came)) for due, came in zip(matched, linked, strict=False)),
            gaps=tuple(gap_boxes(stream.gaps, scale)),
            bursts=tuple(burst_boxes(stream.bursts, scale)),
            stalls=tuple(stall_boxes(stream.stalls, scale)),
            beats=tuple(scale.x(at) for at in stream.heartbeats),
            pins=tuple(scale.x(at) for _, at in stream.milestones),
            milestones=tuple(milestones(stream.milestones, scale)),
            ticks=tuple(_ticks(scale, int((width - _LEFT) // 64) + 1)),
            cut_x=None if stream.cut_at is None else scale.x(stream.cut_at),
        )


def describe(stream: Stream) -> str:
    """The picture in words, for those who do not see it."""
    due = f" of {len(stream.expected)} that were due" if stream.expected else ""
    ended = duration((stream.ended or stream.end) / 1000)
    parts = [f"{plural(len(stream.seen), 'event')}{due} came within {ended}."]
    parts += [f"{name.capitalize()} after {duration(at / 1000)}." for name, at in stream.milestones]
    if stream.gaps:
        longest = max(stream.gaps, key=lambda span: span.length)
        parts.append(
            f"{plural(len(stream.gaps), 'gap')}; the longest lasts {duration(longest.length / 1000)}, from "
            f"{duration(longest.start / 1000)}."
        )
    if stream.bursts:
        largest = max(stream.bursts, key=lambda span: span.events)
        parts.append(
            f"{plural(len(stream.bursts), 'burst')}; the largest has {largest.events} events, at "
            f"{duration(largest.start / 1000)}."
        )
    if stream.heartbeats:
        parts.append(f"{plural(len(stream.heartbeats), 'heartbeat')}.")
    if stream.stalls:
        standing = sum(span.length for span in stream.stalls) / 1000
        parts.append(f"The measuring machine itself stood still for {duration(standing)} in all.")
    return " ".join(parts)


def columns(times: Iterable[float], scale: Scale) -> Iterator[Column]:
    """A mark for each moment; those that would touch are one, the higher the more events it holds."""
    groups: list[list[float]] = []
    for x in map(scale.x, times):
        if groups and x - groups[-1][0] < _COLUMN:
            groups[-1].append(x)
        else:
            groups.append([x])
    for group in groups:
        yield Column(group[0], min(_HIGHEST, _MARK + 2.0 * (len(group) - 1)))


def milestones(named: Sequence[tuple[str, float]], scale: Scale) -> Iterator[Label]:
    """Names over the moments, in the order of time; names that would overlap share one label."""
    groups: list[tuple[float, str]] = []
    for name, at in named:
        x = scale.x(at)
        if groups and x - groups[-1][0] < _wide(groups[-1][1]) + _LETTER:
            groups[-1] = (groups[-1][0], f"{groups[-1][1]}, {name}")
        else:
            groups.append((x, name))
    for x, text in groups:
        fits = x + _wide(text) <= scale.right
        yield Label(x, text, "start" if fits else "end")


def gap_boxes(gaps: Iterable[Span], scale: Scale) -> Iterator[Box]:
    """A box over each gap, with its length in the middle if there is room."""
    for gap in gaps:
        x, end = scale.x(gap.start), scale.x(gap.end)
        text = duration(gap.length / 1000)
        fits = _wide(text) + 14 < end - x  # the boxes of bursts lie over its ends
        yield Box(x, round(end - x, 1), Label(round((x + end) / 2, 1), text, "middle") if fits else None)


def stall_boxes(stalls: Iterable[Span], scale: Scale) -> Iterator[Box]:
    """A box under each stall, never too narrow to be seen."""
    for stall in stalls:
        x = scale.x(stall.start)
        yield Box(x, round(max(1.5, scale.x(stall.end) - x), 1), None)


def burst_boxes(bursts: Sequence[Span], scale: Scale) -> list[Box]:
    """A box around each burst, with the number of its events; shorter where they are near each other."""
    boxes: list[Box] = []
    for words in ("{} at once", "×{}"):
        boxes, taken, left_out = [], 0.0, False
        for burst in bursts:
            x, end = scale.x(burst.start), scale.x(burst.end)
            text = words.format(burst.events)
            middle = min(max((x + end) / 2, scale.left + _wide(text) / 2), scale.right - _wide(text) / 2)
            free = middle - _wide(text) / 2 > taken
            taken = middle + _wide(text) / 2 + _LETTER if free else taken
            left_out |= not free
            label = Label(round(middle, 1), text, "middle") if free else None
            boxes.append(Box(x, round(end - x, 1), label))
        if not left_out:
            break
    return boxes


def _ticks(scale: Scale, most: int) -> Iterator[Label]:
    for at, text in steps(scale.end, most=most):
        x = scale.x(at)
        yield Label(x, text, "middle" if x + _wide(text) / 2 <= scale.right + _RIGHT else "end")


def _wide(text: str) -> float:
    return len(text) * _LETTER
