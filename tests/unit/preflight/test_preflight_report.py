"""What a report says, to people, to programs and to a deploy."""

from __future__ import annotations

import io
import json

import pytest

from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.preflight.model import Check, Report, Status, failed, ok, warning, worst

REPORT = Report(
    (
        Check("Tools", "node", Status.OK, "20.20.2", took=0.1),
        Check("Tools", "git", Status.WARNING, "not on PATH", "Install git."),
        Check("Account", "account", Status.FAILED, "no [credentials]", "Sign in.", 1.25),
        Check("Network", "VPC", Status.NOT_CHECKED, "needs account, which failed"),
    ),
    3.14,
)


def shown(report: Report, *, json_lines: bool) -> str:
    out = io.StringIO()
    Console(json_lines=json_lines, stdout=out).show(report)
    return out.getvalue()


def test_the_summary_counts_what_happened() -> None:
    assert REPORT.summary == "1 ok, 1 warning, 1 failed, 1 not checked in 3.1 s"
    assert Report(REPORT.checks[:1], 0.2).summary == "1 ok in 0.2 s"
    assert Report(REPORT.checks[1:2] * 2, 0.2).summary == "2 warnings in 0.2 s"


def test_people_see_groups_marks_and_what_to_do() -> None:
    lines = [line.rstrip() for line in shown(REPORT, json_lines=False).splitlines()]
    text = "\n".join(lines)
    assert [line.strip() for line in lines if line.strip() in ("Tools", "Account", "Network")] == [
        "Tools", "Account", "Network",
    ]  # fmt: skip
    for mark, name in (("✓", "node"), ("!", "git"), ("✗", "account"), ("–", "VPC")):
        assert any(line.startswith(mark) and name in line for line in lines)
    assert "→ Sign in." in text and "→ Install git." in text
    assert "no [credentials]" in text  # what AWS says is no markup
    assert lines[-1] == REPORT.summary


def test_programs_get_every_check_with_its_status() -> None:
    event = json.loads(shown(REPORT, json_lines=True))
    assert event["type"] == "doctor"
    assert event["ok"] is False
    assert event["counts"] == {"ok": 1, "warning": 1, "failed": 1, "not checked": 1}
    assert event["checks"][2] == {
        "group": "Account",
        "name": "account",
        "status": "failed",
        "found": "no [credentials]",
        "remedy": "Sign in.",
        "took": 1.25,
    }


def test_a_deploy_stops_at_every_failure_at_once() -> None:
    also = Check("Network", "subnets", Status.FAILED, "no NAT", "Make one.")
    with pytest.raises(DeployError) as stopped:
        Report((*REPORT.checks, also)).require()
    assert stopped.value.status is ExitStatus.PREFLIGHT_FAILED
    assert stopped.value.why == "account: no [credentials]\nsubnets: no NAT"
    assert stopped.value.next_step == "Sign in.\nMake one."


def test_warnings_and_unchecked_things_stop_no_deploy() -> None:
    report = Report((REPORT.checks[0], REPORT.checks[1], REPORT.checks[3]))
    report.require()
    assert [check.name for check in report.warnings] == ["git"]


def test_several_problems_are_one_finding_as_grave_as_the_gravest() -> None:
    finding = worst(
        [warning("soon", "act"), failed("gone", "make it"), failed("also gone", "make it")], ok("")
    )
    assert finding == failed("soon; gone; also gone", "act make it")
    assert worst([], ok("fine")) == ok("fine")
