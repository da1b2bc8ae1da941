"""Makes, in the embedded AWS, what the specification references and does not create.

VPC, private subnets with a way out, shared security groups, hosted zone, certificate, SSM parameters
and the configuration bucket: from the same tfvars as the deployment, with the very same ids, so that a
wrong id in them fails here as it would in the account. Nothing here runs against the real AWS.
"""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from scripts.aws import Aws, error_code
from scripts.local.extensions import chosen_ids

NETWORK = "10.77.0.0/16"
# Where the VPC network would serve DocumentDB if it did; the stand-in app does not connect.
MONGO_URI = "mongodb://127.77.0.7:27017/librechat"


def seed(aws: Aws, tfvars: Mapping[str, Any]) -> None:
    """Create what is missing; what is there stays as it is.

    Args:
        aws: The embedded AWS, as the account of the deployment.
        tfvars: The environment's values (``terraform.tfvars.json``).

    Raises:
        KeyError: a value that the specification demands is not in the tfvars.
        botocore.exceptions.ClientError: the embedded AWS refused a value.
    """
    parent = tfvars["custom_domain"].partition(".")[2]
    _vpc(aws, tfvars["vpc_id"])
    _private_subnets(aws, tfvars["vpc_id"], tfvars["private_subnet_ids"])
    for name, group_id in tfvars["security_group_ids"].items():
        _security_group(aws, tfvars["vpc_id"], name, group_id)
    _hosted_zone(aws, tfvars["route53_zone_id"], parent)
    _certificate(aws, tfvars["acm_certificate_arn"], f"*.{parent}", tfvars["route53_zone_id"])
    for name, arn in tfvars["ssm_parameters"].items():
        _parameter(aws, name, arn)
    _config(aws, tfvars["config_s3_bucket"], tfvars["config_s3_key"], tfvars["custom_domain"])


def librechat_config(domain: str) -> str:
    """A small valid librechat.yaml of the schema that LibreChat v0.8.2-rc1 takes."""
    return f"""\
version: 1.2.8
cache: true
fileStrategy: s3
interface:
  customWelcome: Welcome to {domain}
  privacyPolicy:
    externalUrl: https://{domain}/privacy
    openNewTab: true
registration:
  socialLogins: [openid]
endpoints:
  custom:
    - name: LiteLLM
      apiKey: ${{LITELLM_API_KEY}}
      baseURL: ${{LITELLM_BASE_URL}}
      models:
        default: [stand-in]
        fetch: true
      titleConvo: true
      titleModel: current_model
      modelDisplayLabel: LiteLLM
"""


def _vpc(aws: Aws, vpc_id: str) -> None:
    ec2 = aws.client("ec2")
    if _there(lambda: ec2.describe_vpcs(VpcIds=[vpc_id])):
        return
    _announce(aws, "vpc", vpc_id)
    ec2.create_vpc(CidrBlock=NETWORK, TagSpecifications=_tags("vpc", "existing"))
    # FR-028: Cloud Map names resolve only with both switched on.
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsSupport={"Value": True})
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})


def _private_subnets(aws: Aws, vpc_id: str, subnet_ids: list[str]) -> None:
    ec2 = aws.client("ec2")
    missing = [
        (number, subnet_id)
        for number, subnet_id in enumerate(subnet_ids)
        if not _there(lambda subnet_id=subnet_id: ec2.describe_subnets(SubnetIds=[subnet_id]))  # type: ignore[misc]
    ]
    if not missing:
        return
    routes = _way_out(aws, vpc_id)
    for number, subnet_id in missing:
        _announce(aws, "subnet", subnet_id)
        ec2.create_subnet(
            VpcId=vpc_id,
            CidrBlock=f"10.77.{number + 1}.0/24",
            AvailabilityZone=f"{aws.region}{'abc'[number % 3]}",
            TagSpecifications=_tags("subnet", f"private-{number + 1}"),
        )
        ec2.associate_route_table(RouteTableId=routes, SubnetId=subnet_id)


