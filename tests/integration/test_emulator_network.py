"""Security groups and ElastiCache of the control plane."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.conftest import Emulator

pytestmark = pytest.mark.integration


@pytest.fixture
def ec2(emulator: Emulator) -> Any:
    return emulator.aws.client("ec2")


@pytest.fixture
def cache(emulator: Emulator) -> Any:
    return emulator.aws.client("elasticache")


@pytest.fixture
def groups(ec2: Any) -> Iterator[tuple[str, str]]:
    """A function's security group and a Redis one."""
    made = tuple(
        ec2.create_security_group(GroupName=name, Description=name)["GroupId"]
        for name in ("function", "redis")
    )
    yield made  # type: ignore[misc]
    for group in made:
        for direction in ("ingress", "egress"):
            rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
            ids = [
                rule["SecurityGroupRuleId"]
                for rule in rules["SecurityGroupRules"]
                if rule["IsEgress"] == (direction == "egress")
            ]
            if ids:
                getattr(ec2, f"revoke_security_group_{direction}")(GroupId=group, SecurityGroupRuleIds=ids)
    for group in made:
        ec2.delete_security_group(GroupId=group)


@pytest.fixture
def subnet_group(ec2: Any, cache: Any) -> Iterator[str]:
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"][:2]]
    cache.create_cache_subnet_group(
        CacheSubnetGroupName="private", CacheSubnetGroupDescription="x", SubnetIds=subnets
    )
    yield "private"
    cache.delete_cache_subnet_group(CacheSubnetGroupName="private")


def redis_from(group: str, **more: object) -> dict[str, object]:
    pair = {"GroupId": group, **more}
    return {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "UserIdGroupPairs": [pair]}


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_a_rule_is_added_once_whatever_its_description(ec2: Any, groups: tuple[str, str]):
    function, redis = groups
    ec2.authorize_security_group_ingress(GroupId=redis, IpPermissions=[redis_from(function)])
    with pytest.raises(ClientError) as refused:
        ec2.authorize_security_group_ingress(
            GroupId=redis, IpPermissions=[redis_from(function, Description="again")]
        )
    assert code(refused) == "InvalidPermission.Duplicate"


def test_a_rule_for_a_group_that_is_not_there_is_refused(ec2: Any, groups: tuple[str, str]):
    with pytest.raises(ClientError) as refused:
        ec2.authorize_security_group_ingress(
            GroupId=groups[1], IpPermissions=[redis_from("sg-0123456789abcdef0")]
        )
    assert code(refused) == "InvalidGroup.NotFound"


def test_a_group_named_by_another_groups_rule_cannot_be_deleted(ec2: Any, groups: tuple[str, str]):
    function, redis = groups
    ec2.authorize_security_group_ingress(GroupId=redis, IpPermissions=[redis_from(function)])
    with pytest.raises(ClientError) as refused:
        ec2.delete_security_group(GroupId=function)
    assert code(refused) == "DependencyViolation"


def test_tags_of_a_rule_are_read_back(ec2: Any, groups: tuple[str, str]):
    function, redis = groups
    tags = [{"Key": "Project", "Value": "librechat"}]
    made = ec2.authorize_security_group_ingress(
        GroupId=redis,
        IpPermissions=[redis_from(function)],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": tags}],
    )["SecurityGroupRules"][0]
    read = ec2.describe_security_group_rules(SecurityGroupRuleIds=[made["SecurityGroupRuleId"]])
    assert read["SecurityGroupRules"][0]["Tags"] == tags
    assert read["SecurityGroupRules"][0]["ReferencedGroupInfo"]["GroupId"] == function


