"""The parts of the page that are tables: figures of a stream, the page load, the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.smoke.report.comparison import noise
from scripts.smoke.report.run import Checked, Run
from scripts.smoke.report.text import duration, number, size

Row = tuple[str, str]
"""A name and a value."""

_FIGURES = (
    ("to_headers_ms", "Headers"),
    ("to_first_byte_ms", "First byte"),
    ("to_first_event_ms", "First event"),
    ("to_first_token_ms", "First token"),
    ("tokens_per_second", "Tokens a second"),
    ("gap_median_ms", "Gap, median"),
    ("gap_p95_ms", "Gap, 95th percentile"),
    ("gap_max_ms", "Gap, longest"),
    ("jitter_ms", "Jitter"),
    ("held_ms", "Held back, at most"),
    ("total_ms", "Whole stream"),
)


def figures(details: Mapping[str, Any]) -> list[Row]:
    """The figures of a stream that were measured."""
    measured = ((key, name, number(details.get(key))) for key, name in _FIGURES)
    return [
        (name, duration(value / 1000) if key.endswith("_ms") else f"{value:g}")
        for key, name, value in measured
        if value is not None
    ]


@dataclass(frozen=True)
class Loaded:
    """One file of the page load. Positions are percent of the whole; `cache` is CloudFront's word."""

    path: str
    status: str
    cache: str
    size: str
    time: str
    wait_x: float
    wait_width: float
    take_x: float
    take_width: float


def waterfall(run: Run) -> tuple[Checked, tuple[Loaded, ...]] | None:
    """The check that loaded the page, and each file in the order of loading; None when none did."""
    for check in run.checks:
        rows = check.details.get("waterfall")
        if isinstance(rows, list) and (files := [row for row in rows if isinstance(row, Mapping)]):
            end = max(_ms(row, "end_ms") for row in files) or 1.0
            return check, tuple(_loaded(row, end) for row in files)
    return None


def _loaded(row: Mapping[str, Any], end: float) -> Loaded:
    begin, headers, done = _ms(row, "start_ms"), _ms(row, "headers_ms"), _ms(row, "end_ms")
    headers = min(max(begin, headers), done)
    return Loaded(
        path=str(row.get("path", "")),
        status=str(row.get("status", "")),
        cache=str(row.get("cache", "")).removesuffix(" from cloudfront"),
        size=size(number(row.get("bytes")) or 0),
        time=duration(max(0.0, done - begin) / 1000),
        wait_x=round(100 * begin / end, 2),
        wait_width=round(100 * max(0.0, headers - begin) / end, 2),
        take_x=round(100 * headers / end, 2),
        # What came at once is still a mark that can be seen.
        take_width=round(max(0.6, 100 * (done - headers) / end), 2),
    )


def _ms(row: Mapping[str, Any], key: str) -> float:
    return max(0.0, number(row.get(key)) or 0.0)


@dataclass(frozen=True)
class Start:
    """The first answer of the API beside the next one. Widths are percent of the longer."""

    check: Checked
    first: str
    next: str
    first_width: float
    next_width: float
    was_warm: bool


def start(run: Run) -> Start | None:
    """Cold against warm, if the API's health was measured."""
    for check in run.checks:
        first, again = number(check.details.get("seconds")), number(check.details.get("warm_seconds"))
        if first and again:
            longest = max(first, again)
            return Start(
                check,
                duration(first),
                duration(again),
                round(100 * first / longest, 2),
                round(100 * again / longest, 2),
                noise(again, first),
            )
    return None


_SECONDS = "seconds"
_CONFIGURATION = {
    "CloudFront": (
        ("distribution_id", "Distribution", ""),
        ("origin_read_timeout", "Origin response timeout", _SECONDS),
        ("origin_completion_timeout", "Origin completion timeout", _SECONDS),
        ("connection_attempts", "Connection attempts", ""),
        ("compress", "Compresses API answers", ""),
        ("http_version", "HTTP", ""),
        ("price_class", "Price class", ""),
    ),
    "API Gateway": (
        ("api_id", "API", ""),
        ("api_deployment", "Deployment", ""),
        ("endpoint_type", "Endpoint", ""),
        ("transfer_mode", "Response transfer mode", ""),
        ("integration_timeout", "Integration timeout", _SECONDS),
    ),
    "Lambda": (
        ("function_name", "Function", ""),
        ("image", "Image", ""),
        ("architecture", "Architecture", ""),
        ("memory_mb", "Memory", "MB"),
        ("function_timeout", "Timeout", _SECONDS),
        ("heartbeat", "Heartbeat of a silent stream", _SECONDS),
    ),
}


def configuration(deployed: Mapping[str, Any]) -> list[tuple[str, list[Row]]]:
    """What the account said is deployed, by service. What has no label here is shown by its own name."""
    groups = [
        (group, [(label, _value(deployed[key], unit)) for key, label, unit in rows if key in deployed])
        for group, rows in _CONFIGURATION.items()
    ]
    known = {key for rows in _CONFIGURATION.values() for key, _, _ in rows} | {"release", "unknown"}
    rest = [
        (name.replace("_", " ").capitalize(), _value(value, ""))
        for name, value in deployed.items()
        if name not in known
    ]
    return [(group, rows) for group, rows in [*groups, ("Other", rest)] if rows]


def not_known(deployed: Mapping[str, Any]) -> Iterator[Row]:
    """What could not be read from the account, and why."""
    unknown = deployed.get("unknown")
    if isinstance(unknown, Mapping):
        yield from ((str(name), str(reason)) for name, reason in unknown.items())


def _value(value: Any, unit: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == _SECONDS and (seconds := number(value)) is not None:
        return f"{seconds:g} s"
    return f"{value} {unit}" if unit else str(value)
