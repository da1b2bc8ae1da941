"""docs/permissions.md says what scripts/preflight/needs.py says, as tables and as policies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from scripts.preflight.needs import EXTRAS, NEEDS, Need
from tests.conftest import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "permissions.md").read_text()

_WORDS = {
    "region": "REGION",
    "account": "ACCOUNT",
    "environment": "ENVIRONMENT",
    "vpc": "VPC",
    "zone": "ZONE",
    "state_bucket": "STATE_BUCKET",
    "state_key": "librechat-lambda/ENVIRONMENT/terraform.tfstate",
    "releases": "librechat-lambda/ENVIRONMENT/releases/",
    "config_bucket": "CONFIG_BUCKET",
}

_DEPLOY = tuple(need for need in NEEDS if "destroy" not in need.only_for)
_DESTROY = tuple(need for need in NEEDS if "destroy" in need.only_for)

_NOT_FOR_A_PLAN = (
    "the records of releases",
    "publishing the client",
    "logging in to ECR",
    "pushing the image",
    "waiting for those records",
    "inv logs",
    "inv doctor asks IAM about all of this",
    "inv smoke --long: how many streams the function can have",
)


def reads(action: str) -> bool:
    """API Gateway's actions are HTTP methods; of ECR's, BatchGetImage is in the list for the push alone."""
    return action.partition(":")[2].startswith(("Get", "List", "Describe", "GET"))


_PLAN = tuple(
    replace(need, actions=tuple(filter(reads, need.actions)))
    for need in (*_DEPLOY, *EXTRAS)
    if need.reason not in _NOT_FOR_A_PLAN and not need.only_for
)

each_part = pytest.mark.parametrize(
    ("title", "policy", "needs"),
    [
        ("## A deploy", "### Deploy,", _DEPLOY),
        ("## A destroy", "### Destroy", _DESTROY),
        ("## What a run goes on without", "### The rest", EXTRAS),
    ],
)


def sections(heading: str) -> list[str]:
    """What stands under each heading that begins so."""
    parts = re.split(r"^(?=#{2,3} )", PAGE, flags=re.MULTILINE)
    found = [part for part in parts if part.startswith(heading)]
    assert found, f"no {heading}"
    return found


def policies(heading: str) -> list[str]:
    return [text for part in sections(heading) for text in re.findall(r"```json\n(.*?)```", part, re.DOTALL)]


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def granted(policy: str) -> set[tuple[str, str]]:
    document = json.loads(policy)
    assert document["Version"] == "2012-10-17"
    assert all(statement["Effect"] == "Allow" for statement in document["Statement"])
    return {
        (action, resource)
        for statement in document["Statement"]
        for action in statement["Action"]
        for resource in as_list(statement["Resource"])
    }


def needed(needs: Iterable[Need]) -> set[tuple[str, str]]:
    return {(action, need.resource.format(**_WORDS)) for need in needs for action in need.actions}


def row(need: Need) -> str:
    occasion = f" ({need.only_for})" if need.only_for not in ("", "a destroy") else ""
    names = ", ".join(action.partition(":")[2] for action in need.actions)
    service = need.actions[0].partition(":")[0]
    return f"| {service} | {need.reason}{occasion} | `{need.resource.format(**_WORDS)}` | {names} |"


@each_part
def test_the_policies_allow_what_is_needed_and_nothing_else(
    title: str, policy: str, needs: tuple[Need, ...]
) -> None:
    assert set().union(*map(granted, policies(policy))) == needed(needs)


@each_part
def test_the_tables_hold_what_is_needed_and_nothing_else(
    title: str, policy: str, needs: tuple[Need, ...]
) -> None:
    rows = re.findall(r"^\| .* \| `.*` \| .* \|$", sections(title)[0], re.MULTILINE)
    assert sorted(rows) == sorted(map(row, needs))


def test_a_plan_of_a_pull_request_may_read_what_a_plan_reads_and_write_nothing() -> None:
    (policy,) = policies("### A plan of a pull request")
    assert granted(policy) == needed(_PLAN)
    assert all(map(reads, {action for action, _ in granted(policy)}))


def test_such_a_plan_reads_neither_the_users_files_nor_a_secret() -> None:
    (policy,) = policies("### A plan of a pull request")
    objects = {resource for action, resource in granted(policy) if action.startswith("s3:GetObject")}
    state = "arn:aws:s3:::STATE_BUCKET/librechat-lambda/ENVIRONMENT/terraform.tfstate"
    assert objects == {state, f"{state}.tflock", "arn:aws:s3:::CONFIG_BUCKET/*"}
    secrets = ("ssm:GetParameter", "secretsmanager:", "kms:", "logs:Get", "logs:FilterLogEvents")
    assert not [action for action, _ in granted(policy) if action.startswith(secrets)]


def test_every_need_that_a_plan_does_without_is_one_of_the_list() -> None:
    assert set(_NOT_FOR_A_PLAN) <= {need.reason for need in (*NEEDS, *EXTRAS)}


def without_white_space(policy: str) -> int:
    return len(re.sub(r"\s", "", policy))


def test_every_policy_fits_into_a_managed_policy() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    sizes = [without_white_space(policy) for policy in policies("### ")]
    assert len(sizes) == 5 and max(sizes) <= 6144


def test_every_word_to_replace_is_explained() -> None:
    words = {word for policy in policies("### ") for word in re.findall(r"\b[A-Z_]{3,}\b", policy)}
    explained = set(re.findall(r"`([A-Z_]{3,})`", PAGE.partition("\n## ")[0]))
    assert words - {"GET", "POST", "PUT", "PATCH", "DELETE"} <= explained
