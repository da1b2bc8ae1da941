"""The report: the same facts for people and for programs."""

from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console as RichConsole

from scripts.console import Console
from scripts.smoke.model import Result, Status, failed, passed
from scripts.smoke.report import Finding, Report
from tests.unit.smoke.reports import on_time, stream

GOOD = Finding("US1.2", "a deep link gives index.html", passed("200, index.html", "200"), 0.012)
BAD = Finding(
    "SC-003",
    "/api/health answers OK",
    failed("500", "200, OK", reason="aws_lambda_permission is missing.", evidence="500\n\n[bold]{}[/bold]"),
    1.5,
    by_function=True,
)
UNKNOWN = Finding("FR-021", "TLS 1.2 or newer", Result(Status.NOT_CHECKED, "", reason="plain HTTP here"), 0.0)
STREAM = Finding("SC-004", "the stream", passed("progressive", details=stream(on_time())), 2.0)


def drawn(report: Report, width: int = 120) -> str:
    out = io.StringIO()
    RichConsole(file=out, width=width).print(report)
    return out.getvalue()


def test_a_report_without_failures_is_ok_and_counts_what_was_not_checked() -> None:
    report = Report("http://x", (GOOD, UNKNOWN), 1.0)
    assert report.ok
    assert report.summary == "Smoke: 1 passed, 1 not checked in 1.0 s at http://x"


def test_a_report_in_which_nothing_passed_is_not_ok() -> None:
    assert not Report("http://x", (UNKNOWN,), 1.0).ok
    assert not Report("http://x", (), 1.0).ok


def test_one_failure_fails_the_report() -> None:
    report = Report("http://x", (GOOD, BAD, UNKNOWN), 1.0)
    assert not report.ok
    assert "1 passed, 1 failed, 1 not checked" in report.summary


def test_the_table_shows_measured_values_and_why_something_was_not_checked() -> None:
    text = drawn(Report("http://x", (GOOD, UNKNOWN, STREAM), 1.0))
    assert "200, index.html" in text
    assert "not checked: plain HTTP here" in text
    assert "12 ms" in text and "2.00 s" in text


@pytest.mark.parametrize("width", [60, 120])
def test_a_stream_is_drawn_under_the_table_as_wide_as_the_terminal(width: int) -> None:
    lines = drawn(Report("http://x", (GOOD, STREAM), 1.0), width).splitlines()
    start = lines.index("SC-004 the stream: progressive")
    assert [line.split()[0] for line in lines[start + 1 : start + 3]] == ["due", "came"]
    assert lines[start + 2].count("│") == 20
    assert max(map(len, lines[start:-2])) <= width
    assert "due" not in drawn(Report("http://x", (GOOD,), 1.0), width)


def test_a_terminal_without_unicode_gets_the_report_in_ascii() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    RichConsole(file=out, width=100).print(Report("http://x", (GOOD, BAD, UNKNOWN, STREAM), 1.0))
    out.seek(0)
    text = out.read()
    assert "FAIL" in text
    assert re.search(r"^due +'", text, re.MULTILINE) and re.search(r"^came +\|", text, re.MULTILINE)


def test_a_failure_shows_reason_evidence_and_log_without_reading_them_as_markup() -> None:
    text = drawn(Report("http://x", (BAD,), 1.0, ("12:00:00.000 [ERROR] boom",)))
    assert "aws_lambda_permission is missing." in text
    assert "[bold]{}[/bold]" in text
    assert "[ERROR] boom" in text


def test_programs_get_one_line_with_everything() -> None:
    out = io.StringIO()
    Console(json_lines=True, stdout=out).show(
        Report("http://x", (GOOD, BAD, UNKNOWN, STREAM), 1.0, ("line",))
    )
    event = json.loads(out.getvalue())
    assert (event["type"], event["ok"], event["passed"], event["failed"], event["not_checked"]) == (
        "smoke",
        False,
        2,
        1,
        1,
    )
    assert event["checks"][1]["evidence"].startswith("500")
    assert event["checks"][2]["status"] == "not checked"
    assert event["checks"][3]["details"]["arrivals_ms"] == on_time()
    assert event["function_log"] == ["line"]
