"""A deployed rehearsal, used as a person and a CI job use it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e


def test_a_second_deploy_says_that_nothing_changed_and_changes_nothing(stack: Stack) -> None:
    again = stack.inv("deploy", "--json")
    assert again.status == 0
    assert again.last("plan")["empty"]
    assert not [event for event in again.events if event["type"] == "resource"]
    assert again.last("smoke")["ok"]
    assert again.last("deployed")["url"] == stack.url


def test_a_plan_without_changes_exits_with_0(stack: Stack) -> None:
    assert stack.inv("plan", "--json").status == 0


def test_a_plan_with_changes_exits_with_2_and_counts_them(stack: Stack) -> None:
    tfvars = stack.terraform / "environments" / "dev" / "terraform.tfvars.json"
    values = json.loads(tfvars.read_text())
    try:
        tfvars.write_text(json.dumps(values | {"origin_read_timeout": 45}))
        planned = stack.inv("plan", "--json")
    finally:
        stack.restore()
    assert planned.status == 2
    assert planned.last("plan")["counts"] == {"add": 0, "change": 1, "replace": 0, "destroy": 0, "forget": 0}


@pytest.mark.parametrize("path", ["/", "/chat/123", "/c/new"])
def test_pages_and_deep_links_are_the_client(stack: Stack, path: str) -> None:
    answer = httpx.get(stack.url + path, timeout=60)
    assert answer.status_code == 200
    assert '<div id="root">' in answer.text
    assert answer.headers["cache-control"] == "no-cache"


def test_health_is_the_apps_own(stack: Stack) -> None:
    answer = httpx.get(f"{stack.url}/api/health", timeout=60)
    assert (answer.status_code, answer.text) == (200, "OK")


def test_of_the_key_that_the_distribution_sends_the_function_holds_a_hash_alone(stack: Stack) -> None:
    changes = {c["type"]: c["change"] for c in stack.plan_json()["resource_changes"]}
    variables = changes["aws_lambda_function"]["after"]["environment"][0]["variables"]
    origins = changes["aws_cloudfront_distribution"]["after"]["origin"]
    (key,) = [header["value"] for origin in origins for header in origin["custom_header"]]
    hashes = variables["ORIGIN_KEY_HASHES"].split(",")
    assert len(set(hashes)) == 3
    assert hashes[0] == hashlib.sha256(key.encode()).hexdigest()
    # Or a drift of any variable could not be read.
    assert changes["aws_lambda_function"]["after_sensitive"]["environment"] == [{"variables": {}}]


def test_the_function_s_own_code_may_do_nothing_in_ec2(stack: Stack) -> None:
    """Its role has what Lambda needs for network interfaces; the code that runs with it needs none of it.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice
    """
    changes = stack.plan_json()["resource_changes"]
    (function,) = [c["change"]["after"] for c in changes if c["type"] == "aws_lambda_function"]
    policies = [c["change"]["after"]["policy"] for c in changes if c["type"] == "aws_iam_role_policy"]
    statements = [statement for policy in policies for statement in json.loads(policy)["Statement"]]
    (denied,) = [statement for statement in statements if statement["Effect"] == "Deny"]
    assert (denied["Action"], denied["Resource"]) == ("ec2:*", "*")
    assert denied["Condition"] == {"ArnEquals": {"lambda:SourceFunctionArn": function["arn"]}}
    assert any("ec2:CreateNetworkInterface" in statement["Action"] for statement in statements)


def test_a_stream_arrives_event_by_event(stack: Stack) -> None:
    url = f"{stack.url}/api/health/stream?chunks=5&interval_ms=2000"
    assert httpx.get(url, timeout=60).status_code == 403, "it holds an environment: not for anybody"
    with httpx.stream("GET", url, headers=stack.diagnostic_headers(), timeout=60) as answer:
        parts = [part for part in answer.iter_raw() if part.strip()]
    # The first event was here when the last ones were seconds away.
    assert 1 <= parts[0].count(b"event: chunk") < 5
    assert b"".join(parts).count(b"event: chunk") == 5


def test_the_deployment_survives_a_restart_of_the_embedded_aws(stack: Stack) -> None:
    assert stack.inv("local.down").status == 0
    assert stack.inv("local.up").status == 0
    assert stack.inv("plan", "--json").status == 0
    assert httpx.get(f"{stack.url}/api/health", timeout=60).text == "OK"


@contextmanager
def holding_the_lock(stack: Stack) -> Iterator[None]:
    """Somebody else's ``terraform apply``, which waits for an answer and holds the state lock."""
    apply = subprocess.Popen(
        ["terraform", "apply", "-no-color", "-replace=module.frontend.terraform_data.client"],
        cwd=stack.workspace,
        env=stack.tool_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert apply.stdin
    assert apply.stdout
    try:
        # Its question stands on lines of its own; the lock is held from before the plan on.
        assert any("Do you want to perform these actions" in line for line in apply.stdout)
        yield
    finally:
        apply.communicate("no\n")


def test_a_held_lock_ends_the_run_with_5_naming_the_holder_and_the_remedy(stack: Stack) -> None:
    with holding_the_lock(stack):
        locked = stack.inv("plan", "--json", INVOKE_STATE_LOCK_TIMEOUT="1s")
    error = locked.last("error")
    assert locked.status == 5, error
    assert "@" in error["lock"]["who"]
    assert error["lock"]["host"] in error["why"]
    assert error["lock"]["unlock"] in error["next_step"]
    assert stack.inv("plan", "--json").status == 0, "the lock went with its holder"


def test_documentdbs_security_group_admits_the_function_where_it_is_named(stack: Stack) -> None:
    root = stack.terraform / "environments" / "dev"
    groups = json.loads((root / "terraform.tfvars.json").read_text())["security_group_ids"]
    more = root / "documentdb.auto.tfvars.json"
    more.write_text(json.dumps({"security_group_ids": groups | {"documentdb": "sg-0d0cdb"}}))
    try:
        plan = stack.plan_json()
    finally:
        more.unlink()

    changes = [c for c in plan["resource_changes"] if c["change"]["actions"] not in (["no-op"], ["read"])]
    assert [(c["type"], c["change"]["actions"]) for c in changes] == [
        ("aws_vpc_security_group_ingress_rule", ["create"])
    ]
    after = changes[0]["change"]["after"]
    assert (after["security_group_id"], after["from_port"], after["to_port"]) == ("sg-0d0cdb", 27017, 27017)
