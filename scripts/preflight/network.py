"""The network that the function and Redis are put into: VPC, subnets, their way out, shared groups.

The rules are pure functions over what EC2 describes.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from scripts.aws import Aws
from scripts.preflight import values
from scripts.preflight.model import Finding, Status, failed, not_checked, ok, warning, worst
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Network"

_CORRECT_SUBNETS = "Correct private_subnet_ids in terraform.tfvars.json."

_FREE_ADDRESSES = 4
"""A subnet needs one for the function's network interface, perhaps one for Redis, and some to spare."""
_DOCUMENTDB_PORT = 27017
_MUST_ADMIT = (
    f"its security group must admit the function on port {_DOCUMENTDB_PORT}, by a rule of its own or "
    "named as security_group_ids.documentdb"
)

Described = Mapping[str, Any]


def probes(settings: Settings, aws: Aws, needs: tuple[str, ...]) -> Iterator[Probe]:
    """What the tfvars name; all that is in the VPC needs the VPC."""
    inside = (*needs, "VPC")
    yield Probe(GROUP, "VPC", lambda: _vpc(aws, settings.tfvars["vpc_id"]), needs)
    yield Probe(GROUP, "subnets", lambda: _subnets(aws, settings.tfvars), inside)
    yield Probe(GROUP, "NAT gateway", lambda: _ways_out(aws, settings.tfvars), (*inside, "subnets"))
    yield Probe(GROUP, "security groups", lambda: _security_groups(aws, settings.tfvars), inside)
    # Asks no AWS: a wrong name is found without credentials, too.
    known = tuple(need for need in needs if need == values.NAME)
    yield Probe(GROUP, "DocumentDB", lambda: _databases(settings), known)


def judge_subnets(wanted: Sequence[str], described: Iterable[Described], vpc_id: str) -> Finding:
    """Whether every subnet is there, in the VPC, private, and has addresses left."""
    there = {subnet["SubnetId"]: subnet for subnet in described}
    problems = list(_subnet_problems(wanted, there, vpc_id))
    zones = sorted({subnet["AvailabilityZone"] for subnet in there.values()})
    if len(zones) == 1:
        problems.append(
            warning(
                f"all are in {zones[0]}: when that zone fails, so does the API",
                "Name subnets of two zones or more.",
            )
        )
    return worst(problems, ok(f"{len(wanted)} in {', '.join(zones)}"))


def judge_ways_out(
    subnet_ids: Sequence[str], tables: Sequence[Described], gateways: Iterable[Described]
) -> Finding:
    """Whether each subnet's default route leads to a NAT gateway that works.

    A network interface of Lambda has no public address, so that an internet gateway is no way out:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html
    """
    known = {gateway["NatGatewayId"]: gateway for gateway in gateways}
    used: set[str] = set()
    problems = []
    for subnet_id in subnet_ids:
        route = default_route(route_table_of(subnet_id, tables))
        gateway = (route or {}).get("NatGatewayId", "")
        finding = _judge_route(subnet_id, route, known.get(gateway))
        if finding.status is not Status.OK:
            problems.append(finding)
        used.add(gateway)
    return worst(problems, ok(f"{', '.join(sorted(used))} for every subnet"))


def route_table_of(subnet_id: str, tables: Sequence[Described]) -> Described | None:
    """The table that is associated with a subnet, else the VPC's main one.

    https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html
    """
    main = None
    for table in tables:
        for association in table.get("Associations", ()):
            if association.get("SubnetId") == subnet_id:
                return table
            if association.get("Main"):
                main = table
    return main


def default_route(table: Described | None) -> Described | None:
    """The route to everywhere (IPv4), if there is one."""
    routes = (table or {}).get("Routes", ())
    return next((route for route in routes if route.get("DestinationCidrBlock") == "0.0.0.0/0"), None)


def _vpc(aws: Aws, vpc_id: str) -> Finding:
    ec2 = aws.client("ec2")
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["Vpcs"]
    if not vpcs:
        return failed(f"{vpc_id} does not exist in {aws.region}", "Correct vpc_id in terraform.tfvars.json.")
    off = [
        attribute
        for attribute, answer in (
            ("enableDnsSupport", "EnableDnsSupport"),
            ("enableDnsHostnames", "EnableDnsHostnames"),
        )
        if not ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)[answer]["Value"]
    ]
    if off:
        # A private hosted zone, and so Cloud Map's .local names (FR-028), needs both:
        # https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html
        commands = [
            f"aws ec2 modify-vpc-attribute --vpc-id {vpc_id} --{_OPTIONS[attribute]}" for attribute in off
        ]
        return failed(
            f"{vpc_id} has {' and '.join(off)} off: the names of Cloud Map would not resolve (FR-028)",
            f"Switch it on: {'; '.join(commands)}",
        )
    return ok(f"{vpc_id} ({vpcs[0]['CidrBlock']}), DNS support and hostnames on")


_OPTIONS = {"enableDnsSupport": "enable-dns-support", "enableDnsHostnames": "enable-dns-hostnames"}


def _subnets(aws: Aws, tfvars: Mapping[str, Any]) -> Finding:
    wanted = tfvars["private_subnet_ids"]
    # A filter and not SubnetIds: that one refuses at the first that is missing and hides the others.
    described = _pages(aws, "describe_subnets", "Subnets", "subnet-id", wanted)
    return judge_subnets(wanted, described, tfvars["vpc_id"])


