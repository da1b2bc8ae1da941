"""Certificates of the embedded AWS are issued, and are what they say, as ACM's are."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.conftest import Emulator

pytestmark = pytest.mark.integration

# For x.example.net, valid in 2020. OpenSSL makes none that has ended without a whole CA.
ENDED = b"""\
-----BEGIN CERTIFICATE-----
MIIBFzCBvgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA14LmV4YW1wbGUubmV0
MB4XDTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAwMDAwMFowGDEWMBQGA1UEAwwNeC5l
eGFtcGxlLm5ldDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIjwgNtx7VDS+twZ
BJ88+70P/mYsRNN39iKO7jR23gSpWG9OjCSoBX29QQBpBsJijracs2byW6sQAAcx
ufaY+4MwCgYIKoZIzj0EAwIDSAAwRQIgQi1l64dQArM0JiCw2HA085JNSJim0+AJ
5as3OxSztwQCIQDS0L8lR5aoDJ5p8Nsz0TfuGnBxOuWsmg65HDlBUlod3w==
-----END CERTIFICATE-----
"""


@pytest.fixture
def acm(emulator: Emulator) -> Any:
    return emulator.aws.client("acm", "us-east-1")


@pytest.fixture
def zone(emulator: Emulator) -> Iterator[str]:
    """A public hosted zone for example.net."""
    route53 = emulator.aws.client("route53")
    yield route53.create_hosted_zone(Name="example.net", CallerReference="acm")["HostedZone"]["Id"]


def described(acm: Any, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    return found


def test_a_requested_certificate_is_issued_once_its_records_are_in_a_public_zone(
    emulator: Emulator, acm: Any, zone: str
) -> None:
    arn = acm.request_certificate(DomainName="*.example.net", ValidationMethod="DNS")["CertificateArn"]
    pending = described(acm, arn)
    assert pending["Status"] == "PENDING_VALIDATION"
    assert not {"IssuedAt", "NotBefore", "NotAfter"} & set(pending)
    assert [summary["Status"] for summary in listed(acm, arn)] == ["PENDING_VALIDATION"]
    (option,) = pending["DomainValidationOptions"]
    assert option["ValidationStatus"] == "PENDING_VALIDATION"

    record = option["ResourceRecord"]
    change = {
        "Name": record["Name"],
        "Type": record["Type"],
        "TTL": 300,
        "ResourceRecords": [{"Value": record["Value"]}],
    }
    emulator.aws.client("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": change}]}
    )
    issued = described(acm, arn)
    assert issued["Status"] == "ISSUED"
    assert issued["NotAfter"] > datetime.now(UTC) + timedelta(days=300)
    assert issued["DomainValidationOptions"][0]["ValidationStatus"] == "SUCCESS"


def listed(acm: Any, arn: str) -> list[dict[str, Any]]:
    every = acm.list_certificates(CertificateStatuses=["PENDING_VALIDATION", "ISSUED"])
    return [found for found in every["CertificateSummaryList"] if found["CertificateArn"] == arn]


def self_signed(directory: Path, *options: str) -> dict[str, bytes]:
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    subprocess.run(
        ["openssl", "req", "-x509", *kind, *options, "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    return {"Certificate": certificate.read_bytes(), "PrivateKey": key.read_bytes()}


def test_an_imported_certificate_has_its_own_names_and_end(acm: Any, tmp_path: Path) -> None:
    names = ["-subj", "/CN=a.example.net", "-addext", "subjectAltName=DNS:a.example.net,DNS:*.b.example.net"]
    arn = acm.import_certificate(**self_signed(tmp_path, *names, "-days", "10"))["CertificateArn"]
    found = described(acm, arn)
    assert (found["Type"], found["Status"], found["DomainName"]) == ("IMPORTED", "ISSUED", "a.example.net")
    assert found["SubjectAlternativeNames"] == ["a.example.net", "*.b.example.net"]
    assert timedelta(days=9) < found["NotAfter"] - datetime.now(UTC) <= timedelta(days=10)


def test_importing_again_replaces_names_and_end(acm: Any, tmp_path: Path) -> None:
    arn = acm.import_certificate(**self_signed(tmp_path, "-subj", "/CN=old.example.net", "-days", "10"))
    again = self_signed(tmp_path, "-subj", "/CN=new.example.net", "-days", "90")
    acm.import_certificate(CertificateArn=arn["CertificateArn"], **again)
    found = described(acm, arn["CertificateArn"])
    assert found["DomainName"] == "new.example.net"
    assert found["NotAfter"] > datetime.now(UTC) + timedelta(days=80)


def test_what_is_no_certificate_or_no_longer_valid_is_refused(acm: Any) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        acm.import_certificate(Certificate=b"not a certificate", PrivateKey=b"key")
    with pytest.raises(ClientError, match="validity"):
        acm.import_certificate(Certificate=ENDED, PrivateKey=b"key")
