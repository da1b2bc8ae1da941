"""Credentials, permissions and quotas, from what AWS answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ProfileNotFound

from scripts.preflight import caller, permissions, quotas
from scripts.preflight.model import Check, Finding, Status
from scripts.preflight.permissions import NEEDS, Need
from scripts.preflight.runner import run
from scripts.settings import Settings


class Sts:
    """An account that answers one question."""

    def __init__(self, answer: Callable[[], str]) -> None:
        self._answer = answer

    def client(self, service: str, region: str | None = None) -> Sts:
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self._answer(), "Arn": "arn:aws:iam::1:user/ann"}


def asked(settings: Settings, answer: Callable[[], str]) -> Check:
    return run(list(caller.probes(settings, Sts(answer)))).checks[0]  # type: ignore[arg-type]


def test_the_right_account_is_named_with_the_caller(default_settings: Settings) -> None:
    check = asked(default_settings, lambda: "515966504419")
    assert (check.status, check.found) == (Status.OK, "515966504419 as arn:aws:iam::1:user/ann")


def test_credentials_of_another_account_are_refused(default_settings: Settings) -> None:
    check = asked(default_settings, lambda: "000000000000")
    assert check.status is Status.FAILED
    assert "000000000000" in check.found and "515966504419" in check.found


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (NoCredentialsError(), "Sign in"),
        (ClientError({"Error": {"Code": "ExpiredToken"}}, "GetCallerIdentity"), "Sign in"),
        (EndpointConnectionError(endpoint_url="https://sts"), "network"),
        (ProfileNotFound(profile="sandbox"), "~/.aws/config"),
    ],
)
def test_missing_credentials_and_a_missing_network_are_told_apart(
    default_settings: Settings, error: Exception, remedy: str
) -> None:
    def refuse() -> str:
        raise error

    check = asked(default_settings, refuse)
    assert check.status is Status.FAILED and remedy in check.remedy


# --- Permissions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller_arn", "source"),
    [
        ("arn:aws:iam::1:user/team/ann", "arn:aws:iam::1:user/team/ann"),
        ("arn:aws:sts::1:assumed-role/Deployer/session", "arn of Deployer"),
        ("arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_1/ann@example", "arn of AWSReservedSSO_Admin_1"),
        ("arn:aws:iam::1:root", ""),
        ("arn:aws:sts::1:federated-user/ann", ""),
    ],
)
def test_the_role_behind_a_session_is_simulated(caller_arn: str, source: str) -> None:
    assert permissions.principal(caller_arn, lambda name: f"arn of {name}") == source


def simulated(decisions: Mapping[str, str], **more: Any) -> Callable[[Need], Iterator[dict[str, Any]]]:
    def simulate(need: Need) -> Iterator[dict[str, Any]]:
        for action in need.actions:
            yield {"EvalActionName": action, "EvalDecision": decisions.get(action, "allowed"), **more}

    return simulate


def judged(simulate: Callable[[Need], Iterator[dict[str, Any]]]) -> Finding:
    return permissions.judge(NEEDS, simulate)


def test_a_caller_who_may_everything_is_fine() -> None:
    assert judged(simulated({})).status is Status.OK


def test_every_denied_action_is_listed_with_its_resource_and_its_reason() -> None:
    finding = judged(simulated({"iam:PassRole": "implicitDeny", "lambda:CreateFunction": "explicitDeny"}))
    assert finding.status is Status.FAILED
    assert "iam:PassRole (the function's role)" in finding.found
    assert "lambda:CreateFunction (the function)" in finding.found
    assert "Allow iam:PassRole on arn:aws:iam::{account}:role/" in finding.remedy


@pytest.mark.parametrize(
    "context",
    [
        {"MissingContextValues": ["aws:MultiFactorAuthPresent"]},
        {"ResourceSpecificResults": [{"MissingContextValues": ["aws:SourceIp"]}]},
    ],
)
def test_a_decision_that_hangs_on_an_unknown_condition_is_a_warning(context: dict[str, Any]) -> None:
    finding = judged(simulated({"iam:PassRole": "implicitDeny"}, **context))
    assert finding.status is Status.WARNING and "iam:PassRole" in finding.found


# Where the name of an IAM action is not that of an API operation:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_OF_ITS_OWN = {
    "s3:ListBucket", "s3:PutBucketPublicAccessBlock", "s3:PutEncryptionConfiguration", "iam:PassRole",
    "apigateway:GET", "apigateway:POST",
}  # fmt: skip


def test_every_action_of_the_table_exists() -> None:
    session = botocore.session.get_session()
    for need in NEEDS:
        for action in set(need.actions) - _OF_ITS_OWN:
            service, _, operation = action.partition(":")
            assert operation in session.get_service_model(service).operation_names, action


@pytest.mark.parametrize(
    ("resource", "actions"),
    [
        (":role/", {"iam:TagRole", "iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy"}),
        (":policy/service-role/AWSLambdaENIManagementAccess", {"iam:GetPolicy", "iam:GetPolicyVersion"}),
        (":repository/", {"ecr:TagResource"}),
        (":function:", {"lambda:TagResource"}),
        (":log-group:", {"logs:TagResource"}),
        (":security-group/", {"ec2:CreateTags"}),
        (":security-group-rule/", {"ec2:CreateTags"}),
        (":replicationgroup:", {"elasticache:AddTagsToResource"}),
        (":distribution/", {"cloudfront:TagResource"}),
        ("-frontend-dev", {"s3:PutBucketTagging"}),
        (":::librechat-lambda-tfstate-dev", {"s3:ListBucket"}),
    ],
)
def test_what_terraform_tags_and_writes_into_the_role_is_asked_for(
    default_settings: Settings, resource: str, actions: set[str]
) -> None:
    needs = permissions._filled(default_settings)
    asked = {action for need in needs if resource in need.resource for action in need.actions}
    assert actions <= asked


def test_what_terraform_never_calls_is_not_asked_for() -> None:
    asked = {action for need in NEEDS for action in need.actions}
    assert not asked & {"iam:AttachRolePolicy", "iam:CreatePolicy"}


def test_listing_the_state_s_bucket_is_asked_of_the_bucket_and_not_of_the_object(
    default_settings: Settings,
) -> None:
    resources = [
        need.resource for need in permissions._filled(default_settings) if "s3:ListBucket" in need.actions
    ]
    assert f"arn:aws:s3:::{default_settings.state.bucket}" in resources
    assert not any(resource.endswith("terraform.tfstate") for resource in resources)


def test_a_state_in_a_directory_needs_no_bucket(default_settings: Settings) -> None:
    state = replace(default_settings.state, backend="local")
    resources = [need.resource for need in permissions._filled(replace(default_settings, state=state))]
    assert not any(default_settings.state.bucket in resource for resource in resources)


def test_the_names_of_the_environment_are_filled_in(default_settings: Settings) -> None:
    resources = [need.resource for need in permissions._filled(default_settings)]
    assert not any("{" in resource for resource in resources)
    assert "arn:aws:lambda:eu-west-1:515966504419:function:librechat-lambda-api-dev" in resources


# --- Quotas ---------------------------------------------------------------------------------------


def test_room_for_one_more_is_fine_and_none_is_a_warning() -> None:
    assert quotas.headroom(499, 500, raised="ask").status is Status.OK
    full = quotas.headroom(500, 500, raised="ask")
    assert (full.status, full.remedy) == (Status.WARNING, "ask")
