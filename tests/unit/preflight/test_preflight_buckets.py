"""Whose the names of our buckets are, from what S3 answers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.preflight import buckets
from scripts.preflight.model import Check, Status
from scripts.preflight.runner import run
from scripts.settings import PROJECT_ROOT, Settings

FRONTEND, FILES = "librechat-lambda-frontend-dev", "librechat-lambda-files-dev"


class S3:
    """What S3 answers about each bucket: its region, or an error's code."""

    region = "eu-west-1"

    def __init__(self, **answers: str) -> None:
        self._answers = {FRONTEND: answers["frontend"], FILES: answers["files"]}

    def client(self, service: str, region: str | None = None) -> S3:
        return self

    def head_bucket(self, *, Bucket: str, ExpectedBucketOwner: str) -> dict[str, Any]:
        assert ExpectedBucketOwner == "515966504419"
        answer = self._answers[Bucket]
        if "-" in answer:
            return {"BucketRegion": answer}
        raise ClientError({"Error": {"Code": answer}}, "HeadBucket")


def looked(settings: Settings, *, frontend: str, files: str) -> Check:
    s3 = S3(frontend=frontend, files=files)
    return run(list(buckets.probes(settings, s3, ()))).checks[0]  # type: ignore[arg-type]


def test_names_that_are_free_or_ours_are_fine(default_settings: Settings) -> None:
    check = looked(default_settings, frontend="eu-west-1", files="404")
    assert (check.status, check.found) == (Status.OK, f"{FRONTEND} is ours, {FILES} is free")


@pytest.mark.parametrize("code", ["403", "301"])
def test_a_name_that_another_account_has_fails_before_terraform_does(
    default_settings: Settings, code: str
) -> None:
    check = looked(default_settings, frontend="404", files=code)
    assert check.status is Status.FAILED
    assert check.found == f"{FILES} belongs to another account, or these credentials may not look at it"
    assert "another environment" in check.remedy and "s3:ListBucket" in check.remedy


def test_a_bucket_of_ours_in_another_region_fails(default_settings: Settings) -> None:
    check = looked(default_settings, frontend="us-east-1", files="404")
    assert check.status is Status.FAILED
    assert check.found == f"{FRONTEND} is in us-east-1, not in eu-west-1"


def test_a_fault_of_s3_is_not_blamed_on_the_name(default_settings: Settings) -> None:
    assert looked(default_settings, frontend="404", files="SlowDown").status is Status.NOT_CHECKED


def test_the_names_are_those_that_terraform_gives() -> None:
    modules = PROJECT_ROOT / "infrastructure/terraform/modules"
    given = re.compile(r'bucket\s*=\s*"\$\{var\.context\.name\}-(\w+)-\$\{var\.context\.environment\}"')
    kinds = {kind for path in modules.glob("*/main.tf") for kind in given.findall(path.read_text())}
    assert {f"librechat-lambda-{kind}-{{environment}}" for kind in kinds} == set(buckets.NAMES)
