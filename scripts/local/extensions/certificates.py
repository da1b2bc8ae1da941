"""Certificates are issued once their validation records are in DNS, and imported ones are what they say.

Restores, where MiniStack issues at once and takes any text for a certificate:

- a requested certificate is PENDING_VALIDATION until every CNAME record that ACM asks for resolves
  (https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html). "Resolves" means here: is in a
  public hosted zone of the embedded AWS;
- an imported certificate has the names and the validity of its PEM, and must be valid at that moment
  (https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html).
"""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime
from typing import Any

from scripts.child_environment import environment
from scripts.local.extensions import Context, Response, replace
from scripts.local.lambda_.sandbox import isolated

Certificate = dict[str, Any]

_PENDING = "PENDING_VALIDATION"
_ISSUED_MEMBERS = ("IssuedAt", "NotBefore", "NotAfter")


def install(context: Context) -> None:
    """Wrap requests, imports and the shape in which a certificate is described."""
    from ministack.services import acm

    replace(acm, "_request_certificate", _pending)
    replace(acm, "_import_certificate", _parsed)
    replace(acm, "_cert_shape", _without_dates_until_issued)
    replace(acm, "_get_local_certificate", _issued_when_validated)


def _pending(original: Any) -> Any:
    def request(data: dict[str, Any]) -> Response:
        response: Response = original(data)
        if certificate := _made(response):
            certificate["Status"] = _PENDING
            for option in certificate["DomainValidationOptions"]:
                option["ValidationStatus"] = _PENDING
        return response

    return request


def _made(response: Response) -> Certificate | None:
    """The certificate that a request or an import has made; None when it was refused."""
    from ministack.services import acm

    arn = json.loads(response[2]).get("CertificateArn")
    certificate: Certificate | None = acm._certificates.get(arn)
    return certificate


def _issued_when_validated(original: Any) -> Any:
    """Every look at a certificate passes here: that is when ACM has "just" looked into DNS."""

    def find(arn: str) -> Certificate | None:
        certificate: Certificate | None = original(arn)
        if certificate is not None:
            look_into_dns(certificate)
        return certificate

    return find


def look_into_dns(certificate: Certificate) -> None:
    """Issue a certificate that waits, if its records have come."""
    from ministack.services import acm

    if certificate["Status"] != _PENDING:
        return
    for option in certificate["DomainValidationOptions"]:
        if _resolves(option["ResourceRecord"]):
            option["ValidationStatus"] = "SUCCESS"
    if all(option["ValidationStatus"] == "SUCCESS" for option in certificate["DomainValidationOptions"]):
        now = acm.now_iso()
        certificate |= {"Status": "ISSUED", "IssuedAt": now, "NotBefore": now}


def _resolves(record: dict[str, str]) -> bool:
    from ministack.services import route53

    for zone_id, zone in route53._zones.items():
        if zone.get("private"):
            continue
        for there in route53._records.get(zone_id, ()):
            values = [value.rstrip(".") for value in there.get("ResourceRecords", ())]
            if (
                there["Type"] == record["Type"]
                and there["Name"].rstrip(".") == record["Name"].rstrip(".")
                and record["Value"].rstrip(".") in values
            ):
                return True
    return False


def _without_dates_until_issued(original: Any) -> Any:
    def shape(certificate: Certificate) -> Certificate:
        described: Certificate = original(certificate)
        if certificate["Status"] == _PENDING:
            for member in _ISSUED_MEMBERS:
                del described[member]
        return described

    return shape


def _parsed(original: Any) -> Any:
    def import_certificate(data: dict[str, Any]) -> Response:
        from ministack.core.responses import error_response_json
        from ministack.services import acm

        facts = _facts(acm._decode_pem_field(data.get("Certificate")))
        if facts is None:
            unreadable: Response = error_response_json(
                "ValidationException",
                "Could not parse the certificate. Make sure it is valid PEM-encoded X.509.",
            )
            return unreadable
        if not facts["NotBefore"] <= acm.now_iso() < facts["NotAfter"]:
            outside: Response = error_response_json(
                "ValidationException", "The certificate is not within its validity period."
            )
            return outside
        response: Response = original(data)
        if certificate := _made(response):
            certificate |= facts
        return response

    return import_certificate


def _facts(pem: str) -> Certificate | None:
    """Names and validity of a certificate; None when it is none."""
    asked = ["-noout", "-dates", "-subject", "-nameopt", "multiline", "-ext", "subjectAltName"]
    command = isolated("openssl", "x509", *asked)
    read = subprocess.run(
        command, env=environment("program"), input=pem, capture_output=True, text=True, check=False
    )
    dates = dict(re.findall(r"^(notBefore|notAfter)=(.+)$", read.stdout, re.MULTILINE))
    names = re.findall(r"DNS:([^,\s]+)", read.stdout) or re.findall(r"commonName\s*= (\S+)", read.stdout)
    if len(dates) != 2 or not names:
        return None
    return {
        "DomainName": names[0],
        "SubjectAlternativeNames": names,
        "NotBefore": _iso(dates["notBefore"]),
        "NotAfter": _iso(dates["notAfter"]),
    }


def _iso(date: str) -> str:
    """``Jan  2 03:04:05 2026 GMT`` as MiniStack keeps dates: comparable as text."""
    moment = datetime.strptime(date, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
