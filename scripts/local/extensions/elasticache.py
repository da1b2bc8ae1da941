"""ElastiCache without containers, and the attributes of a cluster that MiniStack forgets.

Restores, for clusters and replication groups
(https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html,
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html):
what DescribeCacheClusters tells afterwards (security groups, automatic minor upgrades, port, network
type, log delivery), and the refusal of security, subnet and parameter groups that do not exist.

Addresses are 127.77.0.6 and up, where `scripts.local.network` serves them: a node's address is a
private one, and an IP needs no DNS of ours.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from scripts.local.extensions import Context, Response, replace

Params = dict[str, Any]

NETWORK = "127.77.0."
FIRST_HOST = 6
# The seeded MONGO_URI names this one.
RESERVED_HOST = 7
PORT = 6379

_lock = threading.RLock()


def install(context: Context) -> None:
    """Wrap the cluster operations and take the container engine out of their reach."""
    from ministack.services import elasticache

    replace(elasticache, "_get_docker", lambda _: lambda: None)
    # Addresses survive a restart with the records; there is nothing to start again.
    replace(elasticache, "_ensure_live_containers", lambda _: lambda: None)
    replace(elasticache, "_spawn_redis_container", lambda _: _next_endpoint)
    for call in ("_create_cache_cluster", "_modify_cache_cluster"):
        replace(elasticache, call, _checked(elasticache._clusters, "CacheClusterId"))
    for call in ("_create_replication_group", "_modify_replication_group"):
        replace(elasticache, call, _checked(elasticache._replication_groups, "ReplicationGroupId"))
    replace(elasticache, "_cluster_xml_inner", _described)
    replace(elasticache, "_rg_xml", _described)


def _next_endpoint(*_: object, **__: object) -> tuple[str, int, None]:
    from ministack.services import elasticache

    used = {cluster["_endpoint"]["Address"] for cluster in elasticache._clusters.values()}
    hosts = (host for host in range(FIRST_HOST, 255) if host != RESERVED_HOST)
    return next(a for a in (f"{NETWORK}{host}" for host in hosts) if a not in used), PORT, None


def _checked(stored: MutableMapping[str, Any], id_parameter: str) -> Callable[[Any], Any]:
    """A create or modify call that refuses unknown groups and keeps what MiniStack drops."""

    def wrapped(original: Any) -> Any:
        def call(params: Params) -> Response:
            from ministack.services import elasticache

            if refusal := _refusal(params):
                return refusal
            # An address is taken once its record is stored, so creations go one by one.
            with _lock:
                response: Response = original(params)
                if response[0] >= 400:
                    return response
                name = elasticache._p(params, id_parameter)
                members = [elasticache._clusters[member] for member in stored[name].get("MemberClusters", [])]
                for record in (stored[name], *members):
                    _apply(record, params)
                for member in members:
                    _follow_group(member, params)
            return response

        return call

    return wrapped


def _refusal(params: Params) -> Response | None:
    from ministack.services import ec2, elasticache

    def error(code: str, message: str) -> Response:
        response: Response = elasticache._error(code, message, 400)
        return response

    if any(group not in ec2._security_groups for group in _security_groups(params)):
        return error("InvalidParameterValue", "Some security group Ids are not found.")
    subnet_group = elasticache._p(params, "CacheSubnetGroupName")
    if subnet_group and subnet_group not in elasticache._subnet_groups:
        return error("CacheSubnetGroupNotFoundFault", f"Cache Subnet Group {subnet_group} does not exist.")
    parameter_group = elasticache._p(params, "CacheParameterGroupName")
    if parameter_group and parameter_group not in elasticache._param_groups:
        return error("CacheParameterGroupNotFound", f"CacheParameterGroup {parameter_group} not found.")
    return None


def _security_groups(params: Params) -> list[str]:
    from ministack.services import elasticache

    groups: list[str] = elasticache._extract_configs(
        params, "SecurityGroupIds", ("SecurityGroupId", "member")
    )
    return groups


def _apply(record: dict[str, Any], params: Params) -> None:
    """Keep in a cluster's or replication group's record what the request says and MiniStack drops."""
    from ministack.services import elasticache

    if groups := _security_groups(params):
        record["SecurityGroups"] = [{"SecurityGroupId": group, "Status": "active"} for group in groups]
    for name in ("NetworkType", "IpDiscovery"):
        record[name] = elasticache._p(params, name) or record.get(name, "ipv4")
    if upgrade := elasticache._p(params, "AutoMinorVersionUpgrade"):
        record["AutoMinorVersionUpgrade"] = upgrade.lower() == "true"
    if port := elasticache._p(params, "Port"):
        for endpoint in _endpoints(record):
            endpoint["Port"] = int(port)
    if logs := elasticache._extract_log_delivery_configs(params):
        record["LogDeliveryConfigurations"] = logs


def _follow_group(member: dict[str, Any], params: Params) -> None:
    """A replication group's change reaches its nodes, from which Terraform reads it back."""
    from ministack.services import elasticache

    for name in ("CacheNodeType", "EngineVersion", "SnapshotWindow", "PreferredMaintenanceWindow"):
        member[name] = elasticache._p(params, name) or member[name]
    if limit := elasticache._p(params, "SnapshotRetentionLimit"):
        member["SnapshotRetentionLimit"] = int(limit)
    if group := elasticache._p(params, "CacheParameterGroupName"):
        member["CacheParameterGroup"]["CacheParameterGroupName"] = group


def _endpoints(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "_endpoint" in record:
        yield record["_endpoint"]
    for node in record.get("CacheNodes", []):
        yield node["Endpoint"]
    for shard in record.get("NodeGroups", []):
        yield from (shard["PrimaryEndpoint"], shard["ReaderEndpoint"])
        yield from (member["ReadEndpoint"] for member in shard["NodeGroupMembers"])


def _described(original: Any) -> Any:
    def render(record: dict[str, Any]) -> str:
        xml = str(original(record))
        added = {name: record.get(name, "ipv4") for name in ("NetworkType", "IpDiscovery")}
        if "<AutoMinorVersionUpgrade>" not in xml:
            added["AutoMinorVersionUpgrade"] = str(record.get("AutoMinorVersionUpgrade", True)).lower()
        return xml + "".join(f"<{name}>{value}</{name}>" for name, value in added.items())

    return render
