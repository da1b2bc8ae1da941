"""The report: the same facts for people and for programs."""

from __future__ import annotations

import io
import json

from rich.console import Console as RichConsole

from scripts.console import Console
from scripts.smoke.model import Result, Status, failed, passed
from scripts.smoke.report import Finding, Report

GOOD = Finding("US1.2", "a deep link gives index.html", passed("200, index.html", "200"), 0.012)
BAD = Finding(
    "SC-003",
    "/api/health answers OK",
    failed("500", "200, OK", reason="aws_lambda_permission is missing.", evidence="500\n\n[bold]{}[/bold]"),
    1.5,
    by_function=True,
)
UNKNOWN = Finding("FR-021", "TLS 1.2 or newer", Result(Status.NOT_CHECKED, "", reason="plain HTTP here"), 0.0)
STREAM = Finding("SC-004", "the stream", passed("progressive", drawing="1··1", details={"events": 2}), 2.0)


def drawn(report: Report) -> str:
    out = io.StringIO()
    RichConsole(file=out, width=120).print(report)
    return out.getvalue()


def test_a_report_without_failures_is_ok_and_counts_what_was_not_checked() -> None:
    report = Report("http://x", (GOOD, UNKNOWN), 1.0)
    assert report.ok
    assert report.summary == "Smoke: 1 passed, 1 not checked in 1.0 s at http://x"


def test_one_failure_fails_the_report() -> None:
    report = Report("http://x", (GOOD, BAD, UNKNOWN), 1.0)
    assert not report.ok
    assert "1 passed, 1 failed, 1 not checked" in report.summary


def test_the_table_shows_measured_values_and_why_something_was_not_checked() -> None:
    text = drawn(Report("http://x", (GOOD, UNKNOWN, STREAM), 1.0))
    assert "200, index.html" in text
    assert "not checked: plain HTTP here" in text
    assert "SC-004  1··1" in text
    assert "12 ms" in text and "2.00 s" in text


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
    assert event["checks"][3]["details"] == {"events": 2}
    assert event["function_log"] == ["line"]