def test_the_first_replication_group_has_the_address_that_the_vpc_network_serves(
    ec2: Any, cache: Any, groups: tuple[str, str], subnet_group: str
):
    cache.create_replication_group(
        ReplicationGroupId="sessions",
        ReplicationGroupDescription="x",
        Engine="redis",
        EngineVersion="7.1",
        CacheNodeType="cache.t4g.micro",
        NumCacheClusters=1,
        Port=6379,
        CacheSubnetGroupName=subnet_group,
        SecurityGroupIds=[groups[1]],
        AtRestEncryptionEnabled=True,
    )
    shard = cache.describe_replication_groups(ReplicationGroupId="sessions")["ReplicationGroups"][0][
        "NodeGroups"
    ][0]
    assert shard["PrimaryEndpoint"] == {"Address": "127.77.0.6", "Port": 6379}
    member = cache.describe_cache_clusters(CacheClusterId="sessions-0001-001")["CacheClusters"][0]
    assert [group["SecurityGroupId"] for group in member["SecurityGroups"]] == [groups[1]]
    assert member["CacheSubnetGroupName"] == subnet_group
    with pytest.raises(ClientError) as refused:
        ec2.delete_security_group(GroupId=groups[1])
    assert code(refused) == "DependencyViolation"
    cache.modify_replication_group(ReplicationGroupId="sessions", CacheNodeType="cache.t4g.small")
    member = cache.describe_cache_clusters(CacheClusterId="sessions-0001-001")["CacheClusters"][0]
    assert member["CacheNodeType"] == "cache.t4g.small"
    cache.delete_replication_group(ReplicationGroupId="sessions")


def test_every_cluster_has_its_own_address_and_a_deleted_ones_is_free_again(cache: Any):
    def make(name: str) -> str:
        cache.create_cache_cluster(
            CacheClusterId=name, Engine="redis", CacheNodeType="cache.t4g.micro", NumCacheNodes=1
        )
        cluster = cache.describe_cache_clusters(CacheClusterId=name, ShowCacheNodeInfo=True)["CacheClusters"][
            0
        ]
        return str(cluster["CacheNodes"][0]["Endpoint"]["Address"])

    assert [make("one"), make("two")] == ["127.77.0.6", "127.77.0.8"]
    cache.delete_cache_cluster(CacheClusterId="one")
    assert make("three") == "127.77.0.6"
    for name in ("two", "three"):
        cache.delete_cache_cluster(CacheClusterId=name)


def test_what_a_cluster_was_given_is_read_back_and_can_be_modified(cache: Any, groups: tuple[str, str]):
    function, redis = groups
    cache.create_cache_cluster(
        CacheClusterId="attributes",
        Engine="redis",
        CacheNodeType="cache.t4g.micro",
        NumCacheNodes=1,
        SecurityGroupIds=[redis],
        AutoMinorVersionUpgrade=False,
        Port=6380,
    )

    def read() -> Any:
        described = cache.describe_cache_clusters(CacheClusterId="attributes", ShowCacheNodeInfo=True)
        return described["CacheClusters"][0]

    assert [group["SecurityGroupId"] for group in read()["SecurityGroups"]] == [redis]
    assert read()["AutoMinorVersionUpgrade"] is False
    assert read()["NetworkType"] == "ipv4"
    assert read()["CacheNodes"][0]["Endpoint"]["Port"] == 6380
    cache.modify_cache_cluster(
        CacheClusterId="attributes", SecurityGroupIds=[function], AutoMinorVersionUpgrade=True
    )
    assert [group["SecurityGroupId"] for group in read()["SecurityGroups"]] == [function]
    assert read()["AutoMinorVersionUpgrade"] is True
    cache.delete_cache_cluster(CacheClusterId="attributes")


@pytest.mark.parametrize(
    ("unknown", "expected"),
    [
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidParameterValue"),
        ({"CacheSubnetGroupName": "nowhere"}, "CacheSubnetGroupNotFoundFault"),
        ({"CacheParameterGroupName": "nothing"}, "CacheParameterGroupNotFound"),
    ],
)
def test_a_cache_in_groups_that_do_not_exist_is_refused(cache: Any, unknown: Any, expected: str):
    with pytest.raises(ClientError) as refused:
        cache.create_replication_group(
            ReplicationGroupId="refused", ReplicationGroupDescription="x", Engine="redis", **unknown
        )
    assert code(refused) == expected
    assert not cache.describe_replication_groups()["ReplicationGroups"]
