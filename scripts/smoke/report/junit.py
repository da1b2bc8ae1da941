"""The report as JUnit XML, which CI systems show beside their own tests.

There is no one standard. This keeps to what Jenkins, GitLab and GitHub's reporters have in common: one
``testsuite`` in ``testsuites``, with ``properties`` first; times in seconds; a ``failure`` or a ``skipped``
in a ``testcase``. https://github.com/jenkinsci/xunit-plugin has Jenkins's schema (junit-10.xsd),
https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd Surefire's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from scripts.smoke.model import Status
from scripts.smoke.report import files
from scripts.smoke.report.run import Checked, Run

_SUITE = "smoke"


def write(report: Mapping[str, Any], path: Path) -> None:
    """Write the file; one that is there is replaced.

    Args:
        report: `Report.to_json`.
        path: Where to.

    Raises:
        OSError: when it cannot be written.
    """
    files.replace(path, render(report))


def render(report: Mapping[str, Any]) -> str:
    """The document. No secrets, and no character that XML 1.0 forbids: `Run` takes them out."""
    run = Run.from_json(report)
    root = Element("testsuites")
    suite = SubElement(root, "testsuite", _attributes(run))
    properties = SubElement(suite, "properties")
    for name, value in (
        ("url", run.url),
        ("target", run.target),
        ("environment", run.environment),
        ("release", run.release),
    ):
        if value:
            SubElement(properties, "property", name=name, value=value)
    for check in run.checks:
        _case(suite, check)
    if run.function_log:
        SubElement(suite, "system-out").text = "\n".join(
            ("Last log lines of the function", *run.function_log)
        )
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _attributes(run: Run) -> dict[str, str]:
    # The schema of Ant and Jenkins wants a local time without a zone: UTC, for whoever reads it.
    moment = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", run.started)
    return {
        "name": _SUITE,
        "tests": str(len(run.checks)),
        "failures": str(len(run.of(Status.FAILED))),
        "errors": "0",
        "skipped": str(len(run.of(Status.NOT_CHECKED))),
        "time": f"{run.seconds:.3f}",
    } | ({"timestamp": moment[0]} if moment else {})


def _case(suite: Element, check: Checked) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=f"{_SUITE}.{check.group}",
        name=f"{check.id} {check.title}",
        time=f"{check.seconds:.3f}",
    )
    if check.status is Status.FAILED:
        failure = SubElement(case, "failure", message=check.reason or check.measured, type=check.kind)
        found = f"measured: {check.measured}\nlimit: {check.limit}" if check.limit else check.measured
        failure.text = "\n\n".join(part for part in (found, check.reason, check.evidence) if part)
    elif check.status is Status.NOT_CHECKED:
        SubElement(case, "skipped", message=check.reason)
    elif check.measured:
        limit = f" (limit: {check.limit})" if check.limit else ""
        SubElement(case, "system-out").text = check.measured + limit
