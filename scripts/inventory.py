"""Looks for what a destroy should have removed, service by service, side by side.

Terraform's own word is not asked: this reads the account. Ours is what carries our names
(``librechat-lambda-PART-ENVIRONMENT``) or, in groups and zones that we share, our tags or our domain.
The state bucket is not a leftover: it outlives deployments on purpose.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from scripts import daemons
from scripts.aws import Aws, error_code
from scripts.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

PREFIX = "librechat-lambda-"

_POLICY = "-(inline|logs|vpc)"
"""What the module lambda puts behind the function's name."""

_LOOKS = 3
_LOOK_AGAIN_AFTER = 3.0
"""Lists of S3, IAM and CloudFront are eventually consistent: what is seen once may be gone already."""


@dataclass(frozen=True, order=True)
class Leftover:
    """Something of ours that is still in the account."""

    kind: str
    name: str


@dataclass(frozen=True)
class Inventory:
    """What was found, and what could not be looked at. An `Outcome` of the console."""

    leftovers: tuple[Leftover, ...]
    unchecked: Mapping[str, str]
    checked: tuple[str, ...]

    type = "inventory"

    @property
    def clean(self) -> bool:
        """Whether everything was looked at and nothing of ours was found."""
        return not self.leftovers and not self.unchecked

    def to_json(self) -> dict[str, Any]:
        """Kinds that were checked, leftovers by kind and name, and errors of failed looks."""
        return {
            "clean": self.clean,
            "checked": list(self.checked),
            "leftovers": [{"kind": left.kind, "name": left.name} for left in self.leftovers],
            "unchecked": dict(self.unchecked),
        }

    def __rich__(self) -> RenderableType:
        """One line when clean, else a table."""
        from rich.table import Table
        from rich.text import Text

        if self.clean:
            return Text(f"Nothing of ours is left ({len(self.checked)} kinds of resources checked).", "green")
        table = Table("Kind", "Left behind", box=None, pad_edge=False)
        for left in self.leftovers:
            table.add_row(left.kind, Text(left.name, "bold red"))
        for kind, reason in self.unchecked.items():
            table.add_row(kind, Text(f"could not be checked: {reason}", "yellow"))
        return table


def take(aws: Aws, settings: Settings) -> Inventory:
    """Look everywhere; look again at what was found, as it may be on its way out."""
    names = _Names(aws, settings)
    pending = dict(names.looks())
    checked = tuple(pending)
    unchecked: dict[str, str] = {}
    leftovers: list[Leftover] = []
    for look in range(_LOOKS):
        if look:
            time.sleep(_LOOK_AGAIN_AFTER)
        leftovers, unchecked = _look(pending)
        again = {left.kind for left in leftovers}
        pending = {kind: find for kind, find in pending.items() if kind in again or kind in unchecked}
        if not pending:
            break
    return Inventory(tuple(sorted(leftovers)), unchecked, checked)


def anything(aws: Aws, settings: Settings) -> bool:
    """Whether one look finds anything of ours. What could not be looked at counts as found."""
    leftovers, unchecked = _look(dict(_Names(aws, settings).looks()))
    return bool(leftovers or unchecked)


_Find = Callable[[], Iterable[str]]


def _look(finds: Mapping[str, _Find]) -> tuple[list[Leftover], dict[str, str]]:
    leftovers: list[Leftover] = []
    unchecked: dict[str, str] = {}
    looks = {kind: daemons.start(partial(_names_of, find)) for kind, find in finds.items()}
    for kind, look in looks.items():
        try:
            leftovers += [Leftover(kind, name) for name in look.result()]
        except Exception as error:
            unchecked[kind] = f"{error_code(error) or type(error).__name__}: {error}"
    return leftovers, unchecked


def _names_of(find: _Find) -> list[str]:
    return list(find())


