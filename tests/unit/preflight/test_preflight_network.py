"""Subnets and their ways out, judged from what EC2 describes."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.aws import Aws
from scripts.preflight import network
from scripts.preflight.model import Finding, Status
from scripts.preflight.network import default_route, judge_subnets, judge_ways_out, route_table_of
from scripts.settings import Settings

NAT = {"NatGatewayId": "nat-1", "State": "available", "ConnectivityType": "public"}


def subnet(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "SubnetId": name,
        "VpcId": "vpc-1",
        "AvailabilityZone": f"eu-west-1{name[-1]}",
        "AvailableIpAddressCount": 200,
        **changes,
    }


def table(*subnets: str, main: bool = False, **route: str) -> dict[str, Any]:
    associations: list[dict[str, Any]] = [{"Main": False, "SubnetId": name} for name in subnets]
    local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
    everywhere = [{"DestinationCidrBlock": "0.0.0.0/0", "State": "active", **route}] if route else []
    return {"Associations": associations + [{"Main": True}] * main, "Routes": [local, *everywhere]}


def test_private_subnets_of_two_zones_are_fine() -> None:
    finding = judge_subnets(["s-a", "s-b"], [subnet("s-a"), subnet("s-b")], "vpc-1")
    assert (finding.status, finding.found) == (Status.OK, "2 in eu-west-1a, eu-west-1b")


@pytest.mark.parametrize(
    ("described", "status", "says"),
    [
        ([subnet("s-a")], Status.FAILED, "s-b does not exist"),
        ([subnet("s-a"), subnet("s-b", VpcId="vpc-2")], Status.FAILED, "s-b is in vpc-2, not in vpc-1"),
        ([subnet("s-a"), subnet("s-b", MapPublicIpOnLaunch=True)], Status.WARNING, "s-b gives public"),
        ([subnet("s-a"), subnet("s-b", AvailableIpAddressCount=1)], Status.WARNING, "1 free addresses"),
        (
            [subnet("s-a"), subnet("s-b", AvailabilityZone="eu-west-1a")],
            Status.WARNING,
            "all are in eu-west-1a",
        ),
    ],
)
def test_what_is_wrong_with_a_subnet_is_said(
    described: list[dict[str, Any]], status: Status, says: str
) -> None:
    finding = judge_subnets(["s-a", "s-b"], described, "vpc-1")
    assert finding.status is status and says in finding.found and finding.remedy


def test_every_missing_subnet_is_named() -> None:
    assert judge_subnets(["s-a", "s-b"], [], "vpc-1").found == "s-a does not exist; s-b does not exist"


def test_an_associated_table_wins_over_the_main_one() -> None:
    own, main = table("s-a"), table(main=True)
    assert route_table_of("s-a", [main, own]) is own
    assert route_table_of("s-b", [main, own]) is main
    assert route_table_of("s-b", [own]) is None


def test_only_the_route_to_everywhere_is_the_default() -> None:
    assert default_route(table()) is None
    assert default_route(None) is None
    assert (default_route(table(NatGatewayId="nat-1")) or {})["NatGatewayId"] == "nat-1"


def test_a_route_to_a_nat_gateway_is_a_way_out_by_association_and_by_the_main_table() -> None:
    tables = [table("s-a", NatGatewayId="nat-1"), table(main=True, NatGatewayId="nat-1")]
    finding = judge_ways_out(["s-a", "s-b"], tables, [NAT])
    assert (finding.status, finding.found) == (Status.OK, "nat-1 for every subnet")


@pytest.mark.parametrize(
    ("route", "gateway", "status", "says"),
    [
        ({}, NAT, Status.FAILED, "s-a has no route to the internet"),
        ({"GatewayId": "igw-1"}, NAT, Status.FAILED, "s-a is public"),
        ({"NatGatewayId": "nat-1", "State": "blackhole"}, NAT, Status.FAILED, "something that is gone"),
        ({"NatGatewayId": "nat-2"}, NAT, Status.FAILED, "nat-2, the way out of s-a, is not there"),
        ({"NatGatewayId": "nat-1"}, NAT | {"State": "deleted"}, Status.FAILED, "is deleted"),
        ({"NatGatewayId": "nat-1"}, NAT | {"ConnectivityType": "private"}, Status.FAILED, "is private"),
        ({"TransitGatewayId": "tgw-1"}, NAT, Status.WARNING, "leaves through tgw-1"),
    ],
)
def test_every_other_way_out_is_judged(
    route: dict[str, str], gateway: dict[str, str], status: Status, says: str
) -> None:
    finding = judge_ways_out(["s-a"], [table("s-a", **route)], [gateway])
    assert finding.status is status and says in finding.found and finding.remedy


def documentdb(settings: Settings, directory: Path, **more_groups: str) -> Finding:
    """What is found about DocumentDB, with these security groups beside that of the services."""
    path = directory / "environments" / "dev" / "terraform.tfvars.json"
    path.parent.mkdir(parents=True)
    groups = settings.tfvars["security_group_ids"] | more_groups
    path.write_text(json.dumps({**settings.tfvars, "security_group_ids": groups}))
    terraform = replace(settings.terraform, directory=str(directory))
    there = replace(settings, target="aws", terraform=terraform)
    probes = {probe.name: probe for probe in network.probes(there, Aws(region="eu-west-1"), ())}
    return probes["DocumentDB"].look()


def test_documentdb_s_own_security_group_is_spoken_of_unless_terraform_is_to_open_it(
    default_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    unnamed = documentdb(default_settings, tmp_path / "unnamed")
    named = documentdb(default_settings, tmp_path / "named", documentdb="sg-1")
    assert unnamed.status is named.status is Status.OK
    assert "its security group must admit the function on port 27017" in unnamed.found
    assert named.found.endswith(" resolves")
