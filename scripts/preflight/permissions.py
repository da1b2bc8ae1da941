"""Whether the caller may do what a deploy does, by IAM's own simulation. Nothing is called for real.

The simulation knows the caller's policies, permissions boundary and the organization's policies. What it
cannot know are the policies of resources; what a deploy creates has none yet.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.aws import Aws, error_code
from scripts.preflight.buckets import CLIENT
from scripts.preflight.model import Finding, failed, not_checked, ok, warning, worst
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Account"


@dataclass(frozen=True)
class Need:
    """Actions on one resource, and what a deploy does with them.

    `resource` may name ``{region}``, ``{account}``, ``{environment}``, ``{zone}``, ``{state_bucket}``
    and ``{state_key}``.
    """

    reason: str
    resource: str
    actions: tuple[str, ...]


_NAME = "librechat-lambda-api-{environment}"
_REGIONAL = "{region}:{account}"

# One line a resource of the Terraform root, with the actions that its creation and the next plan begin
# with; not every action that Terraform may call. What is created with the provider's default_tags needs
# the service's action for tags, too. Names and resources of actions:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
NEEDS = (
    Need("looking for Terraform's state", "arn:aws:s3:::{state_bucket}", ("s3:ListBucket",)),
    Need(
        "Terraform's state and its lock",
        "arn:aws:s3:::{state_bucket}/{state_key}",
        ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    ),
    Need(
        "buckets of the client and of uploaded files",
        f"arn:aws:s3:::{CLIENT}",
        (
            "s3:CreateBucket",
            "s3:ListBucket",
            "s3:PutBucketPolicy",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketTagging",
            "s3:PutEncryptionConfiguration",
        ),
    ),
    Need(
        "publishing the client",
        f"arn:aws:s3:::{CLIENT}/index.html",
        ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    ),
    Need("logging in to ECR", "*", ("ecr:GetAuthorizationToken",)),
    Need(
        "the image's repository, and pushing to it",
        f"arn:aws:ecr:{_REGIONAL}:repository/{_NAME}",
        (
            "ecr:CreateRepository",
            "ecr:SetRepositoryPolicy",
            "ecr:PutLifecyclePolicy",
            "ecr:TagResource",
            "ecr:BatchCheckLayerAvailability",
            "ecr:InitiateLayerUpload",
            "ecr:UploadLayerPart",
            "ecr:CompleteLayerUpload",
            "ecr:PutImage",
            "ecr:DescribeImages",
        ),
    ),
    Need(
        "the function",
        f"arn:aws:lambda:{_REGIONAL}:function:{_NAME}",
        (
            "lambda:CreateFunction",
            "lambda:GetFunction",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
            "lambda:AddPermission",
            "lambda:TagResource",
        ),
    ),
    Need(
        "the function's role",
        f"arn:aws:iam::{{account}}:role/{_NAME}",
        (
            "iam:CreateRole",
            "iam:GetRole",
            "iam:PassRole",
            "iam:TagRole",
            "iam:PutRolePolicy",
            "iam:GetRolePolicy",
            "iam:DeleteRolePolicy",
        ),
    ),
    Need(
        "AWS's policy for functions in a VPC, which is copied into that role",
        "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess",
        ("iam:GetPolicy", "iam:GetPolicyVersion"),
    ),
    Need(
        "the function's log group",
        f"arn:aws:logs:{_REGIONAL}:log-group:/aws/lambda/{_NAME}",
        ("logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:TagResource"),
    ),
    Need(
        "security groups and their rules",
        f"arn:aws:ec2:{_REGIONAL}:security-group/*",
        (
            "ec2:CreateSecurityGroup",
            "ec2:CreateTags",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupEgress",
        ),
    ),
    Need("tags of those rules", f"arn:aws:ec2:{_REGIONAL}:security-group-rule/*", ("ec2:CreateTags",)),
    Need(
        "Redis",
        f"arn:aws:elasticache:{_REGIONAL}:replicationgroup:librechat-lambda-redis-{{environment}}",
        (
            "elasticache:CreateReplicationGroup",
            "elasticache:DescribeReplicationGroups",
            "elasticache:AddTagsToResource",
        ),
    ),
    Need(
        "the REST API",
        "arn:aws:apigateway:{region}::/restapis",
        ("apigateway:POST", "apigateway:GET"),
    ),
    Need(
        "the distribution",
        "arn:aws:cloudfront::{account}:distribution/*",
        (
            "cloudfront:CreateDistribution",
            "cloudfront:GetDistribution",
            "cloudfront:UpdateDistribution",
            "cloudfront:TagResource",
        ),
    ),
    Need(
        "the distribution's function",
        "arn:aws:cloudfront::{account}:function/librechat-lambda-spa-{environment}",
        ("cloudfront:CreateFunction", "cloudfront:PublishFunction"),
    ),
    Need(
        "the client's response headers",
        "arn:aws:cloudfront::{account}:response-headers-policy/*",
        ("cloudfront:CreateResponseHeadersPolicy", "cloudfront:GetResponseHeadersPolicy"),
    ),
    Need(
        "the domain's records",
        "arn:aws:route53:::hostedzone/{zone}",
        ("route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"),
    ),
)

Simulate = Callable[[Need], Iterable[Mapping[str, Any]]]
"""Takes a need whose resource is filled in, and returns IAM's evaluation results."""


