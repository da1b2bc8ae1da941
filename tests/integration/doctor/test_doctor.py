"""All checks together: ready, and with several prerequisites broken."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.errors import DeployError, ExitStatus
from scripts.preflight import Status
from tests.integration.conftest import ACCOUNT
from tests.integration.doctor.place import TFVARS, Place

pytestmark = pytest.mark.integration


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
