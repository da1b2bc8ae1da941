"""A function in the VPC and the Redis of ElastiCache: reached when the security groups permit it."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from scripts.local.lambda_.service import LambdaService
from scripts.local.network import VpcNetwork
from tests.integration.lambda_functions import Deployment

pytestmark = pytest.mark.integration


@dataclass
class Vpc:
    """A VPC with a Redis and a function's security group; no rule yet between them."""

    aws: Any
    subnet: str
    function_group: str
    redis_group: str
    host: str

    def allow_egress(self) -> None:
        self.aws.client("ec2").authorize_security_group_egress(
            GroupId=self.function_group, IpPermissions=[_redis_port(self.redis_group)]
        )

    def allow_ingress(self) -> None:
        self.aws.client("ec2").authorize_security_group_ingress(
            GroupId=self.redis_group, IpPermissions=[_redis_port(self.function_group)]
        )

    def forbid_ingress(self) -> None:
        self.aws.client("ec2").revoke_security_group_ingress(
            GroupId=self.redis_group, IpPermissions=[_redis_port(self.function_group)]
        )


def _redis_port(group: str) -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": 6379,
        "ToPort": 6379,
        "UserIdGroupPairs": [{"GroupId": group}],
    }


@pytest.fixture(scope="module")
def vpc(emulator: Any) -> Iterator[Vpc]:
    ec2, elasticache = emulator.aws.client("ec2"), emulator.aws.client("elasticache")
    name = f"t-{uuid.uuid4().hex[:8]}"
    vpc_id = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
    groups = []
    for purpose in ("function", "redis"):
        group = ec2.create_security_group(GroupName=f"{name}-{purpose}", Description="t", VpcId=vpc_id)
        groups.append(group["GroupId"])
        ec2.revoke_security_group_egress(
            GroupId=group["GroupId"],
            IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        )
    elasticache.create_cache_subnet_group(
        CacheSubnetGroupName=name, CacheSubnetGroupDescription="t", SubnetIds=[subnet]
    )
    elasticache.create_replication_group(
        ReplicationGroupId=name,
        ReplicationGroupDescription="t",
        Engine="redis",
        CacheNodeType="cache.t4g.micro",
        NumCacheClusters=1,
        CacheSubnetGroupName=name,
        SecurityGroupIds=[groups[1]],
    )
    described = elasticache.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"][0]
    endpoint = described["NodeGroups"][0]["PrimaryEndpoint"]
    yield Vpc(emulator.aws, subnet, groups[0], groups[1], endpoint["Address"])
    elasticache.delete_replication_group(ReplicationGroupId=name)
    elasticache.delete_cache_subnet_group(CacheSubnetGroupName=name)
    for group in groups:
        ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc_id)


@pytest.fixture(scope="module")
def functions(emulator: Any, vpc: Vpc) -> Iterator[tuple[str, str]]:
    """A function in the VPC and one outside."""
    deployment = Deployment(emulator.aws, emulator.endpoint)
    image = deployment.image()
    interface = {"SubnetIds": [vpc.subnet], "SecurityGroupIds": [vpc.function_group]}
    yield deployment.function(image, VpcConfig=interface), deployment.function(image)
    deployment.remove()


@pytest_asyncio.fixture
async def service(emulator: Any, tmp_path: Path) -> AsyncIterator[LambdaService]:
    network = VpcNetwork(emulator.aws, emulator.generation)
    await network.start()
    service = LambdaService(emulator.aws, network, tmp_path, emulator.generation)
    yield service
    await service.close()
    await network.close()


async def redis(
    service: LambdaService, function: str, host: str, command: str, *, refused: bool = False
) -> str:
    """What the function hears; `refused` where silence is expected, which is not waited for long."""
    patience = 600 if refused else 20_000
    event = {"action": "redis", "host": host, "port": 6379, "command": command, "timeoutMs": patience}
    invocation = await service.invoke(function, json.dumps(event).encode())
    return b"".join([chunk async for chunk in invocation]).decode().strip()


async def test_redis_answers_only_while_both_security_groups_permit_it(
    service: LambdaService, functions: tuple[str, str], vpc: Vpc
) -> None:
    function, _ = functions
    assert await redis(service, function, vpc.host, "PING", refused=True) == "timed out"
    vpc.allow_egress()
    assert await redis(service, function, vpc.host, "PING", refused=True) == "timed out"
    vpc.allow_ingress()
    assert await redis(service, function, vpc.host, "SET a 1") == "+OK"
    assert await redis(service, function, vpc.host, "GET a") == "$1\r\n1"
    # As in ElastiCache; here a server of the engineer's, made to write a file, would be a way out.
    for command in ("CONFIG SET dir /", "MODULE LOAD /x.so", "REPLICAOF x 1", "SAVE", "DEBUG SLEEP 0"):
        assert (await redis(service, function, vpc.host, command)).startswith("-ERR unknown command"), command
    vpc.forbid_ingress()
    assert await redis(service, function, vpc.host, "GET a", refused=True) == "timed out"


async def test_a_function_outside_the_vpc_has_no_way_to_it(
    service: LambdaService, functions: tuple[str, str], vpc: Vpc
) -> None:
    assert await redis(service, functions[1], vpc.host, "PING") == "ECONNREFUSED"
