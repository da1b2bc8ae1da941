"""SSM parameters, librechat.yaml and the tfvars, judged by what is known of them."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ProfileNotFound

from scripts.preflight import configuration, parameters, values
from scripts.preflight.model import Status
from scripts.preflight.runner import run
from scripts.settings import Settings

WANTED = {"JWT_SECRET": "/chat/jwt", "MONGO_URI": "/chat/mongo"}
OLD = "genai.sandbox.data.apro.is"


def test_parameters_that_are_there_and_encrypted_are_fine() -> None:
    finding = parameters.judge(WANTED, dict.fromkeys(WANTED.values(), "SecureString"))
    assert finding.status is Status.OK and "no value was read" in finding.found


def test_every_missing_and_every_plain_parameter_is_named_at_once() -> None:
    finding = parameters.judge(WANTED, {"/chat/mongo": "String"})
    assert finding.status is Status.FAILED
    assert finding.found == "missing: /chat/jwt (JWT_SECRET); not encrypted: /chat/mongo is a String"
    assert "put-parameter" in finding.remedy and "cannot be changed" in finding.remedy


def test_a_plain_parameter_stops_nothing_and_is_left_to_its_other_users() -> None:
    types = {"/chat/jwt": "SecureString", "/chat/mongo": "String"}
    finding = parameters.judge(WANTED, types)
    assert (finding.status, finding.found) == (Status.WARNING, "not encrypted: /chat/mongo is a String")
    assert "SecureString of another name" in finding.remedy and "other users" in finding.remedy
    assert "elete" not in finding.remedy


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe", "is not text in UTF-8"),
        (b"", "it is empty"),
        (b"version: [1", "is not valid"),
        (b'version: "1.2.8"\n# https://GENAI.sandbox.data.apro.is\n', f"still names {OLD} (1 times"),
    ],
)
def test_a_configuration_that_the_function_would_refuse_fails(content: bytes, says: str) -> None:
    finding = configuration.judge(content, "s3://b/k", OLD)
    assert finding.status is Status.FAILED
    assert says in finding.found and "inv config.push" in finding.remedy


def test_a_configuration_that_fits_says_its_version() -> None:
    finding = configuration.judge(b'version: "1.2.8"\n', "s3://b/k", OLD)
    assert (finding.status, finding.found) == (Status.OK, "s3://b/k, version 1.2.8")


class Bucket:
    """What one set of credentials sees of the configuration's bucket."""

    def __init__(self, answer: bytes | Exception, **_: Any) -> None:
        self._answer = answer
        self.region, self.patience = "eu-west-1", None

    def client(self, service: str, region: str | None = None) -> Bucket:
        return self

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Body": io.BytesIO(self._answer)}


DENIED = ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
MISSING = ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")


@pytest.mark.parametrize(
    ("ours", "theirs", "status"),
    [
        (b'version: "1.2.8"', DENIED, Status.OK),  # the deploy's own credentials come first
        (DENIED, b'version: "1.2.8"', Status.OK),
        (DENIED, MISSING, Status.FAILED),
        (DENIED, DENIED, Status.NOT_CHECKED),
        (DENIED, ProfileNotFound(profile="apro-shared"), Status.NOT_CHECKED),
    ],
)
def test_the_profile_that_uploads_the_file_is_asked_where_the_deploy_s_own_may_not_read(
    default_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    ours: bytes | Exception,
    theirs: bytes | Exception,
    status: Status,
) -> None:
    profiles = []

    def other(*, profile: str, **_: Any) -> Bucket:
        profiles.append(profile)
        return Bucket(theirs)

    monkeypatch.setattr(configuration, "Aws", other)
    settings = replace(default_settings, target="aws")
    looks = list(configuration.probes(settings, Bucket(ours), ()))  # type: ignore[arg-type]
    assert run(looks).checks[0].status is status
    assert profiles == ([] if isinstance(ours, bytes) else ["apro-shared"])


@pytest.fixture
def tfvars(default_settings: Settings, tmp_path: Path) -> tuple[Settings, dict[str, Any], Path]:
    """Settings that read a copy of the tfvars."""
    path = tmp_path / "environments" / "dev" / "terraform.tfvars.json"
    path.parent.mkdir(parents=True)
    terraform = replace(default_settings.terraform, directory=str(tmp_path))
    return replace(default_settings, terraform=terraform), dict(default_settings.tfvars), path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vpc_id": ""}, "lacks vpc_id"),
        ({"aws_account_id": "000000000000"}, "aws_account_id is 000000000000"),
        ({"aws_region": "us-east-1"}, "aws_region is us-east-1"),
        (
            {"ssm_parameters": {"JWT_SECRET": "arn:aws:ssm:us-east-1:515966504419:parameter/x"}},
            "ssm_parameters.JWT_SECRET is not a parameter of 515966504419 in eu-west-1",
        ),
    ],
)
def test_values_that_contradict_the_settings_fail(
    tfvars: tuple[Settings, dict[str, Any], Path], change: dict[str, Any], says: str
) -> None:
    settings, content, path = tfvars
    path.write_text(json.dumps(content | change))
    finding = values.look(settings)
    assert finding.status is Status.FAILED and says in finding.found and finding.remedy


def test_the_shipped_values_are_fine(default_settings: Settings) -> None:
    assert values.look(default_settings).status is Status.OK
