"""The checks before a deploy, against the embedded AWS over HTTP: green, and each broken prerequisite."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts import preflight
from scripts.aws import Aws
from scripts.errors import DeployError, ExitStatus
from scripts.preflight import Check, Report, Status
from scripts.settings import PROJECT_ROOT, Settings
from scripts.target import Target
from tests.e2e.stack import Stack, make_stack
from tests.integration.conftest import ACCOUNT, Emulator

pytestmark = pytest.mark.integration

TFVARS_PATH = PROJECT_ROOT / "infrastructure/terraform/environments/dev/terraform.tfvars.json"
TFVARS = json.loads(TFVARS_PATH.read_text())
OTHER = "111111111111"
PATIENCE = 120.0
"""A busy machine must not turn an answer into "no answer"."""


@dataclass
class Place:
    """A seeded account, and the checks of it.

    Attributes:
        directory: Where the tfvars of one check are put.
    """

    emulator: Emulator
    settings: Settings
    directory: Path

    @property
    def aws(self) -> Aws:
        return self.emulator.aws

    def doctor(self, aws: Aws | None = None, **tfvars: Any) -> Report:
        """All checks, with some values of the environment replaced."""
        target = Target("local", {}, aws or self.aws)
        return preflight.everything(self.changed(**tfvars), target, patience=PATIENCE)

    def references(self, **tfvars: Any) -> Report:
        """The checks of what the configuration refers to, as a deploy takes them."""
        return preflight.references(self.changed(**tfvars), Target("local", {}, self.aws))

    def changed(self, **tfvars: Any) -> Settings:
        path = self.directory / "environments" / "dev" / "terraform.tfvars.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(TFVARS | tfvars))
        return replace(
            self.settings, terraform=replace(self.settings.terraform, directory=str(self.directory))
        )

    def user(self, name: str, *statements: dict[str, Any]) -> Aws:
        """A user who may do what the statements say."""
        iam = self.aws.client("iam")
        iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return self.emulator.as_key(key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path_factory.mktemp("seeded"))
    emulator.start("--seed", str(TFVARS_PATH))
    yield emulator
    emulator.stop()


@pytest.fixture
def place(seeded: Emulator, default_settings: Settings, tmp_path: Path) -> Place:
    return Place(seeded, default_settings, tmp_path)


def check(report: Report, name: str) -> Check:
    return next(found for found in report.checks if found.name == name)


def only_failed(report: Report, name: str) -> Check:
    """The one check that failed."""
    assert [found.name for found in report.failed] == [name]
    return check(report, name)


def self_signed(directory: Path, domain: str, days: int) -> dict[str, bytes]:
    """A certificate with its key, as ImportCertificate takes them."""
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    subject = ["-subj", f"/CN={domain}", "-addext", f"subjectAltName=DNS:{domain}", "-days", str(days)]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        ["openssl", "req", "-x509", *kind, "-keyout", str(key), *subject, "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    return {"Certificate": certificate.read_bytes(), "PrivateKey": key.read_bytes()}


# --- Green ------------------------------------------------------------------------------------------


def test_a_rehearsal_is_ready_and_says_what_it_could_not_check(place: Place) -> None:
    report = place.doctor()
    assert not report.failed
    assert {found.name for found in report.checks if found.status is Status.NOT_CHECKED} == {
        "DocumentDB",  # a rehearsal has none
        "permissions",  # the rehearsal is the root user, who may everything
    }
    assert {found.group for found in report.checks} == {
        "Tools", "Machine", "Configuration", "Account", "Network", "Domain", "Secrets and configuration",
        "Quotas",
    }  # fmt: skip
    assert all(found.found for found in report.checks)


def test_no_secret_is_read(place: Place) -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    denied = {"Effect": "Deny", "Action": ["ssm:GetParameter*", "kms:Decrypt"], "Resource": "*"}
    deployer = place.user("blind", everything, denied)
    with pytest.raises(ClientError, match="explicit deny"):
        deployer.client("ssm").get_parameter(Name="/ecs/genai/mongo/DB_URI")
    report = place.doctor(deployer)
    assert not report.failed
    assert check(report, "SSM parameters").status is Status.OK
    assert check(report, "permissions").status is Status.OK


def test_nothing_is_made_or_changed(place: Place) -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    writes = ["*:Create*", "*:Put*", "*:Update*", "*:Modify*", "*:Delete*", "*:Change*", "*:Attach*"]
    reader = place.user(
        "reader", everything, *({"Effect": "Deny", "Action": action, "Resource": "*"} for action in writes)
    )
    # IAM's simulation says rightly that this user could not deploy; everything else is as before.
    assert {found.name for found in place.doctor(reader).failed} == {"permissions"}
    # Nor need they for a plan.
    assert not preflight.references(place.settings, Target("local", {}, reader), to_deploy=False).failed


# --- Broken prerequisites -----------------------------------------------------------------------------


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


def test_a_zone_that_does_not_hold_the_domain_is_named(place: Place) -> None:
    route53 = place.aws.client("route53")
    zone = route53.create_hosted_zone(Name="example.org", CallerReference="other")["HostedZone"]["Id"]
    report = place.references(route53_zone_id=zone.rpartition("/")[2])
    broken = only_failed(report, "hosted zone")
    assert "lambda-test.sandbox.data.apro.is does not lie in example.org" in broken.found
    assert "route53_zone_id or custom_domain" in broken.remedy
    assert check(report, "custom domain").status is Status.NOT_CHECKED
    assert "does not exist" in only_failed(place.references(route53_zone_id="Z0"), "hosted zone").found


@contextmanager
def record(place: Place, change: dict[str, Any]) -> Iterator[None]:
    route53 = place.aws.client("route53")

    def do(action: str) -> None:
        changes = [{"Action": action, "ResourceRecordSet": {"Name": TFVARS["custom_domain"], **change}}]
        route53.change_resource_record_sets(
            HostedZoneId=TFVARS["route53_zone_id"], ChangeBatch={"Changes": changes}
        )

    do("CREATE")
    try:
        yield
    finally:
        do("DELETE")


def test_somebody_else_s_record_is_found_before_terraform_stumbles_over_it(place: Place) -> None:
    theirs = {"Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    with record(place, theirs):
        broken = only_failed(place.references(), "custom domain")
    assert "has a record A that leads to addresses: somebody else's" in broken.found


def test_our_own_distribution_may_have_the_domain(place: Place) -> None:
    cloudfront = place.aws.client("cloudfront")
    origin = {
        "Id": "frontend",
        "DomainName": "librechat-lambda-frontend-dev.s3.eu-west-1.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    made = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": "doctor",
            "Comment": "",
            "Enabled": True,
            "Aliases": {"Quantity": 1, "Items": [TFVARS["custom_domain"]]},
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "frontend",
                "ViewerProtocolPolicy": "redirect-to-https",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            },
            "ViewerCertificate": {
                "ACMCertificateArn": TFVARS["acm_certificate_arn"],
                "SSLSupportMethod": "sni-only",
                "MinimumProtocolVersion": "TLSv1.2_2021",
            },
        }
    )["Distribution"]
    alias = {
        "DNSName": made["DomainName"],
        "HostedZoneId": "Z2FDTNDATAQYW2",
        "EvaluateTargetHealth": False,
    }
    with record(place, {"Type": "A", "AliasTarget": alias}):
        assert check(place.references(), "custom domain").found.endswith("leads to our distribution")


def test_a_certificate_that_waits_for_validation_names_its_record(place: Place) -> None:
    acm = place.aws.client("acm", "us-east-1")
    arn = acm.request_certificate(DomainName="*.example.net", ValidationMethod="DNS")["CertificateArn"]
    broken = only_failed(place.references(acm_certificate_arn=arn), "certificate")
    assert "PENDING_VALIDATION" in broken.found
    assert "Create this record in DNS" in broken.remedy and "example.net. CNAME" in broken.remedy


def test_a_certificate_of_another_region_is_refused(place: Place) -> None:
    acm = place.aws.client("acm", "eu-west-1")
    domain = TFVARS["custom_domain"]
    arn = acm.request_certificate(DomainName=domain, ValidationMethod="DNS")["CertificateArn"]
    broken = only_failed(place.references(acm_certificate_arn=arn), "certificate")
    assert "is in eu-west-1: CloudFront takes certificates of us-east-1 only" in broken.found
    assert "Issue or import it in us-east-1" in broken.remedy


@pytest.mark.parametrize(
    ("domain", "days", "status", "says"),
    [
        ("*.data.apro.is", 90, Status.FAILED, "does not cover lambda-test.sandbox.data.apro.is"),
        ("*.sandbox.data.apro.is", 10, Status.WARNING, "expires on"),
        ("*.sandbox.data.apro.is", 90, Status.OK, "ISSUED for *.sandbox.data.apro.is"),
    ],
)
def test_an_imported_certificate_is_judged_by_its_names_and_its_end(
    place: Place, tmp_path: Path, domain: str, days: int, status: Status, says: str
) -> None:
    acm = place.aws.client("acm", "us-east-1")
    arn = acm.import_certificate(**self_signed(tmp_path, domain, days))["CertificateArn"]
    found = check(place.references(acm_certificate_arn=arn), "certificate")
    assert found.status is status and says in found.found
    if status is Status.WARNING:
        assert "import-certificate" in found.remedy


def test_a_certificate_that_is_not_there_is_named(place: Place) -> None:
    arn = TFVARS["acm_certificate_arn"][:-1] + "0"
    assert "does not exist" in only_failed(place.references(acm_certificate_arn=arn), "certificate").found


def test_missing_and_plain_parameters_are_named_together(place: Place) -> None:
    place.aws.client("ssm").put_parameter(Name="/plain", Type="String", Value="open to all")
    prefix = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter"
    parameters = TFVARS["ssm_parameters"] | {
        "JWT_SECRET": f"{prefix}/not/there",
        "MONGO_URI": f"{prefix}/plain",
    }
    broken = only_failed(place.references(ssm_parameters=parameters), "SSM parameters")
    assert "missing: /not/there (JWT_SECRET)" in broken.found
    assert "open to all" not in broken.found


def test_a_parameter_of_type_string_is_told_from_a_missing_one(place: Place) -> None:
    place.aws.client("ssm").put_parameter(Name="/plain/too", Type="String", Value="open to all")
    arn = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/plain/too"
    report = place.references(ssm_parameters={"MONGO_URI": arn})
    plain = check(report, "SSM parameters")
    assert not report.failed  # the function reads it like the others
    assert (plain.status, plain.found) == (Status.WARNING, "not encrypted: /plain/too is a String")
    assert "Create a SecureString of another name" in plain.remedy


@pytest.mark.parametrize(
    ("content", "says", "remedy"),
    [
        (None, "is not there", "inv config.push"),
        (b"version: [1", "is not valid", "Correct the file"),
        (
            b'version: "1.2.8"\n# https://genai.sandbox.data.apro.is\n',
            "still names genai.sandbox.data.apro.is",
            "replaces the domain: inv config.push",
        ),
    ],
)
def test_a_configuration_that_the_function_would_refuse_is_found(
    place: Place, content: bytes | None, says: str, remedy: str
) -> None:
    key = "doctor/librechat.yaml"
    if content is not None:
        place.aws.client("s3").put_object(Bucket=TFVARS["config_s3_bucket"], Key=key, Body=content)
    report = place.references(config_s3_key=key if content is not None else "doctor/nothing.yaml")
    broken = only_failed(report, "librechat.yaml")
    assert says in broken.found and remedy in broken.remedy


def test_credentials_of_another_account_end_all_questions(place: Place) -> None:
    report = place.doctor(place.emulator.as_key(OTHER, "local"))
    broken = only_failed(report, "account")
    assert f"belong to account {OTHER}, the settings to {ACCOUNT}" in broken.found
    assert "INVOKE_AWS_PROFILE" in broken.remedy
    assert check(report, "VPC").found == "needs account, which failed"


def test_a_state_bucket_of_somebody_else_is_refused(place: Place) -> None:
    name = "librechat-somebody-elses-state"
    place.emulator.as_key(OTHER, "local").client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    place.settings = replace(place.settings, state=replace(place.settings.state, bucket=name))
    broken = only_failed(place.references(), "state")
    assert f"The state bucket {name} is not ours" in broken.found
    assert "INVOKE_STATE_BUCKET" in broken.remedy


@contextmanager
def bucket(aws: Aws, name: str, region: str = "eu-west-1") -> Iterator[None]:
    s3 = aws.client("s3", region)
    location = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **({} if region == "us-east-1" else location))
    try:
        yield
    finally:
        s3.delete_bucket(Bucket=name)


def test_names_of_buckets_are_free_or_ours(place: Place) -> None:
    with bucket(place.aws, "librechat-lambda-frontend-dev"):
        names = check(place.references(), "bucket names")
    assert names.status is Status.OK
    assert names.found == "librechat-lambda-frontend-dev is ours, librechat-lambda-files-dev is free"


def test_a_bucket_s_name_that_another_account_has_is_found_before_terraform_stumbles_over_it(
    place: Place,
) -> None:
    with bucket(place.emulator.as_key(OTHER, "local"), "librechat-lambda-files-dev"):
        broken = only_failed(place.references(), "bucket names")
    assert "librechat-lambda-files-dev belongs to another account" in broken.found
    assert "another environment" in broken.remedy


def test_a_bucket_of_ours_in_another_region_is_found(place: Place) -> None:
    with bucket(place.aws, "librechat-lambda-files-dev", "us-east-1"):
        broken = only_failed(place.references(), "bucket names")
    assert broken.found == "librechat-lambda-files-dev is in us-east-1, not in eu-west-1"


def test_five_broken_prerequisites_are_reported_in_one_run_and_stop_a_deploy_together(place: Place) -> None:
    broken: dict[str, Any] = {
        "private_subnet_ids": ["subnet-0"],
        "security_group_ids": {"shared_services": "sg-0"},
        "acm_certificate_arn": TFVARS["acm_certificate_arn"].replace("us-east-1", "eu-west-1"),
        "ssm_parameters": {"JWT_SECRET": f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/not/there"},
        "config_s3_key": "doctor/nothing.yaml",
    }
    names = {"subnets", "security groups", "certificate", "SSM parameters", "librechat.yaml"}
    report = place.references(**broken)
    assert {found.name for found in report.failed} == names
    assert all(found.remedy for found in report.failed)
    with pytest.raises(DeployError) as stopped:
        report.require()
    assert stopped.value.status is ExitStatus.PREFLIGHT_FAILED
    assert {line.partition(":")[0] for line in stopped.value.why.splitlines()} == names


# --- What these credentials may not ask ---------------------------------------------------------------


def test_what_the_credentials_may_not_ask_is_not_checked_and_says_so(place: Place) -> None:
    nobody = place.user("nobody", {"Effect": "Allow", "Action": "sts:*", "Resource": "*"})
    report = place.doctor(nobody)
    vpc = check(report, "VPC")
    assert vpc.status is Status.NOT_CHECKED
    assert vpc.found == "these credentials may not call DescribeVpcs"
    assert "may not read s3://" in check(report, "librechat.yaml").found
    assert check(report, "subnets").found == "needs VPC, which was not checked"
    assert check(report, "CloudFront distributions").status is Status.NOT_CHECKED
    # A bucket that we may not even look at could be anybody's.
    assert {found.name for found in report.failed} <= {"state", "bucket names"}


def test_a_role_that_may_not_deploy_is_told_what_it_lacks(place: Place) -> None:
    iam = place.aws.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
    }
    role = iam.create_role(
        RoleName="deployer",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    statements = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": ["lambda:CreateFunction", "iam:PassRole"], "Resource": "*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName="deployer", PolicyName="all", PolicyDocument=document)
    ann = place.user("ann", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    session = ann.client("sts").assume_role(RoleArn=role, RoleSessionName="ann")["Credentials"]
    deployer = place.emulator.as_key(
        session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    )
    broken = only_failed(place.doctor(deployer), "permissions")
    assert "lambda:CreateFunction (the function)" in broken.found
    assert "iam:PassRole (the function's role)" in broken.found
    function = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:librechat-lambda-api-dev"
    assert f"Allow lambda:CreateFunction on {function}" in broken.remedy


def test_an_aws_that_never_answers_leaves_everything_but_the_machine_unchecked(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        keys = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "local"}
        aws = Aws(region="eu-west-1", environment={**keys, "AWS_ENDPOINT_URL": endpoint})
        settings = replace(place.settings, target="aws")
        report = preflight.everything(settings, Target("aws", {}, aws), patience=3)
    account = check(report, "account")
    assert account.status is Status.FAILED
    assert account.remedy == "Check the network and the proxy settings."
    asking = [found for found in report.checks if found.found == "needs account, which failed"]
    assert len(asking) > 10
    assert check(report, "disk").status is Status.OK


# --- The commands -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = make_stack(tmp_path_factory.mktemp("doctor"))
    yield stack
    stack.inv("local.down")


def change_tfvars(stack: Stack, **values: Any) -> None:
    path = stack.terraform / "environments" / "dev" / "terraform.tfvars.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_doctor_starts_the_embedded_aws_and_says_so(stack: Stack) -> None:
    ended = stack.inv("doctor", "--json")
    assert ended.status == 0, ended.stdout + ended.stderr
    assert ended.last("step")["name"] == "embedded AWS"
    assert ended.last("step")["note"].startswith("started")
    report = ended.last("doctor")
    assert report["ok"] and report["counts"]["failed"] == 0
    again = stack.inv("doctor")
    assert again.status == 0
    assert "was running" in again.stdout
    assert " ok, " in again.stdout.splitlines()[-1]


@pytest.mark.parametrize("command", [("doctor",), ("plan",), ("deploy", "--yes")])
def test_a_failed_check_ends_the_command_with_status_3_before_anything_is_touched(
    stack: Stack, command: tuple[str, ...]
) -> None:
    change_tfvars(stack, private_subnet_ids=["subnet-0"], custom_domain="chat.example.org")
    try:
        ended = stack.inv(*command, "--json")
    finally:
        stack.restore()
    assert ended.status == ExitStatus.PREFLIGHT_FAILED, ended.stdout + ended.stderr
    for fault in ("subnet-0 does not exist", "chat.example.org does not lie in sandbox.data.apro.is"):
        assert fault in ended.stdout
    environment = stack.tool_environment()
    s3 = Aws(region="eu-west-1", environment=environment).client("s3")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [TFVARS["config_s3_bucket"]]


def test_doctor_shows_what_is_missing_when_the_embedded_aws_cannot_start(
    stack: Stack, tmp_path: Path
) -> None:
    stack.inv("local.down")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = stack.inv("doctor", "--json", INVOKE_LOCAL_PORT=str(taken.getsockname()[1]))
    assert ended.status == ExitStatus.PREFLIGHT_FAILED
    checks = {found["name"]: found for found in ended.last("doctor")["checks"]}
    assert checks["embedded AWS"]["status"] == "failed" and checks["embedded AWS"]["remedy"]
    assert checks["account"]["found"] == "needs embedded AWS, which failed"
    assert checks["terraform"]["status"] == "ok"
