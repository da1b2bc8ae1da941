"""Day two: status, drift, logs, outputs, and what CI gets, from a real deployment."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.aws import Aws
from tests.e2e.stack import ROOT, Stack
from tests.events import require_documented

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def aws(stack: Stack) -> Aws:
    """Somebody's own hands in the account."""
    environment = stack.tool_environment()
    return Aws(region=environment["AWS_REGION"], environment=environment)


@pytest.fixture(scope="module")
def outputs(stack: Stack) -> dict[str, Any]:
    values: dict[str, Any] = stack.inv("outputs", "--json").last("outputs")["values"]
    return values


def request(stack: Stack) -> None:
    with urllib.request.urlopen(f"{stack.url}/api/health", timeout=60) as answer:
        assert answer.read() == b"OK"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("plan",), 0),
        (("smoke",), 0),
        (("doctor",), 0),
        (("status",), 0),
        (("outputs",), 0),
        (("releases",), 0),
        (("logs", "--lines", "5"), 0),
        (("local.status",), 0),
        (("local.logs", "--lines", "2"), 0),
        (("outputs", "--name", "nothing"), 1),
        (("logs", "--since", "tomorrow"), 3),
    ],
)
def test_what_a_task_writes_for_programs_is_as_documented(
    stack: Stack, arguments: tuple[str, ...], status: int
) -> None:
    ended = stack.inv(*arguments, "--json")
    assert ended.status == status, ended.stdout[-2000:] + ended.stderr
    assert ended.events
    require_documented(ended.events)
    assert (ended.events[-1]["type"] == "error") is (status in (1, 3))


def test_what_the_first_deploy_wrote_is_as_documented(stack: Stack) -> None:
    require_documented(stack.deployed.events)
    types = {event["type"] for event in stack.deployed.events}
    assert {"step", "plan", "resource", "smoke.check", "smoke", "recorded", "times", "deployed"} <= types


def test_status_names_what_is_deployed_and_what_it_did_not_check(
    stack: Stack, outputs: dict[str, Any]
) -> None:
    status = stack.inv("status", "--json").last("status")
    assert status["release"]["id"] == stack.deployed.last("recorded")["release"]
    assert status["image"] == {
        "tag": outputs["image_tag"],
        "digest": outputs["image_uri"].partition("@")[2],
    }
    assert status["client"] and status["librechat"] and status["config_version"]
    assert status["health"]["status"] == "ok"
    assert status["drift"]["status"] == "not checked"
    assert status["state"]["lock"] is None
    assert status["url"] == stack.url
    assert status["problems"] == []


def test_a_script_gets_the_bare_value_of_an_output(stack: Stack, outputs: dict[str, Any]) -> None:
    assert stack.inv("outputs", "--name", "function_name").stdout == f"{outputs['function_name']}\n"


def test_right_after_a_deploy_there_is_no_drift(stack: Stack) -> None:
    ended = stack.inv("drift", "--json")
    assert ended.status == 0, ended.stdout[-3000:]
    require_documented(ended.events)
    assert ended.last("drift")["checked"] > 40


@pytest.fixture
def tampered(aws: Aws, outputs: dict[str, Any]) -> Iterator[None]:
    """Somebody changed a timeout, opened the group, and deleted the lifecycle policy; put back afterwards."""
    function, ecr, ec2 = outputs["function_name"], aws.client("ecr"), aws.client("ec2")
    repository = {"repositoryName": function}
    policy = ecr.get_lifecycle_policy(**repository)["lifecyclePolicyText"]
    before = aws.client("lambda").get_function_configuration(FunctionName=function)
    variables = before["Environment"]["Variables"]
    group = before["VpcConfig"]["SecurityGroupIds"][0]
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}

    def configure(timeout: int, environment: dict[str, str]) -> None:
        aws.client("lambda").update_function_configuration(
            FunctionName=function, Timeout=timeout, Environment={"Variables": environment}
        )

    secrets = {"SOMEBODYS_API_KEY": "marked-secret", "MONGO_URI": "mongodb://admin:marked-secret@db/x"}
    configure(77, variables | secrets)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    ecr.delete_lifecycle_policy(**repository)
    yield
    ecr.put_lifecycle_policy(**repository, lifecyclePolicyText=policy)
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])
    configure(before["Timeout"], variables)


