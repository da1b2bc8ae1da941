"""A certificate is held against what CloudFront and viewers need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scripts.preflight.certificate import covers, judge
from scripts.preflight.model import Status

NOW = datetime(2026, 1, 10, tzinfo=UTC)
DOMAIN = "chat.sandbox.example"


def certificate(**changes: Any) -> dict[str, Any]:
    return {
        "Status": "ISSUED",
        "Type": "AMAZON_ISSUED",
        "DomainName": "*.sandbox.example",
        "SubjectAlternativeNames": ["*.sandbox.example"],
        "NotAfter": NOW + timedelta(days=200),
        **changes,
    }


@pytest.mark.parametrize(
    ("name", "domain", "covered"),
    [
        ("chat.sandbox.example", DOMAIN, True),
        ("*.sandbox.example", DOMAIN, True),
        ("*.SANDBOX.example", "Chat.sandbox.example.", True),
        ("*.example", DOMAIN, False),  # the asterisk stands for one label
        ("*.sandbox.example", "a.chat.sandbox.example", False),
        ("*.sandbox.example", "sandbox.example", False),  # and never for none
        ("*.sandbox.example", ".sandbox.example", False),
        ("*.andbox.example", DOMAIN, False),
        ("sandbox.example", DOMAIN, False),
    ],
)
def test_a_wildcard_stands_for_one_label(name: str, domain: str, covered: bool) -> None:
    assert covers(name, domain) is covered


def test_an_issued_certificate_says_for_whom_and_until_when() -> None:
    finding = judge(certificate(), DOMAIN, NOW)
    assert (finding.status, finding.found) == (
        Status.OK,
        "ISSUED for *.sandbox.example, valid until 2026-07-29",
    )


def test_an_alternative_name_is_enough() -> None:
    names = {"DomainName": "other.example", "SubjectAlternativeNames": ["other.example", DOMAIN]}
    assert judge(certificate(**names), DOMAIN, NOW).status is Status.OK


def test_a_pending_certificate_names_the_records_that_acm_waits_for() -> None:
    record = {"Name": "_1.sandbox.example.", "Type": "CNAME", "Value": "_2.acm-validations.aws."}
    options = [{"ValidationStatus": "PENDING_VALIDATION", "ResourceRecord": record}] * 2
    finding = judge(certificate(Status="PENDING_VALIDATION", DomainValidationOptions=options), DOMAIN, NOW)
    assert finding.status is Status.FAILED
    assert finding.remedy.count("_1.sandbox.example. CNAME _2.acm-validations.aws.") == 1


def test_a_certificate_that_is_validated_by_mail_says_so() -> None:
    options = [{"ValidationStatus": "PENDING_VALIDATION", "ValidationEmails": ["admin@sandbox.example"]}]
    pending = certificate(Status="PENDING_VALIDATION", DomainValidationOptions=options)
    assert "mail" in judge(pending, DOMAIN, NOW).remedy


@pytest.mark.parametrize("status", ["EXPIRED", "FAILED", "REVOKED", "INACTIVE", "VALIDATION_TIMED_OUT"])
def test_any_other_status_fails(status: str) -> None:
    assert judge(certificate(Status=status), DOMAIN, NOW).status is Status.FAILED


def test_a_certificate_for_somebody_else_names_what_it_covers() -> None:
    finding = judge(certificate(DomainName="*.example", SubjectAlternativeNames=["*.example"]), DOMAIN, NOW)
    assert finding.status is Status.FAILED
    assert finding.found == "does not cover chat.sandbox.example, only *.example"
    assert "*.sandbox.example" in finding.remedy


@pytest.mark.parametrize(
    ("days", "status"), [(31, Status.OK), (30, Status.WARNING), (1, Status.WARNING), (0, Status.FAILED)]
)
def test_the_end_is_warned_of_in_time(days: int, status: Status) -> None:
    assert judge(certificate(NotAfter=NOW + timedelta(days=days)), DOMAIN, NOW).status is status


def test_nobody_renews_an_imported_certificate() -> None:
    soon = NOW + timedelta(days=5)
    assert "import" in judge(certificate(Type="IMPORTED", NotAfter=soon), DOMAIN, NOW).remedy
    assert "validation records" in judge(certificate(NotAfter=soon), DOMAIN, NOW).remedy


def test_a_failed_renewal_is_a_warning_long_before_the_end() -> None:
    finding = judge(certificate(RenewalSummary={"RenewalStatus": "FAILED"}), DOMAIN, NOW)
    assert finding.status is Status.WARNING and "could not renew" in finding.found
