"""The look for leftovers after a destroy."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest

from scripts import inventory
from scripts.console import Console
from scripts.inventory import Leftover
from scripts.settings import Settings

EMPTY: dict[str, dict[str, Any]] = {
    "s3": {"list_buckets": {"Buckets": []}},
    "ecr": {"describe_repositories": {"repositories": []}},
    "lambda": {"list_functions": {"Functions": []}},
    "logs": {"describe_log_groups": {"logGroups": []}},
    "apigateway": {"get_rest_apis": {"items": []}},
    "cloudfront": {
        "list_distributions": {"DistributionList": {"Quantity": 0}},
        "list_functions": {"FunctionList": {"Quantity": 0}},
        "list_response_headers_policies": {"ResponseHeadersPolicyList": {"Quantity": 0}},
        "list_origin_access_controls": {"OriginAccessControlList": {"Quantity": 0}},
    },
    "elasticache": {
        "describe_replication_groups": {"ReplicationGroups": []},
        "describe_cache_subnet_groups": {"CacheSubnetGroups": []},
    },
    "ec2": {
        "describe_security_groups": {"SecurityGroups": []},
        "describe_security_group_rules": {"SecurityGroupRules": []},
    },
    "iam": {"list_roles": {"Roles": []}, "list_policies": {"Policies": []}},
    "route53": {"list_resource_record_sets": {"ResourceRecordSets": []}},
}


class Client:
    """Answers each operation from memory; a list of answers is given out one after the other."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    def __getattr__(self, operation: str) -> Any:
        return lambda **arguments: self._page(operation, arguments.get("Marker", ""))

    def get_paginator(self, operation: str) -> Any:
        client = self

        class Paginator:
            def paginate(self, **_: Any) -> Iterator[Any]:
                yield client._answer(operation)

        return Paginator()

    def _page(self, operation: str, marker: str) -> Any:
        """A dictionary of answers holds pages by marker."""
        answer = self._answer(operation)
        return answer[marker] if "" in answer else answer

    def _answer(self, operation: str) -> Any:
        answer = self._answers[operation]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Account:
    """An account that holds what it is told to hold."""

    def __init__(self, **services: dict[str, Any]) -> None:
        self._services = {
            name: {**operations, **services.get(name.replace("-", "_"), {})}
            for name, operations in EMPTY.items()
        }

    def client(self, service: str, region: str | None = None) -> Client:
        return Client(self._services[service])


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "_LOOK_AGAIN_AFTER", 0.0)


def another(settings: Settings, environment: str) -> Settings:
    """The same in another environment, whose files need not be there."""
    other = dataclasses.replace(settings, environment=environment)
    other.__dict__["tfvars"] = settings.tfvars
    return other


def take(settings: Settings, **services: dict[str, Any]) -> inventory.Inventory:
    return inventory.take(Account(**services), settings)  # type: ignore[arg-type]


def test_an_empty_account_is_clean(default_settings: Settings) -> None:
    found = take(default_settings)
    assert found.clean
    assert len(found.checked) == 16


def test_what_is_ours_is_named_with_its_kind(default_settings: Settings) -> None:
    found = take(
        default_settings,
        s3={"list_buckets": {"Buckets": [{"Name": "librechat-lambda-files-dev"}]}},
        iam={"list_roles": {"Roles": [{"RoleName": "librechat-lambda-api-dev"}]}},
    )
    assert found.leftovers == (
        Leftover("IAM role", "librechat-lambda-api-dev"),
        Leftover("S3 bucket", "librechat-lambda-files-dev"),
    )
    assert not found.clean


@pytest.mark.parametrize(
    "name",
    ["librechat-lambda-files-prod", "another-bucket-dev", "librechat-lambda-tfstate-dev"],
)
def test_what_is_not_ours_is_left_in_peace(default_settings: Settings, name: str) -> None:
    """Another environment, another project, and the state bucket that outlives deployments."""
    assert take(default_settings, s3={"list_buckets": {"Buckets": [{"Name": name}]}}).clean


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ("dev", "librechat-lambda-frontend-dev2"),
        ("dev", "librechat-lambda-frontend-dev-2"),
        ("dev", "librechat-lambda-frontend-my-dev"),
        ("api", "librechat-lambda-api-prod"),
        ("prod", "librechat-lambda-api-api-prod"),
    ],
)
def test_an_environment_with_a_similar_name_is_left_in_peace(
    default_settings: Settings, environment: str, name: str
) -> None:
    settings = another(default_settings, environment)
    found = take(
        settings,
        s3={"list_buckets": {"Buckets": [{"Name": name}]}},
        iam={
            "list_roles": {"Roles": [{"RoleName": name}]},
            "list_policies": {"Policies": [{"PolicyName": f"{name}-logs"}]},
        },
    )
    assert found.clean, found.leftovers


@pytest.mark.parametrize("environment", ["dev", "dev-2", "api", "lambda"])
def test_every_name_that_terraform_makes_is_known(default_settings: Settings, environment: str) -> None:
    modules = default_settings.terraform_source / "modules"
    text = "".join(path.read_text() for path in modules.glob("*/main.tf"))
    made = re.findall(r'"\$\{var\.context\.name\}(\S+)\$\{var\.context\.environment\}"', text)
    assert len(made) == text.count("var.context.name") > 5, "a name is made in another way"
    names = [f"librechat-lambda{part}{environment}" for part in made]
    settings = another(default_settings, environment)
    found = take(settings, s3={"list_buckets": {"Buckets": [{"Name": name} for name in names]}})
    assert sorted(left.name for left in found.leftovers) == sorted(names)


