"""A network that a deployment cannot live in: VPC, subnets, NAT gateway, security groups."""

from __future__ import annotations

import pytest

from tests.integration.doctor.place import TFVARS, Place, check, only_failed

pytestmark = pytest.mark.integration


def test_a_vpc_with_dns_hostnames_off_gets_the_command_that_switches_them_on(place: Place) -> None:
    ec2, vpc = place.aws.client("ec2"), TFVARS["vpc_id"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
    try:
        report = place.references()
    finally:
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    broken = only_failed(report, "VPC")
    assert "enableDnsHostnames off" in broken.found
    assert f"aws ec2 modify-vpc-attribute --vpc-id {vpc} --enable-dns-hostnames" in broken.remedy
    assert check(report, "subnets").found == "needs VPC, which failed"


def test_a_vpc_that_is_not_there_is_the_one_failure_of_its_network(place: Place) -> None:
    assert "vpc-0 does not exist" in only_failed(place.references(vpc_id="vpc-0"), "VPC").found


def test_a_subnet_of_another_vpc_is_named(place: Place) -> None:
    ec2 = place.aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.88.0.0/16")["Vpc"]["VpcId"]
    stranger = ec2.create_subnet(VpcId=vpc, CidrBlock="10.88.1.0/24")["Subnet"]["SubnetId"]
    report = place.references(private_subnet_ids=[*TFVARS["private_subnet_ids"], stranger, "subnet-0"])
    broken = only_failed(report, "subnets")
    assert f"{stranger} is in {vpc}, not in {TFVARS['vpc_id']}" in broken.found
    assert "subnet-0 does not exist" in broken.found
    assert "private_subnet_ids" in broken.remedy


def test_a_subnet_without_a_way_to_a_nat_gateway_is_named(place: Place) -> None:
    ec2, vpc = place.aws.client("ec2"), TFVARS["vpc_id"]
    shut, public = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.77.{number}.0/24")["Subnet"]["SubnetId"]
        for number in (201, 202)
    )
    gateway = ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=public)
    broken = only_failed(place.references(private_subnet_ids=[shut, public]), "NAT gateway")
    assert f"{shut} has no route to the internet" in broken.found  # it falls back to the main table
    assert f"{public} is public (its default route is {gateway})" in broken.found
    assert f"Give the route table of {shut} a route 0.0.0.0/0 to a NAT gateway" in broken.remedy


def test_a_security_group_of_another_vpc_is_named(place: Place) -> None:
    ec2 = place.aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.89.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="x", Description="x", VpcId=vpc)["GroupId"]
    broken = only_failed(place.references(security_group_ids={"shared_services": group}), "security groups")
    assert f"shared_services ({group}) is in {vpc}" in broken.found


def test_a_security_group_of_documentdb_that_is_not_there_is_named(place: Place) -> None:
    groups = TFVARS["security_group_ids"] | {"documentdb": "sg-0"}
    broken = only_failed(place.references(security_group_ids=groups), "security groups")
    assert broken.found == "documentdb (sg-0) does not exist"
