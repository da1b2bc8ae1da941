"""`inv doctor`, and what plan and deploy make of a failed check, on an embedded AWS of its own."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.aws import Aws
from scripts.errors import ExitStatus
from tests.e2e.stack import Stack, make_stack
from tests.integration.doctor.place import TFVARS

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = make_stack(tmp_path_factory.mktemp("doctor"))
    yield stack
    stack.inv("local.down")


@pytest.fixture
def running(stack: Stack) -> Stack:
    """Seeded before a test changes the tfvars: what they then name is not there."""
    assert stack.inv("local.up").status == 0
    return stack


def change_tfvars(stack: Stack, **values: Any) -> None:
    path = stack.terraform / "environments" / "dev" / "terraform.tfvars.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_doctor_starts_the_embedded_aws_and_says_so(stack: Stack) -> None:
    ended = stack.inv("doctor", "--json")
    assert ended.status == 0, ended.stdout + ended.stderr
    assert ended.last("step")["name"] == "embedded AWS"
    assert ended.last("step")["note"].startswith("started")
    report = ended.last("doctor")
    assert report["ok"] and report["counts"]["failed"] == 0
    again = stack.inv("doctor")
    assert again.status == 0
    assert "was running" in again.stdout
    assert " ok, " in again.stdout.splitlines()[-1]


@pytest.mark.parametrize("command", [("doctor",), ("plan",), ("deploy", "--yes")])
def test_a_failed_check_ends_the_command_with_status_3_before_anything_is_touched(
    running: Stack, command: tuple[str, ...]
) -> None:
    change_tfvars(running, private_subnet_ids=["subnet-0"], custom_domain="chat.example.org")
    try:
        ended = running.inv(*command, "--json")
    finally:
        running.restore()
    assert ended.status == ExitStatus.PREFLIGHT_FAILED, ended.stdout + ended.stderr
    for fault in ("subnet-0 does not exist", "chat.example.org does not lie in sandbox.data.apro.is"):
        assert fault in ended.stdout
    environment = running.tool_environment()
    s3 = Aws(region="eu-west-1", environment=environment).client("s3")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [TFVARS["config_s3_bucket"]]


def test_doctor_shows_what_is_missing_when_the_embedded_aws_cannot_start(
    stack: Stack, tmp_path: Path
) -> None:
    stack.inv("local.down")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = stack.inv("doctor", "--json", INVOKE_LOCAL_PORT=str(taken.getsockname()[1]))
    assert ended.status == ExitStatus.PREFLIGHT_FAILED
    checks = {found["name"]: found for found in ended.last("doctor")["checks"]}
    assert checks["embedded AWS"]["status"] == "failed" and checks["embedded AWS"]["remedy"]
    assert checks["account"]["found"] == "needs embedded AWS, which failed"
    assert checks["terraform"]["status"] == "ok"
