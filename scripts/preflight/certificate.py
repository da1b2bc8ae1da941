"""The certificate of the custom domain: in the region of CloudFront, issued, covering, and not at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from scripts.aws import Aws, error_code
from scripts.preflight.model import Finding, failed, ok, warning, worst
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Domain"

REGION = "us-east-1"
"""The only region that CloudFront takes certificates from.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html"""

SOON = timedelta(days=30)
"""ACM renews 60 days before the end (45 for the shorter certificates of 2026): by now it should have."""


def probes(settings: Settings, aws: Aws, needs: tuple[str, ...]) -> Iterator[Probe]:
    """One look at the certificate that the tfvars name."""
    yield Probe(GROUP, "certificate", lambda: _look(settings, aws), needs)


def covers(name: str, domain: str) -> bool:
    """Whether a certificate's name is good for a domain; ``*`` stands for exactly one label.

    https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html
    """
    name, domain = name.lower().rstrip("."), domain.lower().rstrip(".")
    if name.startswith("*."):
        label, _, parent = domain.partition(".")
        return bool(label) and label != "*" and parent == name[2:]
    return name == domain


def judge(certificate: Mapping[str, Any], domain: str, now: datetime) -> Finding:
    """What DescribeCertificate says, held against what CloudFront and viewers need."""
    status = certificate["Status"]
    if status == "PENDING_VALIDATION":
        return failed("waits for validation (PENDING_VALIDATION)", _validation(certificate))
    if status == "EXPIRED":
        return failed("has expired", "Issue or import a new one, and name it in acm_certificate_arn.")
    if status != "ISSUED":
        reason = certificate.get("FailureReason") or certificate.get("RevocationReason") or ""
        return failed(
            " ".join(filter(None, (f"is {status}, not ISSUED", reason))),
            "Issue another one in us-east-1, and name it in acm_certificate_arn.",
        )
    names = [certificate["DomainName"], *certificate.get("SubjectAlternativeNames", ())]
    problems = []
    if not any(covers(name, domain) for name in names):
        problems.append(
            failed(
                f"does not cover {domain}, only {', '.join(dict.fromkeys(names))}",
                f"Issue one in us-east-1 for {domain} or *.{domain.partition('.')[2]}, and name it in "
                "acm_certificate_arn.",
            )
        )
    problems += _near_its_end(certificate, now)
    if (certificate.get("RenewalSummary") or {}).get("RenewalStatus") == "FAILED":
        problems.append(
            warning("ACM could not renew it", f"Restore its validation record. {_validation(certificate)}")
        )
    end = certificate.get("NotAfter")
    until = f", valid until {end:%Y-%m-%d}" if end else ""
    return worst(problems, ok(f"ISSUED for {', '.join(dict.fromkeys(names))}{until}"))


def _near_its_end(certificate: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    end = certificate.get("NotAfter")
    imported = certificate.get("Type") == "IMPORTED"
    renewal = (
        "Nobody renews an imported certificate: import its successor to the same ARN (aws acm "
        "import-certificate --certificate-arn)."
        if imported
        else "ACM renews it only while its validation records are in DNS and something uses it; look at its "
        "renewal status."
    )
    if end and end <= now:
        yield failed(f"expired on {end:%Y-%m-%d}", renewal)
    elif end and end - now <= SOON:
        yield warning(f"expires on {end:%Y-%m-%d}, in {(end - now).days} days", renewal)


def _validation(certificate: Mapping[str, Any]) -> str:
    """The records that ACM waits for.

    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """
    records = dict.fromkeys(
        f"{record['Name']} {record['Type']} {record['Value']}"
        for option in certificate.get("DomainValidationOptions", ())
        if (record := option.get("ResourceRecord")) and option.get("ValidationStatus") != "SUCCESS"
    )
    if not records:
        return "Answer ACM's validation mail, or request the certificate again with DNS validation."
    return f"Create this record in DNS and wait until it is ISSUED: {'; '.join(records)}"


def _look(settings: Settings, aws: Aws) -> Finding:
    arn = settings.tfvars["acm_certificate_arn"]
    parts = arn.split(":")
    remedy = "Correct acm_certificate_arn in terraform.tfvars.json."
    if parts[:3] != ["arn", "aws", "acm"] or len(parts) != 6:
        return failed(f"{arn} is not the ARN of a certificate", remedy)
    if parts[3] != REGION:
        return failed(
            f"{arn} is in {parts[3]}: CloudFront takes certificates of {REGION} only",
            f"Issue or import it in {REGION}, and name that one in acm_certificate_arn.",
        )
    if parts[4] != settings.aws.account_id:
        return failed(f"{arn} is of another account: CloudFront takes its own only", remedy)
    try:
        answer = aws.client("acm", REGION).describe_certificate(CertificateArn=arn)
    except Exception as error:
        if error_code(error) == "ResourceNotFoundException":
            return failed(f"{arn} does not exist", remedy)
        raise
    return judge(answer["Certificate"], settings.tfvars["custom_domain"], datetime.now(UTC))
