"""Whether the caller may do what a deploy does, by IAM's own simulation. Nothing is called for real.

The simulation knows the caller's policies, permissions boundary and the organization's policies. What it
cannot know are the policies of a session, and those of resources; what a deploy creates has none yet. An
action on a resource of a type that it does not have is denied to everybody.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from scripts import daemons
from scripts.aws import Aws, error_code
from scripts.preflight.model import Finding, Status, failed, not_checked, ok, warning, worst
from scripts.preflight.needs import NEEDS, Need
from scripts.preflight.runner import Probe, explained
from scripts.settings import Settings
from scripts.state.bucket import releases_prefix

GROUP = "Account"

_AT_ONCE = 6  # one after the other, the questions would take longer than a check may

Simulate = Callable[[Need], Iterable[Mapping[str, Any]]]
"""Takes a need whose resource is filled in, and returns IAM's evaluation results."""


def probes(
    settings: Settings, aws: Aws, needs: tuple[str, ...], asked: Sequence[Need] = NEEDS
) -> Iterator[Probe]:
    """One look at the permissions that are asked about."""
    yield Probe(GROUP, "permissions", lambda: _look(settings, aws, asked), needs)


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


def judge(needs: Sequence[Need], simulate: Simulate) -> Finding:
    """What IAM decides on each need. What one occasion alone needs stops no deploy."""
    questions = _questions(needs)
    answers = daemons.each(lambda question: list(simulate(question)), questions, parallel=_AT_ONCE)
    decisions = {
        (question.resource, result["EvalActionName"].casefold()): result
        for question, results in zip(questions, answers, strict=True)
        for result in results
    }
    problems: list[Finding] = []
    elsewhere: defaultdict[str, list[str]] = defaultdict(list)
    for need in needs:
        results = [decisions[need.resource, action.casefold()] for action in need.actions]
        denied = [result for result in results if result["EvalDecision"] != "allowed"]
        unclear = [result["EvalActionName"] for result in denied if _missing_context(result)]
        certain = [result["EvalActionName"] for result in denied if not _missing_context(result)]
        if certain and need.only_for:
            elsewhere[need.only_for] += certain
        elif certain:
            problems.append(
                failed(
                    f"not allowed: {', '.join(certain)} ({need.reason})",
                    "The organization's policies forbid it."
                    if any(map(_by_organization, denied))
                    else f"Allow {', '.join(certain)} on {need.resource}.",
                )
            )
        if unclear:
            problems.append(
                warning(
                    f"allowed only under conditions: {', '.join(unclear)} ({need.reason})",
                    "Look at the conditions of the policies; the simulation cannot meet them.",
                )
            )
    problems += [
        warning(
            f"not allowed, and needed for {occasion} only: {', '.join(dict.fromkeys(actions))}",
            "docs/permissions.md has a policy for each occasion.",
        )
        for occasion, actions in elsewhere.items()
    ]
    return worst(
        problems, ok(f"{len(decisions)} actions on their resources are allowed, says IAM's simulation")
    )


def _questions(needs: Iterable[Need]) -> list[Need]:
    """The same with one question for each service and resource: every question takes a while."""
    actions: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for need in needs:
        actions[need.resource, _service(need)] += need.actions
    return [Need("", resource, tuple(dict.fromkeys(asked))) for (resource, _), asked in actions.items()]


def _service(need: Need) -> str:
    return need.actions[0].partition(":")[0]


def _look(settings: Settings, aws: Aws, asked: Sequence[Need]) -> Finding:
    if not settings.aws.check_permissions:
        return not_checked("not asked for: aws.check_permissions is no")
    try:
        return _simulated(settings, aws, asked)
    except Exception as error:
        finding = explained(error)
        if finding.status is not Status.FAILED:
            return finding
        # That IAM does not simulate says nothing of the account.
        return not_checked(
            f"IAM could not simulate it: {finding.found}", "Look yourself: docs/permissions.md"
        )


def _simulated(settings: Settings, aws: Aws, asked: Sequence[Need]) -> Finding:
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

    return judge(_filled(settings, asked), simulate)


def _filled(settings: Settings, asked: Sequence[Need] = NEEDS) -> list[Need]:
    """The needs, with the names of this environment."""
    state = settings.state
    names = {
        "region": settings.aws.region,
        "account": settings.aws.account_id,
        "environment": settings.environment,
        "vpc": settings.tfvars["vpc_id"],
        "zone": settings.tfvars["route53_zone_id"],
        "state_bucket": state.bucket,
        "state_key": state.key,
        "releases": releases_prefix(settings),
    }
    wanted = (need for need in asked if state.backend == "s3" or "{state_bucket}" not in need.resource)
    return [replace(need, resource=need.resource.format(**names)) for need in wanted]


def _context(need: Need, settings: Settings) -> list[dict[str, Any]]:
    """What the simulation would otherwise miss: policies often ask for the region, TLS and the service."""
    # Requests to global services are of us-east-1:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    is_global = _service(need) in ("cloudfront", "iam", "route53")
    values = {
        "aws:RequestedRegion": ("us-east-1" if is_global else settings.aws.region, "string"),
        "aws:SecureTransport": ("true", "boolean"),
        "iam:PassedToService": ("lambda.amazonaws.com", "string"),
        "iam:AWSServiceName": ("elasticache.amazonaws.com", "string"),
    }
    return [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": kind}
        for name, (value, kind) in values.items()
    ]


def _missing_context(result: Mapping[str, Any]) -> bool:
    """Whether the decision hangs on a condition that the simulation knew nothing of."""
    parts = [result, *(result.get("ResourceSpecificResults") or ())]
    return any(part.get("MissingContextValues") for part in parts)


def _by_organization(result: Mapping[str, Any]) -> bool:
    """Whether no policy of the caller's own could allow it."""
    return (result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations") is False
