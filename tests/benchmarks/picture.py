"""A benchmark as a picture: one panel a figure, one bar a candidate, a whisker for the range over the rounds.

Plain SVG, readable on a light and on a dark page: the colours follow the reader's scheme, and there is no
background. A value far beyond the others (a buffered answer among streams) is cut off, and says its value.
"""

from __future__ import annotations

from html import escape

from tests.benchmarks.figures import Figure, Results, Table
from tests.benchmarks.words import heading, number

_WIDTH = 920
_LABELS = 280
_VALUES = 110
_BAR = 14
_STEP = 22
_GAP = 34
_CUT = 4.0
"""A bar ends at so many times the median of all bars."""

_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; font-size: 16px; } .panel { font-weight: 600; }
  .bar { fill: #8c959f; } .ours { fill: #1f6feb; } .range { stroke: #57606a; } .base { stroke: #bc4c00; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .bar { fill: #6e7681; } .ours { fill: #58a6ff; }
    .range { stroke: #c9d1d9; } .base { stroke: #f0883e; }
  }
"""


def svg(results: Results, subtitle: str) -> str:
    """The picture of all figures of all tables."""
    body: list[str] = [_text(0, 20, results.title, "title"), _text(0, 40, subtitle)]
    top = 40.0
    for table in results.tables:
        for figure in table.figures:
            top += _GAP
            panel, height = _panel(table, figure, top)
            body += panel
            top += height
    height = top + 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(results.title, quote=True)}">\n<style>{_STYLE}</style>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _panel(table: Table, figure: Figure, top: float) -> tuple[list[str], float]:
    better = "more is better" if figure.more_is_better else "less is better"
    parts = [_text(0, top, f"{table.title}: {heading(figure)}, {better}", "panel")]
    spreads = {c: s for c in table.samples if (s := table.spread(c, figure))}
    if not spreads:
        return [], 0
    middles = sorted(spread.median for spread in spreads.values())
    end = min(max(s.high for s in spreads.values()), _CUT * middles[len(middles) // 2]) or 1
    scale = (_WIDTH - _LABELS - _VALUES) / end
    y = top + 10
    for candidate, spread in spreads.items():
        middle = y + _BAR / 2
        length = min(spread.median, end) * scale
        kind = "ours" if candidate in table.ours else "bar"
        parts.append(_text(_LABELS - 8, middle + 4, candidate, anchor="end"))
        size = f'width="{max(length, 1):.1f}" height="{_BAR}"'
        parts.append(f'<rect class="{kind}" x="{_LABELS}" y="{y}" {size} rx="2"/>')
        low, high = (min(value, end) * scale + _LABELS for value in (spread.low, spread.high))
        parts.append(f'<path class="range" d="M{low:.1f} {middle}H{high:.1f}"/>')
        cut = " ⟩⟩" if spread.median > end else ""
        right = max(length + _LABELS, high) + 6
        parts.append(_text(right, middle + 4, f"{number(spread.median)} {figure.unit}{cut}"))
        y += _STEP
    base = spreads.get(table.reference)
    if base and base.median <= end:
        x = base.median * scale + _LABELS
        line = f'<path class="base" stroke-dasharray="3 3" d="M{x:.1f} {top + 6}V{y - 4}"/>'
        parts.append(line)
    return parts, y - top


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{attribute}>{escape(text)}</text>'
