"""The smoke checks in a summary: the verdict and what failed stand open, everything else is folded away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.smoke.model import Status
from scripts.smoke.report import timeline
from scripts.smoke.report.run import Checked, Run
from scripts.smoke.report.stream import Stream
from scripts.smoke.report.text import duration
from scripts.summary.markdown import folded, paragraph, plain, raw, table

_ORDER = (Status.FAILED, Status.NOT_CHECKED, Status.PASSED)
_SIGNS = {Status.FAILED: "❌", Status.NOT_CHECKED: "➖", Status.PASSED: "✅"}
_WIDTH = 100
"""Columns of a timeline: what the page of a CI run shows without scrolling."""


def draw(event: Mapping[str, Any]) -> Iterator[str]:
    """The blocks of the section."""
    run = Run.from_json(event)
    yield "### Smoke checks"
    yield f"{plain(run.headline)}: **{run.counts or 'no checks'}**, in {duration(run.seconds)}."
    for check in run.of(Status.FAILED):
        yield from _failure(check)
    yield from raw("Last log lines of the function", "\n".join(run.function_log))
    checks = sorted(run.checks, key=lambda check: _ORDER.index(check.status))
    rows = [
        (_SIGNS[check.status], plain(check.id), plain(check.title), plain(check.found), plain(check.limit),
         duration(check.seconds))
        for check in checks
    ]  # fmt: skip
    yield from folded("All checks", table(("", "Item", "Check", "Measured", "Limit", "Time"), rows))
    streams = [
        (f"{check.id} {check.title}", stream) for check in run.checks if (stream := Stream.of(check.details))
    ]
    if streams:
        yield from raw("How the streams arrived", "\n".join(timeline.block(streams, _WIDTH)))


def _failure(check: Checked) -> Iterator[str]:
    limit = f", limit {plain(check.limit)}" if check.limit else ""
    found = f"measured {plain(check.measured)}{limit}" if check.measured else ""
    yield f"❌ **{plain(check.id)} {plain(check.title)}**" + (f": {found}" if found else "")
    if check.reason:
        yield paragraph(check.reason)
    yield from raw(f"Evidence of {check.id}", check.evidence)