def _way_out(aws: Aws, vpc_id: str) -> str:
    """The route table through a NAT gateway (assumption 3 of the specification)."""
    ec2 = aws.client("ec2")
    named = [{"Name": "tag:Name", "Values": ["private"]}, {"Name": "vpc-id", "Values": [vpc_id]}]
    for there in ec2.describe_route_tables(Filters=named)["RouteTables"]:
        return str(there["RouteTableId"])
    public = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.77.0.0/24", AvailabilityZone=f"{aws.region}a")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc_id)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public["Subnet"]["SubnetId"], AllocationId=address)
    tags = _tags("route-table", "private")
    table: str = ec2.create_route_table(VpcId=vpc_id, TagSpecifications=tags)["RouteTable"]["RouteTableId"]
    ec2.create_route(
        RouteTableId=table,
        DestinationCidrBlock="0.0.0.0/0",
        NatGatewayId=nat["NatGateway"]["NatGatewayId"],
    )
    return table


def _security_group(aws: Aws, vpc_id: str, name: str, group_id: str) -> None:
    ec2 = aws.client("ec2")
    if _there(lambda: ec2.describe_security_groups(GroupIds=[group_id])):
        return
    _announce(aws, "security-group", group_id)
    ec2.create_security_group(GroupName=name, Description=f"{name} (existing)", VpcId=vpc_id)


def _hosted_zone(aws: Aws, zone_id: str, name: str) -> None:
    route53 = aws.client("route53")
    if _there(lambda: route53.get_hosted_zone(Id=zone_id)):
        return
    _announce(aws, "hosted-zone", zone_id)
    route53.create_hosted_zone(Name=name, CallerReference=zone_id)


def _certificate(aws: Aws, arn: str, domain: str, zone_id: str) -> None:
    acm = aws.client("acm", region=arn.split(":")[3])
    if not _there(lambda: acm.describe_certificate(CertificateArn=arn)):
        _announce(aws, "certificate", arn.rpartition("/")[2])
        acm.request_certificate(DomainName=domain, ValidationMethod="DNS")
    certificate = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    if certificate["Status"] == "PENDING_VALIDATION":
        # Its owner has proved the domain in DNS: ACM issues it when it finds these records.
        _records(aws, zone_id, [o["ResourceRecord"] for o in certificate["DomainValidationOptions"]])


def _records(aws: Aws, zone_id: str, records: list[Mapping[str, str]]) -> None:
    changes = [
        {
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": record["Name"],
                "Type": record["Type"],
                "TTL": 300,
                "ResourceRecords": [{"Value": record["Value"]}],
            },
        }
        for record in records
    ]
    aws.client("route53").change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})


def _parameter(aws: Aws, name: str, arn: str) -> None:
    region, path = arn.split(":")[3], arn.partition(":parameter")[2]
    ssm = aws.client("ssm", region=region)
    if not _there(lambda: ssm.get_parameter(Name=path)):
        ssm.put_parameter(Name=path, Type="SecureString", Value=_secret(name))


def _secret(name: str) -> str:
    # LibreChat takes 32 bytes as its encryption key and 16 as the initialization vector, in hex.
    lengths = {"CREDS_KEY": 32, "CREDS_IV": 16}
    return MONGO_URI if name == "MONGO_URI" else secrets.token_hex(lengths.get(name, 24))


def _config(aws: Aws, bucket: str, key: str, domain: str) -> None:
    s3 = aws.client("s3")
    if not _there(lambda: s3.head_bucket(Bucket=bucket)):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws.region})
    if not _there(lambda: s3.head_object(Bucket=bucket, Key=key)):
        body = librechat_config(domain).encode()
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/yaml")


def _there(read: Callable[[], object]) -> bool:
    """Whether a read finds the resource. Any refusal but "not found" is an error."""
    from botocore.exceptions import ClientError

    try:
        read()
    except ClientError as error:
        code = error_code(error)
        if code == "404" or "NotFound" in code or code.startswith("NoSuch"):
            return False
        raise
    return True


def _announce(aws: Aws, kind: str, resource_id: str) -> None:
    """Have the embedded AWS give this id to the next resource of its kind."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    body = json.dumps({"kind": kind, "id": resource_id}).encode()
    url = aws.client("ec2").meta.endpoint_url + chosen_ids.ROUTE
    signed = AWSRequest(method="POST", url=url, data=body)
    SigV4Auth(aws.credentials(), "ec2", aws.region).add_auth(signed)
    request = urllib.request.Request(url, data=body, headers=dict(signed.headers), method="POST")
    # Loopback: no proxy of this machine is asked.
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10):
        pass


def _tags(resource_type: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": resource_type, "Tags": [{"Key": "Name", "Value": name}]}]