@pytest.mark.usefixtures("tampered")
def test_drift_shows_what_somebody_changed_and_removed_and_no_secret(stack: Stack, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    ended = stack.inv("drift", "--json", "--summary", str(summary))
    assert ended.status == 2, ended.stdout[-3000:]
    require_documented(ended.events)
    drift = ended.last("drift")
    found = {resource["address"]: resource for resource in drift["resources"]}
    assert drift["incomplete"] == ""
    assert [address for address, r in found.items() if r["action"] == "deleted"] == [
        "module.backend.module.ecr.aws_ecr_lifecycle_policy.this[0]"
    ]
    function = {
        a["path"]: (a["before"], a["after"])
        for a in found["module.backend.module.lambda.aws_lambda_function.this[0]"]["attributes"]
    }
    assert function["timeout"] == (900, 77)
    assert function["environment[0].variables.SOMEBODYS_API_KEY"] == ("(sensitive)", "(sensitive)")
    assert function["environment[0].variables.MONGO_URI"][1] == "(sensitive)"
    [rule] = found["module.backend.aws_security_group.function"]["attributes"]
    assert (rule["path"], rule["after"][0]["from_port"]) == ("ingress", 22)
    assert len(found) == 3
    assert "marked-secret" not in ended.stdout + ended.stderr + summary.read_text()
    assert "| `timeout` | `900` | `77` |" in summary.read_text()
    assert stack.inv("status", "--drift", "--json").last("status")["drift"]["status"] == "drifted"


def test_what_was_put_back_is_no_drift(stack: Stack) -> None:
    assert stack.inv("drift", "--json").status == 0


def test_the_log_of_one_request_has_librechats_own_lines(stack: Stack) -> None:
    request(stack)
    events = stack.inv("logs", "--json", "--lines", "0", "--since", "1h").events
    starts = [e["message"] for e in events if e["type"] == "function.log" and "START" in e["message"]]
    request_id = re.search(r"RequestId: (\S+)", starts[-1])
    assert request_id
    lines = stack.inv("logs", "--request-id", request_id[1], "--since", "1h").stdout
    assert "START RequestId" in lines and "REPORT RequestId" in lines


def test_a_filter_on_a_field_reaches_cloudwatch(stack: Stack) -> None:
    events = stack.inv("logs", "--json", "--since", "1h", "--filter", '{ $.path = "/api/health" }').events
    found = [json.loads(e["message"]) for e in events if e["type"] == "function.log"]
    assert found and all(line["path"] == "/api/health" for line in found)


def test_following_shows_new_lines_and_ends_with_ctrl_c_as_a_success(stack: Stack) -> None:
    following = subprocess.Popen(
        [str(Path(sys.executable).parent / "inv"), "logs", "--follow", "--json", "--since", "1s"],
        cwd=ROOT,
        env=stack.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["type"] == "step"  # it has begun
        request(stack)
        seen: list[dict[str, Any]] = []
        while not seen or "REPORT" not in seen[-1]["message"]:
            seen.append(json.loads(following.stdout.readline()))
        following.send_signal(signal.SIGINT)
        rest, _ = following.communicate(timeout=60)
        seen += map(json.loads, rest.splitlines())
    finally:
        following.kill()
        following.wait()
    assert following.returncode == 0
    ids = [event["id"] for event in seen]
    assert len(ids) == len(set(ids))


def test_the_summary_of_checks_is_readable_where_ci_shows_it(stack: Stack, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    assert stack.inv("smoke", "--summary", str(summary)).status == 0
    assert stack.inv("plan", "--summary", str(summary)).status == 0
    text = summary.read_text()
    assert text.startswith("## ✅ `inv smoke` → local, environment dev: done (exit status 0)")
    assert "## ✅ `inv plan`" in text and "No changes" in text
    assert "| ✅ | SC-003 |" in text
