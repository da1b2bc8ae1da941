"""Secrets and a configuration that the function could not start with."""

from __future__ import annotations

import pytest

from scripts.preflight import Status
from tests.integration.conftest import ACCOUNT
from tests.integration.doctor.place import TFVARS, Place, check, only_failed

pytestmark = pytest.mark.integration


def test_missing_and_plain_parameters_are_named_together(place: Place) -> None:
    place.aws.client("ssm").put_parameter(Name="/plain/one", Type="String", Value="open to all")
    prefix = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter"
    parameters = TFVARS["ssm_parameters"] | {
        "JWT_SECRET": f"{prefix}/not/there",
        "MONGO_URI": f"{prefix}/plain/one",
    }
    broken = only_failed(place.references(ssm_parameters=parameters), "SSM parameters")
    assert "missing: /not/there (JWT_SECRET)" in broken.found
    assert "not encrypted: /plain/one is a String" in broken.found
    assert "open to all" not in broken.found


def test_a_parameter_of_type_string_is_told_from_a_missing_one(place: Place) -> None:
    place.aws.client("ssm").put_parameter(Name="/plain/two", Type="String", Value="open to all")
    arn = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/plain/two"
    report = place.references(ssm_parameters={"MONGO_URI": arn})
    plain = check(report, "SSM parameters")
    assert not report.failed  # the function reads it like the others
    assert (plain.status, plain.found) == (Status.WARNING, "not encrypted: /plain/two is a String")
    assert "Create a SecureString of another name" in plain.remedy


@pytest.mark.parametrize(
    ("content", "says", "remedy"),
    [
        (None, "is not there", "inv config.push"),
        (b"version: [1", "is not valid", "Correct the file"),
        (
            b'version: "1.2.8"\n# https://genai.sandbox.data.apro.is\n',
            "still names genai.sandbox.data.apro.is",
            "replaces the domain: inv config.push",
        ),
    ],
)
def test_a_configuration_that_the_function_would_refuse_is_found(
    place: Place, content: bytes | None, says: str, remedy: str
) -> None:
    key = "doctor/librechat.yaml"
    if content is not None:
        place.aws.client("s3").put_object(Bucket=TFVARS["config_s3_bucket"], Key=key, Body=content)
    report = place.references(config_s3_key=key if content is not None else "doctor/nothing.yaml")
    broken = only_failed(report, "librechat.yaml")
    assert says in broken.found and remedy in broken.remedy
