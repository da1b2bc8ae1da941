"""Whether the caller may deploy, by IAM's simulation: what is asked, and what is made of the answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.aws import Aws
from scripts.preflight import permissions
from scripts.preflight.model import Finding, Status
from scripts.preflight.needs import EXTRAS, NEEDS, TO_DEPLOY, Need
from scripts.settings import Settings
from scripts.state import StateBucket
from tests.conftest import PROJECT_ROOT


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


def test_whoever_knows_better_than_the_simulation_can_switch_it_off(default_settings: Settings) -> None:
    told = replace(default_settings.aws, check_permissions=False)
    (probe,) = permissions.probes(replace(default_settings, aws=told), Aws(region="eu-west-1"), ())
    finding = probe.look()
    assert finding.status is Status.NOT_CHECKED
    assert "aws.check_permissions" in finding.found


def test_what_one_occasion_alone_needs_stops_no_deploy() -> None:
    finding = judged(simulated({"lambda:DeleteFunction": "implicitDeny", "iam:DeleteRole": "explicitDeny"}))
    assert finding.status is Status.WARNING
    assert finding.found == (
        "not allowed, and needed for a destroy only: lambda:DeleteFunction, iam:DeleteRole"
    )


def test_what_a_deploy_needs_besides_is_not_forgiven() -> None:
    finding = judged(simulated({"lambda:DeleteFunction": "implicitDeny", "s3:CreateBucket": "implicitDeny"}))
    assert finding.status is Status.FAILED
    assert "s3:CreateBucket (the client's bucket)" in finding.found
    assert "needed for the first deploy only: s3:CreateBucket" in finding.found
    assert "needed for a destroy only: lambda:DeleteFunction" in finding.found


def test_what_the_organization_denies_is_not_the_role_s_to_allow() -> None:
    detail = {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}
    finding = judged(simulated({"iam:CreateRole": "implicitDeny"}, **detail))
    assert finding.status is Status.FAILED and "organization" in finding.remedy


def test_the_case_of_an_action_s_name_does_not_matter() -> None:
    def simulate(need: Need) -> Iterator[dict[str, Any]]:
        for action in need.actions:
            yield {"EvalActionName": action.lower(), "EvalDecision": "allowed"}

    assert judged(simulate).status is Status.OK


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("NoSuchEntity", "IAM could not simulate it: said IAM"),
        ("InvalidInput", "IAM could not simulate it: said IAM"),
        ("AccessDenied", "these credentials may not call SimulatePrincipalPolicy"),
    ],
)
def test_that_iam_does_not_simulate_stops_no_deploy(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch, code: str, found: str
) -> None:
    def refused(*_: Any) -> Finding:
        raise ClientError({"Error": {"Code": code, "Message": "said IAM"}}, "SimulatePrincipalPolicy")

    monkeypatch.setattr(permissions, "_simulated", refused)
    (probe,) = permissions.probes(default_settings, Aws(region="eu-west-1"), ())
    finding = probe.look()
    assert finding.status is Status.NOT_CHECKED and finding.found == found


def test_a_deploy_does_not_ask_whether_the_caller_may_destroy() -> None:
    assert set(TO_DEPLOY) < set(NEEDS)
    assert not any("destroy" in need.only_for for need in TO_DEPLOY)
    assert all("destroy" in need.only_for for need in set(NEEDS) - set(TO_DEPLOY))


def test_a_decision_counts_for_its_own_resource() -> None:
    def simulate(need: Need) -> Iterator[dict[str, Any]]:
        denied = need.resource == "arn:aws:s3:::mine"
        for action in need.actions:
            yield {"EvalActionName": action, "EvalDecision": "implicitDeny" if denied else "allowed"}

    needs = [Need("one", "arn:aws:s3:::mine", ("s3:ListBucket",)), Need("two", "*", ("s3:ListBucket",))]
    assert permissions.judge(needs, simulate).found == "not allowed: s3:ListBucket (one)"


def test_there_is_one_question_for_each_service_and_resource() -> None:
    asked: list[Need] = []

    def simulate(need: Need) -> Iterator[dict[str, Any]]:
        asked.append(need)
        yield from simulated({})(need)

    permissions.judge(NEEDS, simulate)
    places = [(need.actions[0].partition(":")[0], need.resource) for need in asked]
    assert len(places) == len(set(places))
    assert set(places) == {
        (action.partition(":")[0], need.resource) for need in NEEDS for action in need.actions
    }


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
        (":subnetgroup:", {"elasticache:AddTagsToResource"}),
        ("::/tags/", {"apigateway:PUT"}),
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


@pytest.mark.parametrize(
    "key", ["librechat-lambda/dev/terraform.tfstate", "shared/state", "terraform.tfstate"]
)
def test_the_records_of_releases_are_where_the_state_s_bucket_has_them(
    default_settings: Settings, key: str
) -> None:
    settings = replace(default_settings, state=replace(default_settings.state, key=key))
    resources = {need.resource for need in permissions._filled(settings)}
    place = StateBucket(Aws(region="eu-west-1"), settings)
    assert f"arn:aws:s3:::{place.bucket}/{place.releases}*" in resources


# --- The list -----------------------------------------------------------------------------------------


def test_the_names_are_those_of_terraform() -> None:
    terraform = "".join(
        file.read_text() for file in (PROJECT_ROOT / "infrastructure" / "terraform" / "modules").rglob("*.tf")
    )
    parts = {
        part
        for need in (*NEEDS, *EXTRAS)
        for part in re.findall(r"librechat-lambda-(\w+)-\{environment\}", need.resource)
    }
    assert parts == {"api", "files", "frontend", "redis", "spa"}
    for part in parts:
        assert f"${{var.context.name}}-{part}-${{var.context.environment}}" in terraform


def test_a_need_is_of_one_service_and_says_no_action_twice() -> None:
    for need in (*NEEDS, *EXTRAS):
        assert len({action.partition(":")[0] for action in need.actions}) == 1, need
        assert len(set(need.actions)) == len(need.actions), need


def test_only_tags_of_a_log_group_are_asked_for_without_its_streams() -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html"""
    for need in (*NEEDS, *EXTRAS):
        if ":log-group:" in need.resource:
            of_tags = {action for action in need.actions if "tag" in action.lower()}
            assert of_tags == (set() if need.resource.endswith(":*") else set(need.actions)), need