def probes(settings: Settings, aws: Aws, needs: tuple[str, ...]) -> Iterator[Probe]:
    """One look at all permissions."""
    yield Probe(GROUP, "permissions", lambda: _look(settings, aws), needs)


def principal(arn: str, role_arn: Callable[[str], str]) -> str:
    """The user or role whose policies decide for a caller; empty when there is none to simulate.

    Args:
        arn: The caller, as GetCallerIdentity names it. An assumed role's has lost the role's path.
        role_arn: Gives a role's whole ARN by its name.
    """
    kind, _, rest = arn.split(":", 5)[5].partition("/")
    if kind == "user":
        return arn
    return role_arn(rest.partition("/")[0]) if kind == "assumed-role" else ""


def judge(needs: Iterable[Need], simulate: Simulate) -> Finding:
    """What IAM decides on each need."""
    problems, count = [], 0
    for need in needs:
        results = list(simulate(need))
        count += len(results)
        denied = [result for result in results if result["EvalDecision"] != "allowed"]
        unclear = [result["EvalActionName"] for result in denied if _missing_context(result)]
        certain = [result["EvalActionName"] for result in denied if not _missing_context(result)]
        if certain:
            problems.append(
                failed(
                    f"not allowed: {', '.join(certain)} ({need.reason})",
                    f"Allow {', '.join(certain)} on {need.resource}.",
                )
            )
        if unclear:
            problems.append(
                warning(
                    f"allowed only under conditions: {', '.join(unclear)} ({need.reason})",
                    "Look at the conditions of the policies; the simulation cannot meet them.",
                )
            )
    return worst(problems, ok(f"{count} actions of a deploy are allowed, says IAM's simulation"))


def _look(settings: Settings, aws: Aws) -> Finding:
    caller = aws.client("sts").get_caller_identity()["Arn"]
    iam = aws.client("iam")

    def role_arn(name: str) -> str:
        try:
            return str(iam.get_role(RoleName=name)["Role"]["Arn"])
        except Exception as error:
            if error_code(error) != "AccessDenied":
                raise
            return f"arn:aws:iam::{settings.aws.account_id}:role/{name}"  # right for a role without a path

    source = principal(caller, role_arn)
    if not source:
        return not_checked(f"IAM simulates users and roles only, and the caller is {caller}")

    def simulate(need: Need) -> Iterator[Mapping[str, Any]]:
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=source,
            ActionNames=list(need.actions),
            ResourceArns=[need.resource],
            ContextEntries=_context(need, settings),
        )
        for page in pages:
            yield from page["EvaluationResults"]

    return judge(_filled(settings), simulate)


def _filled(settings: Settings) -> list[Need]:
    """The needs, with the names of this environment."""
    state = settings.state
    names = {
        "region": settings.aws.region,
        "account": settings.aws.account_id,
        "environment": settings.environment,
        "zone": settings.tfvars["route53_zone_id"],
        "state_bucket": state.bucket,
        "state_key": state.key,
    }
    wanted = (need for need in NEEDS if state.backend == "s3" or "{state_bucket}" not in need.resource)
    return [Need(need.reason, need.resource.format(**names), need.actions) for need in wanted]


def _context(need: Need, settings: Settings) -> list[dict[str, Any]]:
    """What the simulation would otherwise miss: policies often ask for the region, TLS and the service."""
    # Requests to global services are of us-east-1:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    is_global = need.actions[0].partition(":")[0] in ("cloudfront", "iam", "route53")
    values = {
        "aws:RequestedRegion": ("us-east-1" if is_global else settings.aws.region, "string"),
        "aws:SecureTransport": ("true", "boolean"),
        "iam:PassedToService": ("lambda.amazonaws.com", "string"),
    }
    return [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": kind}
        for name, (value, kind) in values.items()
    ]


def _missing_context(result: Mapping[str, Any]) -> bool:
    """Whether the decision hangs on a condition that the simulation knew nothing of."""
    parts = [result, *(result.get("ResourceSpecificResults") or ())]
    return any(part.get("MissingContextValues") for part in parts)
