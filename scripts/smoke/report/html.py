"""``--report FILE``: the run as one page that opens from disk.

It asks the network for nothing and runs no script; a Content Security Policy in the page says so. What is
written here is data only; how it looks is in ``templates/``, where everything is escaped by Jinja.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scripts.smoke.model import Status
from scripts.smoke.report import files, parts
from scripts.smoke.report import text as writing
from scripts.smoke.report.comparison import NOISE_FACTOR, NOISE_SECONDS, compare
from scripts.smoke.report.picture import NARROW, WIDE, Picture, describe
from scripts.smoke.report.run import Checked, Run
from scripts.smoke.report.stream import Stream

_TEMPLATES = Path(__file__).parent / "templates"
_SHARES = {Status.PASSED: "passed", Status.FAILED: "failed", Status.NOT_CHECKED: "unchecked"}
"""The statuses as class names of the style sheet."""


@dataclass(frozen=True)
class Drawn:
    """One stream of the page; `id` is that of its element."""

    id: str
    check: Checked
    stream: Stream
    pictures: tuple[tuple[str, Picture], ...]
    description: str
    figures: list[parts.Row]

    @property
    def legend(self) -> list[parts.Row]:
        """The marks that need a word, by their class in the style sheet, and what they mean."""
        stream = self.stream
        meanings = (
            (stream.heartbeats, "beat", "heartbeat"),
            (stream.gaps, "gap", "gap: events were due, nothing came"),
            (stream.bursts, "burst", "burst: sent apart, came at once"),
            (stream.missing, "missing", "never came"),
            (stream.stalls, "stall", "the measuring machine stood still"),
        )
        return [(key, meaning) for there, key, meaning in meanings if there]


def write(report: Mapping[str, Any], previous: Mapping[str, Any] | None, path: Path) -> None:
    """Write the page; one that is there is replaced at once.

    Args:
        report: `Report.to_json`.
        previous: An earlier run of the same deployment (`previous_run`), or None.
        path: Where to. `files.require_writable` has looked at it before the run.

    Raises:
        OSError: when it cannot be written.
    """
    files.replace(path, render(report, previous))


def render(report: Mapping[str, Any], previous: Mapping[str, Any] | None = None) -> str:
    """The page. No secrets: `Run` takes them out."""
    run = Run.from_json(report)
    comparison = compare(Run.from_json(previous), run) if previous else None
    streams = [drawn for n, check in enumerate(run.checks) if (drawn := _drawn(check, f"check-{n}"))]
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template("page.html")
        .render(
            run=run,
            # The style sheet is ours; the policy allows it by its hash, and nothing else.
            style=Markup(style),
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            Status=Status,
            shares=[(status, _SHARES[status], len(run.of(status))) for status in Status if run.of(status)],
            streams=streams,
            drawn_as={drawn.check.key: drawn.id for drawn in streams},
            page_load=parts.waterfall(run),
            start=parts.start(run),
            configuration=parts.configuration(run.deployed),
            not_known=list(parts.not_known(run.deployed)),
            comparison=comparison,
            regressions={each.check.key for each in comparison.regressions} if comparison else set(),
            noise=f"{NOISE_SECONDS * 1000:.0f} ms and a factor of {NOISE_FACTOR:g}",
        )
    )


def _drawn(check: Checked, id: str) -> Drawn | None:
    stream = Stream.of(check.details)
    if stream is None:
        return None
    pictures = tuple(
        (name, Picture.of(stream, width)) for name, width in (("wide", WIDE), ("narrow", NARROW))
    )
    return Drawn(id, check, stream, pictures, describe(stream), parts.figures(check.details))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": writing.duration,
        "moment": writing.moment,
        "plural": writing.plural,
        "mark": writing.MARKS.__getitem__,
        "class": _SHARES.__getitem__,
    }
    return environment
