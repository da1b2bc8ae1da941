"""Room in the account for what a first deploy makes, where an API tells it.

A full quota is a warning: what is deployed already needs no room, and Terraform says the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from scripts.aws import Aws, error_code
from scripts.preflight.model import Finding, ok, warning
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Quotas"

# Codes: https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
_INTERFACES = ("lambda", "L-9FEE3D26")  # Elastic network interfaces per VPC
_DISTRIBUTIONS = ("cloudfront", "L-24B04930")  # Web distributions per AWS account
_ROLES = ("iam", "L-FE177D64")  # Roles per account
_GROUP_RULES = ("vpc", "L-0EA8095F")  # Inbound or outbound rules per security group

_REST_APIS = 600
"""Regional APIs per Region, which cannot be raised.

https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""

_CONCURRENCY = 20
"""Every open stream holds an environment. New accounts begin with 10.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


def probes(settings: Settings, aws: Aws, needs: tuple[str, ...]) -> Iterator[Probe]:
    """One probe for each quota."""
    looks: dict[str, Callable[[], Finding]] = {
        "Lambda concurrency": lambda: _concurrency(aws),
        "Lambda network interfaces": lambda: _interfaces(aws, settings.tfvars["vpc_id"]),
        "CloudFront distributions": lambda: _distributions(aws),
        "REST APIs": lambda: _rest_apis(aws),
        "rules of shared groups": lambda: _rules(aws, list(settings.tfvars["security_group_ids"].values())),
        "IAM roles": lambda: _roles(aws),
    }
    for name, look in looks.items():
        yield Probe(GROUP, name, look, needs)


def headroom(used: int, quota: float, *, raised: str) -> Finding:
    """Whether one more fits. `raised` says how to get more."""
    if used >= quota:
        return warning(f"{used} of {quota:.0f} used: another one would be refused", raised)
    return ok(f"{used} of {quota:.0f} used")


def _concurrency(aws: Aws) -> Finding:
    limit = aws.client("lambda").get_account_settings()["AccountLimit"]
    total, free = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    if free < _CONCURRENCY:
        return warning(
            f"{free} of {total} environments for functions without a reservation: as many people can chat at "
            "once",
            "Ask for more: aws service-quotas request-service-quota-increase --service-code lambda "
            "--quota-code L-B99A9384 --desired-value 1000",
        )
    return ok(f"{free} of {total} unreserved")


def _interfaces(aws: Aws, vpc_id: str) -> Finding:
    chosen = [
        {"Name": "vpc-id", "Values": [vpc_id]},
        {"Name": "interface-type", "Values": ["lambda"]},
    ]
    pages = aws.client("ec2").get_paginator("describe_network_interfaces").paginate(Filters=chosen)
    used = sum(len(page["NetworkInterfaces"]) for page in pages)
    return headroom(used, _quota(aws, _INTERFACES), raised=_raise(_INTERFACES))


def _distributions(aws: Aws) -> Finding:
    pages = aws.client("cloudfront").get_paginator("list_distributions").paginate()
    used = sum(page.get("DistributionList", {}).get("Quantity", 0) for page in pages)
    # CloudFront's quotas are kept in its home region.
    quota = _quota(aws, _DISTRIBUTIONS, "us-east-1")
    return headroom(used, quota, raised=_raise(_DISTRIBUTIONS, "us-east-1"))


def _rest_apis(aws: Aws) -> Finding:
    used = sum(
        "REGIONAL" in api.get("endpointConfiguration", {}).get("types", ())
        for page in aws.client("apigateway").get_paginator("get_rest_apis").paginate(limit=500)
        for api in page.get("items", ())
    )
    return headroom(used, _REST_APIS, raised="Delete some: this quota cannot be raised.")


def _rules(aws: Aws, group_ids: list[str]) -> Finding:
    """Rules that let somebody in, of the fullest group: the deploy adds one for each service port."""
    chosen = [{"Name": "group-id", "Values": group_ids}]
    counts = dict.fromkeys(group_ids, 0)
    for page in aws.client("ec2").get_paginator("describe_security_group_rules").paginate(Filters=chosen):
        for rule in page["SecurityGroupRules"]:
            counts[rule["GroupId"]] += not rule["IsEgress"]
    return headroom(max(counts.values()), _quota(aws, _GROUP_RULES), raised=_raise(_GROUP_RULES))


def _roles(aws: Aws) -> Finding:
    summary = aws.client("iam").get_account_summary()["SummaryMap"]
    return headroom(summary["Roles"], summary["RolesQuota"], raised=_raise(_ROLES, "us-east-1"))


def _quota(aws: Aws, code: tuple[str, str], region: str | None = None) -> float:
    """The account's own value, else AWS's default: a quota that was never raised may have no value."""
    quotas, (service, quota) = aws.client("service-quotas", region), code
    try:
        answer = quotas.get_service_quota(ServiceCode=service, QuotaCode=quota)
    except Exception as error:
        if error_code(error) != "NoSuchResourceException":
            raise
        answer = quotas.get_aws_default_service_quota(ServiceCode=service, QuotaCode=quota)
    return float(answer["Quota"]["Value"])


def _raise(code: tuple[str, str], region: str = "") -> str:
    where = f" --region {region}" if region else ""
    return (
        f"Ask for more: aws service-quotas request-service-quota-increase --service-code {code[0]} "
        f"--quota-code {code[1]} --desired-value N{where}"
    )
