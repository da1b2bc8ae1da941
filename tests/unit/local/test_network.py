from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from scripts.aws import Aws
from scripts.local.generation import Generation, touch
from scripts.local.lambda_.function import NetworkInterface
from scripts.local.network import Endpoint, Rule, Topology, VpcNetwork

FUNCTION = NetworkInterface(frozenset({"subnet-a"}), frozenset({"sg-function"}))
REDIS = Endpoint(
    "redis", "127.77.0.6", 6379, NetworkInterface(frozenset({"subnet-b"}), frozenset({"sg-redis"}))
)
EGRESS = Rule("sg-function", True, range(6379, 6380), "sg-redis")
INGRESS = Rule("sg-redis", False, range(6379, 6380), "sg-function")
SUBNETS = {"subnet-a": "10.0.1.0/24", "subnet-b": "10.0.2.0/24"}


def permits(*rules: Rule, source: NetworkInterface = FUNCTION) -> bool:
    return Topology((REDIS,), rules, SUBNETS).permits(source, REDIS)


def test_both_ends_must_permit_a_connection() -> None:
    assert permits(EGRESS, INGRESS)
    assert not permits(EGRESS)
    assert not permits(INGRESS)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(EGRESS, ports=range(6380, 6381)),
        replace(EGRESS, peer="sg-other"),
        replace(EGRESS, group_id="sg-other"),
        replace(EGRESS, egress=False),
        replace(EGRESS, peer="10.0.1.0/24"),
        replace(EGRESS, peer="10.0.2.0/25"),
        replace(EGRESS, peer="::/0"),
    ],
)
def test_a_rule_for_something_else_does_not_help(wrong: Rule) -> None:
    assert not permits(wrong, INGRESS)


@pytest.mark.parametrize("block", ["0.0.0.0/0", "10.0.0.0/16", "10.0.2.0/24"])
def test_a_cidr_rule_is_about_the_subnets_of_the_peer(block: str) -> None:
    assert permits(replace(EGRESS, peer=block), INGRESS)


def test_a_function_outside_the_vpc_reaches_no_private_address() -> None:
    outside = NetworkInterface(frozenset(), frozenset({"sg-function"}))
    assert not permits(EGRESS, INGRESS, source=outside)


def test_a_touched_generation_is_another_one(tmp_path: Path) -> None:
    generation = Generation(tmp_path / "generation")
    seen = [generation.current()]
    for _ in range(5):
        touch(tmp_path / "generation")
        seen.append(generation.current())
    assert seen[0] == 0
    assert len(set(seen)) == 6


class DeployedNetwork(VpcNetwork):
    """A network whose deployed topology the test decides."""

    deployed = Topology((REDIS,), (EGRESS, INGRESS), SUBNETS)

    async def topology(self) -> Topology:
        return self.deployed


@pytest_asyncio.fixture
async def network(tmp_path: Path) -> AsyncIterator[DeployedNetwork]:
    network = DeployedNetwork(Aws(region="eu-west-1"), Generation(tmp_path / "generation"))
    await network.start()
    yield network
    await network.close()


async def connect(network: VpcNetwork) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, asyncio.Server]:
    server = await network.serve(REDIS, FUNCTION, socket.create_server(("127.0.0.1", 0)))
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    return reader, writer, server


async def test_a_permitted_connection_reaches_a_real_redis(network: DeployedNetwork) -> None:
    reader, writer, server = await connect(network)
    writer.write(b"SET a 1\r\nGET a\r\nEVAL \"return 'lua'\" 0\r\n")
    assert await reader.readexactly(5 + 7 + 9) == b"+OK\r\n$1\r\n1\r\n$3\r\nlua\r\n"
    writer.close()
    server.close()


async def test_connections_to_one_endpoint_share_their_data(network: DeployedNetwork) -> None:
    reader, writer, server = await connect(network)
    writer.write(b"SET a 1\r\n")
    await reader.readline()
    other_reader, other_writer, other_server = await connect(network)
    other_writer.write(b"GET a\r\n")
    assert await other_reader.readexactly(7) == b"$1\r\n1\r\n"
    for each in (writer, other_writer, server, other_server):
        each.close()


async def test_a_forbidden_connection_is_accepted_and_never_answered(network: DeployedNetwork) -> None:
    network.deployed = Topology((REDIS,), (EGRESS,), SUBNETS)
    reader, writer, server = await connect(network)
    writer.write(b"PING\r\n")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.3)
    writer.close()
    server.close()


def test_sockets_of_a_killed_process_are_removed_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    nobody = 2**22 + 1  # beyond the largest pid of Linux
    for owner in (nobody, os.getpid()):
        (tmp_path / f"librechat-lambda-redis-{owner}-x").mkdir()

    network = DeployedNetwork(Aws(region="eu-west-1"), Generation(tmp_path / "generation"))

    assert not (tmp_path / f"librechat-lambda-redis-{nobody}-x").exists()
    assert len(list(tmp_path.glob(f"librechat-lambda-redis-{os.getpid()}-*"))) == 2
    asyncio.run(network.close())


async def test_closing_the_network_drops_open_connections_without_a_word(network: DeployedNetwork) -> None:
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
    reader, writer, server = await connect(network)
    writer.write(b"PING\r\n")
    await reader.readline()
    await network.close()
    assert await reader.read() == b""
    assert not complaints
    writer.close()
    server.close()
