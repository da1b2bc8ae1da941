"""Buckets that a deploy makes, and whose names all accounts share: free, ours, or somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from scripts.aws import Aws
from scripts.preflight import Status
from tests.integration.doctor.place import OTHER, Place, check, only_failed

pytestmark = pytest.mark.integration


def test_a_state_bucket_of_somebody_else_is_refused(place: Place) -> None:
    name = "librechat-somebody-elses-state"
    place.emulator.as_account(OTHER).client("s3").create_bucket(
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
    with bucket(place.emulator.as_account(OTHER), "librechat-lambda-files-dev"):
        broken = only_failed(place.references(), "bucket names")
    assert "librechat-lambda-files-dev belongs to another account" in broken.found
    assert "another environment" in broken.remedy


def test_a_bucket_of_ours_in_another_region_is_found(place: Place) -> None:
    with bucket(place.aws, "librechat-lambda-files-dev", "us-east-1"):
        broken = only_failed(place.references(), "bucket names")
    assert broken.found == "librechat-lambda-files-dev is in us-east-1, not in eu-west-1"
