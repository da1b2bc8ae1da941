"""What the specification references is there, with the very ids of the tfvars."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from scripts.local.seed import seed
from scripts.settings import PROJECT_ROOT
from tests.integration.conftest import Emulator

pytestmark = pytest.mark.integration

TFVARS_PATH = PROJECT_ROOT / "infrastructure/terraform/environments/dev/terraform.tfvars.json"
TFVARS = json.loads(TFVARS_PATH.read_text())


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator.running(tmp_path_factory.mktemp("seeded"), "--seed", str(TFVARS_PATH)) as emulator:
        yield emulator


def everything(emulator: Emulator) -> dict[str, Any]:
    """All that seeding makes, as far as it could differ between two runs."""
    ec2, ssm = emulator.aws.client("ec2"), emulator.aws.client("ssm")
    names = [arn.partition(":parameter")[2] for arn in TFVARS["ssm_parameters"].values()]
    return {
        "vpcs": [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]],
        "subnets": [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]],
        "gateways": [gateway["NatGatewayId"] for gateway in ec2.describe_nat_gateways()["NatGateways"]],
        "secrets": [
            ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] for name in names
        ],
        "zones": [zone["Id"] for zone in emulator.aws.client("route53").list_hosted_zones()["HostedZones"]],
    }


def test_vpc_subnets_and_group_have_the_ids_of_the_tfvars(seeded: Emulator):
    ec2 = seeded.aws.client("ec2")
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        value = ec2.describe_vpc_attribute(VpcId=TFVARS["vpc_id"], Attribute=attribute)
        assert value[attribute[0].upper() + attribute[1:]]["Value"] is True
    subnets = ec2.describe_subnets(SubnetIds=TFVARS["private_subnet_ids"])["Subnets"]
    assert {subnet["VpcId"] for subnet in subnets} == {TFVARS["vpc_id"]}
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) == 3
    group = ec2.describe_security_groups(GroupIds=[TFVARS["security_group_ids"]["shared_services"]])
    assert group["SecurityGroups"][0]["VpcId"] == TFVARS["vpc_id"]


def test_private_subnets_reach_the_internet_through_a_nat_gateway(seeded: Emulator):
    ec2 = seeded.aws.client("ec2")
    for subnet_id in TFVARS["private_subnet_ids"]:
        tables = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet_id]}])
        routes = tables["RouteTables"][0]["Routes"]
        assert [r for r in routes if r.get("NatGatewayId") and r["DestinationCidrBlock"] == "0.0.0.0/0"]


def test_zone_and_certificate_serve_the_custom_domain(seeded: Emulator):
    zone = seeded.aws.client("route53").get_hosted_zone(Id=TFVARS["route53_zone_id"])["HostedZone"]
    assert zone["Name"] == "sandbox.data.apro.is."
    acm = seeded.aws.client("acm", region="us-east-1")
    certificate = acm.describe_certificate(CertificateArn=TFVARS["acm_certificate_arn"])["Certificate"]
    assert (certificate["DomainName"], certificate["Status"]) == ("*.sandbox.data.apro.is", "ISSUED")


def test_every_ssm_parameter_is_a_secure_string_at_its_arn(seeded: Emulator):
    ssm = seeded.aws.client("ssm")
    for arn in TFVARS["ssm_parameters"].values():
        parameter = ssm.get_parameter(Name=arn.partition(":parameter")[2], WithDecryption=True)["Parameter"]
        assert (parameter["ARN"], parameter["Type"]) == (arn, "SecureString")
        assert parameter["Value"]


def test_the_configuration_file_lies_where_the_function_looks_for_it(seeded: Emulator):
    where = {"Bucket": TFVARS["config_s3_bucket"], "Key": TFVARS["config_s3_key"]}
    body = seeded.aws.client("s3").get_object(**where)["Body"].read()
    assert yaml.safe_load(body)["version"] == "1.2.8"


def test_seeding_again_changes_nothing_and_keeps_what_was_changed_since(seeded: Emulator):
    s3 = seeded.aws.client("s3")
    where = {"Bucket": TFVARS["config_s3_bucket"], "Key": TFVARS["config_s3_key"]}
    s3.put_object(**where, Body=b"version: 1.2.8\nmine: true\n")
    before = everything(seeded)
    seed(seeded.aws, TFVARS)
    assert everything(seeded) == before
    assert b"mine" in s3.get_object(**where)["Body"].read()


def test_what_is_missing_is_made_again_with_its_id(seeded: Emulator):
    ec2 = seeded.aws.client("ec2")
    group = TFVARS["security_group_ids"]["shared_services"]
    ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=TFVARS["private_subnet_ids"][1])
    gateways = ec2.describe_nat_gateways()["NatGateways"]
    seed(seeded.aws, TFVARS)
    assert len(ec2.describe_subnets(SubnetIds=TFVARS["private_subnet_ids"])["Subnets"]) == 3
    assert ec2.describe_nat_gateways()["NatGateways"] == gateways
    assert (
        ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["GroupName"] == "shared_services"
    )


def test_an_id_is_given_once(seeded: Emulator):
    ec2 = seeded.aws.client("ec2")
    group = ec2.create_security_group(GroupName="random", Description="x")["GroupId"]
    assert group not in TFVARS["security_group_ids"].values()
    ec2.delete_security_group(GroupId=group)
