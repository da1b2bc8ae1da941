"""A domain that CloudFront cannot take: hosted zone, record and certificate."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.preflight import Status
from tests.integration.doctor.place import TFVARS, Place, check, only_failed

pytestmark = pytest.mark.integration


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