def _subnet_problems(wanted: Sequence[str], there: Mapping[str, Described], vpc_id: str) -> Iterator[Finding]:
    for subnet_id in wanted:
        subnet = there.get(subnet_id)
        if subnet is None:
            yield failed(f"{subnet_id} does not exist", _CORRECT_SUBNETS)
            continue
        if subnet["VpcId"] != vpc_id:
            yield failed(
                f"{subnet_id} is in {subnet['VpcId']}, not in {vpc_id}",
                "Correct private_subnet_ids or vpc_id in terraform.tfvars.json.",
            )
        if subnet.get("MapPublicIpOnLaunch"):
            yield warning(
                f"{subnet_id} gives public addresses to what is launched in it, like a public subnet",
                "Name private subnets, or: aws ec2 modify-subnet-attribute "
                f"--subnet-id {subnet_id} --no-map-public-ip-on-launch",
            )
        if subnet.get("AvailableIpAddressCount", _FREE_ADDRESSES) < _FREE_ADDRESSES:
            yield warning(
                f"{subnet_id} has {subnet['AvailableIpAddressCount']} free addresses left",
                "Free some, or name another subnet.",
            )


def _ways_out(aws: Aws, tfvars: Mapping[str, Any]) -> Finding:
    vpc = [tfvars["vpc_id"]]
    # What is wrong with the others, the check of the subnets says.
    described = _pages(aws, "describe_subnets", "Subnets", "subnet-id", tfvars["private_subnet_ids"])
    subnet_ids = [subnet["SubnetId"] for subnet in described if subnet["VpcId"] in vpc]
    if not subnet_ids:
        return not_checked(f"no subnet is in {vpc[0]}")
    tables = _pages(aws, "describe_route_tables", "RouteTables", "vpc-id", vpc)
    gateways = _pages(aws, "describe_nat_gateways", "NatGateways", "vpc-id", vpc)
    return judge_ways_out(subnet_ids, list(tables), gateways)


def _judge_route(subnet_id: str, route: Described | None, gateway: Described | None) -> Finding:
    remedy = f"Give the route table of {subnet_id} a route 0.0.0.0/0 to a NAT gateway, or name another one."
    if route is None:
        return failed(f"{subnet_id} has no route to the internet", remedy)
    if route.get("State") == "blackhole":
        return failed(f"the default route of {subnet_id} leads to something that is gone", remedy)
    if route.get("GatewayId", "").startswith("igw-"):
        return failed(
            f"{subnet_id} is public (its default route is {route['GatewayId']}): Lambda has no way out of it",
            remedy,
        )
    nat = route.get("NatGatewayId")
    if not nat:
        target = next((route[name] for name in _OTHER_TARGETS if route.get(name)), "something else")
        return warning(
            f"{subnet_id} leaves through {target}: whether it reaches the internet cannot be seen from here",
            "Nothing, if that is your network's way out.",
        )
    if gateway is None or gateway["State"] in ("deleting", "deleted", "failed"):
        state = gateway["State"] if gateway else "not there"
        return failed(f"{nat}, the way out of {subnet_id}, is {state}", remedy)
    if gateway.get("ConnectivityType") == "private":
        return failed(
            f"{nat}, the way out of {subnet_id}, is private and does not reach the internet", remedy
        )
    return ok(nat)


_OTHER_TARGETS = (
    "TransitGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "VpcPeeringConnectionId",
    "CoreNetworkArn",
    "GatewayId",
)


def _security_groups(aws: Aws, tfvars: Mapping[str, Any]) -> Finding:
    wanted: Mapping[str, str] = tfvars["security_group_ids"]
    described = _pages(aws, "describe_security_groups", "SecurityGroups", "group-id", list(wanted.values()))
    there = {group["GroupId"]: group for group in described}
    problems = []
    for name, group_id in wanted.items():
        if group_id not in there:
            problems.append(
                failed(
                    f"{name} ({group_id}) does not exist",
                    "Correct security_group_ids in terraform.tfvars.json.",
                )
            )
        elif there[group_id].get("VpcId") != tfvars["vpc_id"]:
            problems.append(
                failed(
                    f"{name} ({group_id}) is in {there[group_id].get('VpcId')}, not in {tfvars['vpc_id']}",
                    "Correct security_group_ids or vpc_id in terraform.tfvars.json.",
                )
            )
    return worst(problems, ok(", ".join(f"{name} ({group_id})" for name, group_id in wanted.items())))


def _databases(settings: Settings) -> Finding:
    """Names of DocumentDB resolve in public DNS, to private addresses."""
    if settings.target == "local":
        return not_checked("the environments of a rehearsal have no DNS and no DocumentDB")
    hosts = list(settings.tfvars["database_endpoints"].values())
    # Which group is DocumentDB's, only its owner knows.
    admitted = "" if "documentdb" in settings.tfvars["security_group_ids"] else f"; {_MUST_ADMIT}"
    unknown = []
    for host in hosts:
        try:
            socket.getaddrinfo(host, _DOCUMENTDB_PORT, proto=socket.IPPROTO_TCP)
        except socket.gaierror as error:
            unknown.append(
                warning(
                    f"{host} does not resolve from this machine: {error.strerror}",
                    "Compare database_endpoints with the cluster's endpoint; the function uses the host in "
                    "MONGO_URI.",
                )
            )
    return worst(unknown, ok(f"{', '.join(hosts)} resolves{admitted}"))


def _pages(aws: Aws, operation: str, key: str, filter_name: str, wanted: list[str]) -> Iterator[Described]:
    chosen = [{"Name": filter_name, "Values": wanted}]
    for page in aws.client("ec2").get_paginator(operation).paginate(Filters=chosen):
        yield from page[key]
