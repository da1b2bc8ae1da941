"""JUnit XML, read back by a parser that others wrote."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

from scripts.smoke.report import junit
from tests.unit.smoke.reports import check, on_time, report, stream

GOOD = check("US1.2", measured="200", limit="200")
BAD = check(
    "SC-004", "failed", measured="buffered whole", limit="progressive", reason="It was buffered.",
    evidence="200\n\nevent: chunk", details=stream(on_time(), cause="buffered_whole"),
)  # fmt: skip
UNKNOWN = check("FR-021", "not checked", reason="not an https address")


def suite(*checks: dict[str, Any], **more: Any) -> TestSuite:
    (found,) = JUnitXml.fromstring(junit.render(report(*checks, **more)).encode())
    return found


def cases(*checks: dict[str, Any]) -> list[TestCase]:
    return list(suite(*checks))


def test_the_suite_counts_and_says_when_where_and_what() -> None:
    found = suite(GOOD, BAD, UNKNOWN)
    assert (found.name, found.tests, found.failures, found.errors, found.skipped) == ("smoke", 3, 1, 0, 1)
    assert (found.time, found.timestamp) == (5.25, "2026-01-02T03:04:05")
    assert {each.name: each.value for each in found.properties()} == {
        "url": "https://chat.example.test",
        "release": "20260102T030405678Z-1a2b3c",
    }
    placed = {each.name: each.value for each in suite(GOOD, target="aws", environment="prod").properties()}
    assert (placed["target"], placed["environment"]) == ("aws", "prod")


def test_each_check_is_a_case_of_its_part_of_the_specification() -> None:
    good, bad, _ = cases(GOOD, BAD, UNKNOWN)
    assert (good.classname, good.name, good.time) == ("smoke.US1", "US1.2 title of US1.2", 0.25)
    assert bad.classname == "smoke.SC"
    assert good.is_passed and good.system_out == "200 (limit: 200)"


def test_a_failure_names_its_cause_and_holds_the_evidence() -> None:
    (failure,) = cases(BAD)[0].result
    assert isinstance(failure, Failure)
    assert (failure.type, failure.message) == ("buffered_whole", "It was buffered.")
    assert "measured: buffered whole\nlimit: progressive" in failure.text
    assert "event: chunk" in failure.text


def test_a_check_that_could_not_run_is_skipped_with_the_reason() -> None:
    (skipped,) = cases(UNKNOWN)[0].result
    assert isinstance(skipped, Skipped)
    assert skipped.message == "not an https address"


def test_the_last_log_lines_come_with_the_suite() -> None:
    root = ElementTree.fromstring(junit.render(report(BAD, function_log=["[ERROR] boom"])))
    assert "[ERROR] boom" in (root.findtext("testsuite/system-out") or "")


def test_whatever_a_server_sent_the_document_can_be_read() -> None:
    nasty = ']]> <b> & " \x00\x0b\x1b\ufffe\ud800 \U0001f600'
    (failure,) = cases(check("A", "failed", reason=nasty, evidence=nasty, measured=nasty, title=nasty))[
        0
    ].result
    assert "]]> <b> &" in failure.text
    assert "\U0001f600" in failure.text


def test_no_value_of_a_credential_is_in_it() -> None:
    evidence = "authorization: Bearer MARKED\nset-cookie: refreshToken=MARKED; Path=/"
    text = junit.render(
        report(check("A", "failed", reason=evidence, evidence=evidence), function_log=[evidence])
    )
    assert "MARKED" not in text


ORDER = ["properties", "testcase", "system-out"]
RULES = {
    "testsuites": (set(), set()),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time"},
        {"skipped", "timestamp"},
    ),
    "properties": (set(), set()),
    "property": ({"name", "value"}, set()),
    "testcase": ({"classname", "name", "time"}, set()),
    "failure": ({"type", "message"}, set()),
    "skipped": ({"message"}, set()),
    "system-out": (set(), set()),
}
"""What Jenkins's and Surefire's schemas both allow: each element's required and optional attributes."""


@pytest.mark.parametrize("checks", [(), (GOOD,), (GOOD, BAD, UNKNOWN)])
def test_it_keeps_to_what_the_schemas_of_jenkins_and_surefire_share(
    checks: tuple[dict[str, Any], ...],
) -> None:
    root = ElementTree.fromstring(junit.render(report(*checks, function_log=["x"])))
    for element in root.iter():
        required, optional = RULES[element.tag]
        assert required <= set(element.attrib) <= required | optional, element.tag
    found = root.find("testsuite")
    assert found is not None
    places = [ORDER.index(child.tag) for child in found]
    assert places == sorted(places)
    for case in found.iter("testcase"):
        assert len(case) <= 1
        assert re.fullmatch(r"\d+\.\d{3}", case.get("time", ""))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", found.get("timestamp", ""))
