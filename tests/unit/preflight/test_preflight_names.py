"""Whose the custom domain is."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.preflight.model import Finding, Status
from scripts.preflight.names import judge_domain, lies_in

DOMAIN = "chat.sandbox.example"
OURS = {"Id": "E1", "DomainName": "d1.cloudfront.net", "ours": True}
THEIRS = {"Id": "E2", "DomainName": "d2.cloudfront.net", "ours": False}


def alias(target: str) -> dict[str, Any]:
    return {"Name": f"{DOMAIN}.", "Type": "A", "AliasTarget": {"DNSName": f"{target}."}}


def judged(
    records: list[dict[str, Any]], distributions: list[dict[str, Any]], *, state: bool = False
) -> Finding:
    return judge_domain(
        DOMAIN, records, distributions, ours=lambda found: bool(found["ours"]), has_state=lambda: state
    )


@pytest.mark.parametrize(
    ("domain", "zone", "inside"),
    [
        (DOMAIN, "sandbox.example.", True),
        (DOMAIN, "example", True),
        ("sandbox.example", "sandbox.example.", True),
        ("Chat.Sandbox.Example", "sandbox.example", True),
        (DOMAIN, "box.example", False),
        (DOMAIN, "a.chat.sandbox.example", False),
        ("notsandbox.example", "sandbox.example", False),
    ],
)
def test_a_zone_holds_its_own_name_and_what_is_below(domain: str, zone: str, inside: bool) -> None:
    assert lies_in(domain, zone) is inside


def test_a_domain_without_records_is_free() -> None:
    assert judged([], []).found == f"{DOMAIN} is free"


def test_our_own_distribution_and_its_records_are_fine() -> None:
    finding = judged([alias("d1.cloudfront.net"), alias("D1.cloudfront.net") | {"Type": "AAAA"}], [OURS])
    assert (finding.status, finding.found) == (Status.OK, f"{DOMAIN} leads to our distribution")


def test_our_distribution_before_its_records_are_made_is_fine() -> None:
    assert judged([], [OURS]).status is Status.OK


@pytest.mark.parametrize(
    "record",
    [
        {"Name": DOMAIN, "Type": "A", "ResourceRecords": [{"Value": "192.0.2.1"}]},
        {"Name": DOMAIN, "Type": "CNAME", "ResourceRecords": [{"Value": "shop.example."}]},
        alias("lb-1.eu-west-1.elb.amazonaws.com"),
        alias("d9.cloudfront.net"),
    ],
)
def test_somebody_else_s_record_fails_before_terraform_does(record: dict[str, Any]) -> None:
    finding = judged([record], [])
    assert finding.status is Status.FAILED
    assert "somebody else's" in finding.found and "Delete the record" in finding.remedy


def test_a_record_that_may_be_left_of_ours_is_a_warning_while_there_is_a_state() -> None:
    assert judged([alias("d9.cloudfront.net")], [], state=True).status is Status.WARNING
    assert judged([alias("lb-1.elb.amazonaws.com")], [], state=True).status is Status.FAILED


def test_an_alias_of_another_distribution_fails() -> None:
    finding = judged([alias("d2.cloudfront.net")], [THEIRS])
    assert finding.status is Status.FAILED and "E2, which is not ours" in finding.found