def test_a_policy_has_what_the_module_puts_behind_the_functions_name(default_settings: Settings) -> None:
    """Without it, it is the environment's that is called so: ``dev-logs`` has ``api-dev-logs-logs``."""
    suffixes = ("-inline", "-logs", "-vpc", "-logs-logs", "")
    policies = [{"PolicyName": f"librechat-lambda-api-dev{suffix}"} for suffix in suffixes]
    roles = [{"RoleName": "librechat-lambda-api-dev-logs"}]
    found = take(
        default_settings, iam={"list_policies": {"Policies": policies}, "list_roles": {"Roles": roles}}
    )
    assert [left.name.removeprefix("librechat-lambda-api-dev") for left in found.leftovers] == [
        "-inline",
        "-logs",
        "-vpc",
    ]


@pytest.mark.parametrize(
    ("operation", "key", "item"),
    [
        (
            "list_distributions",
            "DistributionList",
            {
                "Id": "E1",
                "DomainName": "d",
                "Origins": {"Items": [{"DomainName": "librechat-lambda-frontend-dev.s3.amazonaws.com"}]},
            },
        ),
        ("list_functions", "FunctionList", {"Name": "librechat-lambda-spa-dev"}),
        ("list_origin_access_controls", "OriginAccessControlList", {"Name": "librechat-lambda-frontend-dev"}),
        (
            "list_response_headers_policies",
            "ResponseHeadersPolicyList",
            {
                "ResponseHeadersPolicy": {
                    "ResponseHeadersPolicyConfig": {"Name": "librechat-lambda-client-dev"}
                }
            },
        ),
    ],
)
def test_what_is_on_a_later_page_of_cloudfront_is_found(
    default_settings: Settings, operation: str, key: str, item: dict[str, Any]
) -> None:
    pages = {
        "": {key: {"Items": [], "NextMarker": "100"}},
        "100": {key: {"Quantity": 0, "NextMarker": "200"}},
        "200": {key: {"Items": [item], "NextMarker": ""}},
    }
    assert len(take(default_settings, cloudfront={operation: pages}).leftovers) == 1


def test_the_domain_of_an_unnamed_distribution_gives_it_away(default_settings: Settings) -> None:
    ours = {
        "Id": "E1",
        "DomainName": "d1.cloudfront.net",
        "Aliases": {"Quantity": 1, "Items": [default_settings.tfvars["custom_domain"]]},
        "Origins": {"Items": []},
    }
    theirs = {"Id": "E2", "DomainName": "d2.cloudfront.net", "Aliases": {"Quantity": 0}, "Origins": {}}
    listed = {"DistributionList": {"Items": [ours, theirs]}}
    found = take(default_settings, cloudfront={"list_distributions": listed})
    assert found.leftovers == (Leftover("CloudFront distribution", "E1 (d1.cloudfront.net)"),)


def test_a_response_headers_policy_is_known_by_its_name(default_settings: Settings) -> None:
    items = [
        {"Type": "custom", "ResponseHeadersPolicy": {"ResponseHeadersPolicyConfig": {"Name": name}}}
        for name in ("librechat-lambda-client-dev", "somebody-elses")
    ]
    listed = {"ResponseHeadersPolicyList": {"Quantity": 2, "Items": items}}
    found = take(default_settings, cloudfront={"list_response_headers_policies": listed})
    assert found.leftovers == (Leftover("response headers policy", "librechat-lambda-client-dev"),)


def test_our_rules_in_a_shared_group_are_known_by_their_tags(default_settings: Settings) -> None:
    tags = [{"Key": "Project", "Value": "librechat-lambda"}, {"Key": "Environment", "Value": "dev"}]
    rules = [
        {"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-shared", "Tags": tags},
        {"SecurityGroupRuleId": "sgr-2", "GroupId": "sg-shared", "Tags": []},
    ]
    found = take(default_settings, ec2={"describe_security_group_rules": {"SecurityGroupRules": rules}})
    assert found.leftovers == (Leftover("security group rule", "sgr-1 in sg-shared"),)


def test_the_alias_record_is_ours_and_other_records_of_the_zone_are_not(default_settings: Settings) -> None:
    domain = default_settings.tfvars["custom_domain"]
    records = [
        {"Name": f"{domain}.", "Type": "A"},
        {"Name": f"{domain}.", "Type": "TXT"},
        {"Name": "other.example.", "Type": "A"},
    ]
    found = take(default_settings, route53={"list_resource_record_sets": {"ResourceRecordSets": records}})
    assert found.leftovers == (Leftover("Route 53 record", f"{domain}. A"),)


def test_what_is_on_its_way_out_is_looked_at_again(default_settings: Settings) -> None:
    """Lists are eventually consistent."""
    listing = [{"Buckets": [{"Name": "librechat-lambda-files-dev"}]}, {"Buckets": []}]
    assert take(default_settings, s3={"list_buckets": listing}).clean


def test_a_kind_that_could_not_be_looked_at_is_not_called_clean(default_settings: Settings) -> None:
    found = take(default_settings, iam={"list_roles": PermissionError("not allowed")})
    assert not found.clean
    assert "not allowed" in found.unchecked["IAM role"]


def test_a_kind_that_answers_the_second_time_is_checked(default_settings: Settings) -> None:
    answers = [PermissionError("throttled"), {"Roles": [{"RoleName": "librechat-lambda-api-dev"}]}]
    found = take(default_settings, iam={"list_roles": answers})
    assert found.unchecked == {}
    assert found.leftovers == (Leftover("IAM role", "librechat-lambda-api-dev"),)


def test_leftovers_are_shown_by_name(default_settings: Settings) -> None:
    out = io.StringIO()
    found = take(default_settings, s3={"list_buckets": {"Buckets": [{"Name": "librechat-lambda-files-dev"}]}})
    Console(stdout=out).show(found)
    assert "librechat-lambda-files-dev" in out.getvalue()
