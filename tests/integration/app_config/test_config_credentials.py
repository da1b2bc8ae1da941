"""A bucket of another account: which credentials a push takes, and what they cannot reach."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from tests.integration.app_config.commands import DEPLOYED, push, put

pytestmark = pytest.mark.integration


def test_a_profile_that_this_machine_does_not_have_is_named(settings: Settings, file: Path) -> None:
    other = replace(settings, aws=replace(settings.aws, config_profile="elsewhere"))
    with pytest.raises(DeployError, match="no AWS profile elsewhere") as failure:
        push(other, file)
    assert "INVOKE_AWS_CONFIG_PROFILE= (empty)" in failure.value.next_step
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_without_a_profile_the_credentials_of_the_deployment_are_used_and_may_be_denied(
    settings: Settings, s3: Any, file: Path
) -> None:
    put(s3, DEPLOYED)
    own = replace(settings, aws=replace(settings.aws, config_profile=""))
    with pytest.raises(DeployError, match="cannot be read with these credentials") as failure:
        push(own, file)
    assert "AccessDenied" in failure.value.why
    assert "says the same of a missing file" in failure.value.why


def test_a_profile_that_is_not_signed_in_is_told_how(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: Path
) -> None:
    known = tmp_path / "config"
    known.write_text("[profile apro-shared]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(known))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(DeployError, match="not signed in") as failure:
        push(settings, file)
    assert failure.value.next_step == "Sign in: aws sso login --profile apro-shared"
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_a_bucket_that_does_not_exist_is_explained(settings: Settings, file: Path) -> None:
    settings.tfvars["config_s3_bucket"] = "no-such-bucket-anywhere"
    with pytest.raises(DeployError, match="There is no bucket no-such-bucket-anywhere"):
        push(settings, file)
