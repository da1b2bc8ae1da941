"""Security groups: the refusals of EC2 that MiniStack leaves out.

Restores:

- an existing rule cannot be added again: ``InvalidPermission.Duplicate``
  (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html);
- a group that something uses cannot be deleted: ``DependencyViolation``
  (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html). It is what
  the order of FR-019 is about, so the rehearsal has to hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from scripts.local.extensions import Context, Response

Params = dict[str, Any]


def install(context: Context) -> None:
    """Wrap the entries of EC2's table of actions."""
    from ministack.services import ec2

    actions = ec2._ACTION_MAP
    for action, stored in (
        ("AuthorizeSecurityGroupIngress", "IpPermissions"),
        ("AuthorizeSecurityGroupEgress", "IpPermissionsEgress"),
    ):
        actions[action] = _without_duplicates(actions[action], stored)
    actions["DeleteSecurityGroup"] = _unless_used(actions["DeleteSecurityGroup"])


def _without_duplicates(original: Callable[[Params], Response], stored: str) -> Callable[[Params], Response]:
    def authorize(params: Params) -> Response:
        from ministack.services import ec2

        group = ec2._security_groups.get(ec2._p(params, "GroupId")) or {}
        for rule in ec2._parse_ip_permissions(params, "IpPermissions"):
            for pair in rule["UserIdGroupPairs"]:
                if pair.get("GroupId") and pair["GroupId"] not in ec2._security_groups:
                    return _refused(
                        "InvalidGroup.NotFound", f"The security group '{pair['GroupId']}' does not exist"
                    )
            if any(_same(rule, existing) for existing in group.get(stored, [])):
                return _refused(
                    "InvalidPermission.Duplicate",
                    f'the specified rule "{rule}" already exists',
                )
        return original(params)

    return authorize


def _same(rule: Params, existing: Params) -> bool:
    """Whether EC2 takes two rules for one: protocol, ports and peer, whatever their description."""
    return all(rule.get(name) == existing.get(name) for name in ("IpProtocol", "FromPort", "ToPort")) and any(
        _peers(rule) & _peers(existing)
    )


def _peers(rule: Params) -> set[str]:
    return {
        str(entry[name])
        for kind, name in (
            ("IpRanges", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6"),
            ("PrefixListIds", "PrefixListId"),
            ("UserIdGroupPairs", "GroupId"),
        )
        for entry in rule.get(kind, [])
        if entry.get(name)
    }


def _unless_used(original: Callable[[Params], Response]) -> Callable[[Params], Response]:
    def delete(params: Params) -> Response:
        from ministack.services import ec2

        group_id = ec2._p(params, "GroupId")
        if group_id in ec2._security_groups and any(user != group_id for user in _users(group_id)):
            return _refused("DependencyViolation", f"resource {group_id} has a dependent object")
        return original(params)

    return delete


def _users(group_id: str) -> Iterator[str]:
    """Ids of what holds on to a security group: rules of groups, network interfaces, functions, caches."""
    from ministack.services import ec2, elasticache, lambda_svc

    for group in ec2._security_groups.values():
        for rule in [*group["IpPermissions"], *group["IpPermissionsEgress"]]:
            if any(pair.get("GroupId") == group_id for pair in rule.get("UserIdGroupPairs", [])):
                yield group["GroupId"]
    for interface in ec2._network_interfaces.values():
        if any(group.get("GroupId") == group_id for group in interface.get("Groups", [])):
            yield interface["NetworkInterfaceId"]
    for function in lambda_svc._functions.values():
        if group_id in function["config"].get("VpcConfig", {}).get("SecurityGroupIds", []):
            yield function["config"]["FunctionName"]
    for caches in (elasticache._clusters, elasticache._replication_groups):
        for name, cache in caches.items():
            if any(group.get("SecurityGroupId") == group_id for group in cache.get("SecurityGroups", [])):
                yield name


def _refused(code: str, message: str) -> Response:
    from ministack.services import ec2

    response: Response = ec2._error(code, message, 400)
    return response