class _Names:
    """The looks, one method a kind of resource; each yields the names of what is ours."""

    def __init__(self, aws: Aws, settings: Settings) -> None:
        self._aws = aws
        self._environment = settings.environment
        self._state_bucket = settings.state.bucket
        self._tfvars = settings.tfvars

    def looks(self) -> Iterator[tuple[str, _Find]]:
        yield "S3 bucket", self._buckets
        yield "ECR repository", self._repositories
        yield "Lambda function", self._functions
        yield "log group", self._log_groups
        yield "REST API", self._rest_apis
        yield "CloudFront distribution", self._distributions
        yield "CloudFront function", self._cloudfront_functions
        yield "response headers policy", self._response_headers_policies
        yield "origin access control", self._origin_access_controls
        yield "ElastiCache replication group", self._replication_groups
        yield "ElastiCache subnet group", self._subnet_groups
        yield "security group", self._security_groups
        yield "security group rule", self._shared_rules
        yield "IAM role", self._roles
        yield "IAM policy", self._policies
        yield "Route 53 record", self._records

    def _ours(self, name: str, suffix: str = "") -> bool:
        """Whether a name is one of ours, with what a module puts behind it (`suffix`, a pattern).

        The part has no hyphen, so that a name belongs to one environment only: ``dev-2`` has one.
        """
        return re.fullmatch(f"{PREFIX}[^-]+-{self._environment}{suffix}", name) is not None

    def _pages(self, service: str, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
        for page in self._aws.client(service).get_paginator(operation).paginate(**arguments):
            yield from page.get(key, ())

    def _cloudfront(self, operation: str, key: str, **arguments: str) -> Iterator[Any]:
        """Page by page, by hand: botocore has paginators for some of these lists only."""
        while True:
            page = getattr(self._aws.client("cloudfront"), operation)(**arguments)[key]
            yield from page.get("Items", ())
            if not page.get("NextMarker"):
                return
            arguments["Marker"] = page["NextMarker"]

    def _buckets(self) -> Iterator[str]:
        for bucket in self._aws.client("s3").list_buckets()["Buckets"]:
            if self._ours(bucket["Name"]) and bucket["Name"] != self._state_bucket:
                yield bucket["Name"]

    def _repositories(self) -> Iterator[str]:
        for repository in self._pages("ecr", "describe_repositories", "repositories"):
            if self._ours(repository["repositoryName"]):
                yield repository["repositoryName"]

    def _functions(self) -> Iterator[str]:
        for function in self._pages("lambda", "list_functions", "Functions"):
            if self._ours(function["FunctionName"]):
                yield function["FunctionName"]

    def _log_groups(self) -> Iterator[str]:
        prefix = f"/aws/lambda/{PREFIX}"
        for group in self._pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=prefix):
            if self._ours(group["logGroupName"].removeprefix("/aws/lambda/")):
                yield group["logGroupName"]

    def _rest_apis(self) -> Iterator[str]:
        for api in self._pages("apigateway", "get_rest_apis", "items"):
            if self._ours(api["name"]):
                yield f"{api['name']} ({api['id']})"

    def _distributions(self) -> Iterator[str]:
        domain = self._tfvars.get("custom_domain", "")
        for distribution in self._cloudfront("list_distributions", "DistributionList"):
            aliases = distribution.get("Aliases", {}).get("Items", ())
            if domain in aliases or self._is_origin(distribution):
                yield f"{distribution['Id']} ({distribution['DomainName']})"

    def _is_origin(self, distribution: Mapping[str, Any]) -> bool:
        origins = distribution.get("Origins", {}).get("Items", ())
        return any(self._ours(origin["DomainName"].split(".")[0]) for origin in origins)

    def _cloudfront_functions(self) -> Iterator[str]:
        for function in self._cloudfront("list_functions", "FunctionList"):
            if self._ours(function["Name"]):
                yield function["Name"]

    def _response_headers_policies(self) -> Iterator[str]:
        listed = "ResponseHeadersPolicyList"
        for item in self._cloudfront("list_response_headers_policies", listed, Type="custom"):
            name = item["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]["Name"]
            if self._ours(name):
                yield name

    def _origin_access_controls(self) -> Iterator[str]:
        for control in self._cloudfront("list_origin_access_controls", "OriginAccessControlList"):
            if self._ours(control["Name"]):
                yield control["Name"]

    def _replication_groups(self) -> Iterator[str]:
        groups = self._pages("elasticache", "describe_replication_groups", "ReplicationGroups")
        for group in groups:
            if self._ours(group["ReplicationGroupId"]):
                yield f"{group['ReplicationGroupId']} ({group.get('Status', '')})"

    def _subnet_groups(self) -> Iterator[str]:
        groups = self._pages("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups")
        for group in groups:
            if self._ours(group["CacheSubnetGroupName"]):
                yield group["CacheSubnetGroupName"]

    def _security_groups(self) -> Iterator[str]:
        vpc = [{"Name": "vpc-id", "Values": [self._tfvars.get("vpc_id", "")]}]
        for group in self._pages("ec2", "describe_security_groups", "SecurityGroups", Filters=vpc):
            if self._ours(group["GroupName"]):
                yield f"{group['GroupName']} ({group['GroupId']})"

    def _shared_rules(self) -> Iterator[str]:
        """Rules that we put into groups of others; our own groups' rules go with the groups."""
        groups = [{"Name": "group-id", "Values": list(self._tfvars.get("security_group_ids", {}).values())}]
        rules = self._pages("ec2", "describe_security_group_rules", "SecurityGroupRules", Filters=groups)
        for rule in rules:
            tags = {tag["Key"]: tag["Value"] for tag in rule.get("Tags", ())}
            ours = tags.get("Project") == PREFIX.rstrip("-")
            if ours and tags.get("Environment") == self._environment:
                yield f"{rule['SecurityGroupRuleId']} in {rule['GroupId']}"

    def _roles(self) -> Iterator[str]:
        for role in self._pages("iam", "list_roles", "Roles"):
            if self._ours(role["RoleName"]):
                yield role["RoleName"]

    def _policies(self) -> Iterator[str]:
        for policy in self._pages("iam", "list_policies", "Policies", Scope="Local"):
            if self._ours(policy["PolicyName"], _POLICY):
                yield policy["PolicyName"]

    def _records(self) -> Iterator[str]:
        domain = f"{self._tfvars.get('custom_domain', '')}."
        zone = self._tfvars.get("route53_zone_id", "")
        records = self._pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone)
        for record in records:
            if record["Name"] == domain and record["Type"] in ("A", "AAAA"):
                yield f"{record['Name']} {record['Type']}"
