"""The policies of docs/permissions.md: who has them passes every check, and who lacks one is told."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from scripts.preflight import Status
from tests.conftest import PROJECT_ROOT
from tests.integration.conftest import ACCOUNT
from tests.integration.doctor.place import Place, check

pytestmark = pytest.mark.integration


def documented(place: Place, *titles: str) -> list[dict[str, Any]]:
    """The statements under these headings, with the values of this account in the place of the words."""
    tfvars = place.settings.tfvars
    values = {
        "REGION": "eu-west-1",
        "ACCOUNT": ACCOUNT,
        "ENVIRONMENT": "dev",
        "VPC": tfvars["vpc_id"],
        "ZONE": tfvars["route53_zone_id"],
        "STATE_BUCKET": place.settings.state.bucket,
        "CONFIG_BUCKET": tfvars["config_s3_bucket"],
    }
    page = (PROJECT_ROOT / "docs" / "permissions.md").read_text()
    policies = re.findall(r"^### ([^\n]*)\n\n```json\n(.*?)```", page, re.MULTILINE | re.DOTALL)
    wanted = [policy for title, policy in policies if title.startswith(titles)]
    words = re.compile(rf"\b({'|'.join(values)})\b")
    return [
        statement
        for policy in wanted
        for statement in json.loads(words.sub(lambda word: values[word[0]], policy))["Statement"]
    ]


def test_the_documented_policies_pass_every_check(place: Place) -> None:
    report = place.doctor(place.user("deployer", *documented(place, "Deploy", "Destroy", "The rest")))
    assert check(report, "permissions").status is Status.OK
    assert {found.name for found in report.checks if found.status is not Status.OK} == {"DocumentDB"}


def test_without_the_policy_of_a_destroy_a_deploy_goes_on_and_says_what_will_be_missing(place: Place) -> None:
    report = place.doctor(place.user("careful", *documented(place, "Deploy", "The rest")))
    finding = check(report, "permissions")
    assert not report.failed and finding.status is Status.WARNING
    assert "needed for a destroy only: s3:ListBucketVersions" in finding.found
    assert "docs/permissions.md" in finding.remedy


def test_the_role_that_plans_a_pull_request_is_stopped_by_no_check(place: Place) -> None:
    report = place.doctor(place.user("planner", *documented(place, "A plan of a pull request")))
    assert not report.failed
    assert check(report, "permissions").status is Status.NOT_CHECKED
