"""``inv smoke`` as people and CI call it, on the shared deployment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.aws import Aws
from tests.e2e.stack import ROOT, Stack
from tests.events import require_documented

pytestmark = pytest.mark.e2e

INV = str(Path(sys.executable).parent / "inv")


def test_any_deployment_can_be_checked_by_its_address_alone(stack: Stack, tmp_path: Path) -> None:
    nowhere = tmp_path / "local"
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("INVOKE_", "AWS_"))}
    done = subprocess.run(
        [INV, "smoke", "--json", "--base-url", stack.url, "--skip", "US2.3"],
        cwd=ROOT,
        env=environment | {"INVOKE_LOCAL_DIRECTORY": str(nowhere)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    require_documented(events)
    status = {(check["id"], check["title"]): check["status"] for check in events[-1]["checks"]}
    # Its token comes from the function's configuration.
    assert status["SC-004", "the diagnostic stream arrives progressively"] == "not checked"
    assert status["FR-014", "the frontend bucket is closed around CloudFront"] == "not checked"
    assert "US2.3" not in {id for id, _ in status}
    assert events[-1]["deployed"] is None
    assert not nowhere.exists(), "nothing of this machine was needed, and nothing was left"


def test_a_run_leaves_its_page_its_junit_and_its_summary(stack: Stack, tmp_path: Path) -> None:
    page, junit, summary = (tmp_path / name for name in ("smoke.html", "smoke.xml", "summary.md"))
    files = ["--report", str(page), "--junit", str(junit), "--summary", str(summary)]
    done = stack.inv("smoke", "--only", "US1,sc-003", "--only", "SC-004", "--skip", "us1.3", "--json", *files)
    assert done.status == 0, done.stdout[-3000:] + done.stderr
    require_documented(done.events)
    report = done.last("smoke")
    assert {check["id"] for check in report["checks"]} == {"US1.1", "US1.2", "SC-003", "SC-004", "US2.3"}
    assert report["deployed"]["release"] == stack.deployed.last("recorded")["release"]
    assert report["deployed"]["transfer_mode"] == "STREAM"
    cases = list(ElementTree.parse(junit).getroot().iter("testcase"))
    assert len(cases) == len(report["checks"])
    assert not any(case.find("failure") is not None for case in cases)
    assert stack.url in page.read_text() and report["deployed"]["release"] in page.read_text()
    assert "| ✅ | SC-004 |" in summary.read_text()


@pytest.fixture
def index(stack: Stack) -> Iterator[tuple[Aws, dict[str, Any]]]:
    """Where index.html lies; put back afterwards."""
    environment = stack.tool_environment()
    aws = Aws(region=environment["AWS_REGION"], environment=environment)
    place = {"Bucket": stack.inv("outputs", "--name", "frontend_bucket").stdout.strip(), "Key": "index.html"}
    kept = aws.client("s3").get_object(**place)
    body = kept["Body"].read()
    yield aws, place
    aws.client("s3").put_object(
        **place,
        Body=body,
        ContentType=kept["ContentType"],
        CacheControl=kept["CacheControl"],
        Metadata=kept["Metadata"],
    )


def test_a_watch_sees_the_deployment_break_and_ends(stack: Stack, index: tuple[Aws, dict[str, Any]]) -> None:
    aws, place = index
    flags = ["--watch", "0.5", "--until-failed", "--only", "US1", "--json"]
    watching = subprocess.Popen(
        [INV, "smoke", *flags],
        cwd=ROOT,
        env=stack.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert watching.stdout is not None
        events: list[dict[str, Any]] = []
        while not events or events[-1]["type"] != "smoke.run":
            events.append(json.loads(watching.stdout.readline()))
        assert events[-1]["ok"], events[-1]
        aws.client("s3").delete_object(**place)
        rest, _ = watching.communicate(timeout=120)
        events += map(json.loads, rest.splitlines())
    finally:
        watching.kill()
        watching.wait()
    assert watching.returncode == 4
    require_documented(events)
    last = [event for event in events if event["type"] == "smoke.run"][-1]
    assert ("US1.1", "passed", "failed") in {
        (change["id"], change["before"], change["status"]) for change in last["changes"]
    }
    assert [event["type"] for event in events[-2:]] == ["smoke.watch", "error"]
