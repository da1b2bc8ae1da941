"""The checks before the start: what is missing is named with its remedy."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from scripts import preflight
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from scripts.target import Target

CONFIG = b'version: "1.2.8"\n'


class Account:
    """An account in memory, as far as the checks ask it."""

    def __init__(self, settings: Settings) -> None:
        self.identity: Callable[[], str] = lambda: settings.aws.account_id
        self.parameters = {
            "/" + arn.split(":parameter/")[1] for arn in settings.tfvars["ssm_parameters"].values()
        }
        self.config: bytes | None = CONFIG
        self.config_error = "NoSuchKey"

    def client(self, service: str, region: str | None = None) -> Account:
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self.identity(), "Arn": "arn:aws:iam::1:user/ann"}

    def get_paginator(self, operation: str) -> Account:
        return self

    def paginate(self, ParameterFilters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        wanted = set(ParameterFilters[0]["Values"])
        return [{"Parameters": [{"Name": name} for name in wanted & self.parameters]}]

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if self.config is None:
            raise ClientError({"Error": {"Code": self.config_error, "Message": "refused"}}, "GetObject")
        return {"Body": io.BytesIO(self.config)}

    def _found(self, **_names: Any) -> dict[str, Any]:
        return {}

    describe_vpcs = describe_subnets = describe_security_groups = _found
    get_hosted_zone = describe_certificate = _found


@pytest.fixture
def aws(default_settings: Settings) -> Account:
    return Account(default_settings)


@pytest.fixture
def target(aws: Account) -> Target:
    return Target("aws", {}, aws)  # type: ignore[arg-type]


@pytest.fixture
def bin_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(directory: Path, name: str, says: str, status: int = 0) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\necho '{says}'\necho '{says}' >&2\nexit {status}\n")
    path.chmod(0o755)


def processes(settings: Settings) -> Settings:
    return replace(settings, local=replace(settings.local, environments="process"))


def failed(report: preflight.Report) -> dict[str, preflight.Check]:
    return {check.name: check for check in report.checks if not check.ok}


def test_all_tools_present_is_fine(default_settings: Settings, bin_directory: Path) -> None:
    for name, says in (("terraform", "Terraform v1.11.4"), ("node", "v20.20.2"), ("bwrap", "")):
        program(bin_directory, name, says)
    assert preflight.tools(processes(default_settings)).ok


def test_every_missing_tool_is_named_with_its_remedy(default_settings: Settings, bin_directory: Path) -> None:
    with pytest.raises(DeployError) as failure:
        preflight.tools(processes(default_settings)).require()
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED
    for name in ("terraform", "node", "bwrap"):
        assert f"{name}: not on PATH" in failure.value.why
    assert "apt-get install bubblewrap" in failure.value.next_step


def test_a_tool_that_is_too_old_says_its_version(default_settings: Settings, bin_directory: Path) -> None:
    program(bin_directory, "terraform", "Terraform v1.9.8")
    assert failed(preflight.tools(processes(default_settings)))["terraform"].found == "1.9.8"


def test_a_kernel_without_user_namespaces_is_found_before_the_deploy(
    default_settings: Settings, bin_directory: Path
) -> None:
    program(bin_directory, "bwrap", "bwrap: Creating new namespace failed: Operation not permitted", 1)
    check = failed(preflight.tools(processes(default_settings)))["bwrap"]
    assert "Operation not permitted" in check.found
    assert "unprivileged_userns_clone" in check.remedy


def test_the_real_account_needs_no_bubblewrap(default_settings: Settings, bin_directory: Path) -> None:
    assert "bwrap" not in failed(preflight.tools(replace(default_settings, target="aws")))


def test_credentials_of_another_account_are_refused(
    default_settings: Settings, aws: Account, target: Target
) -> None:
    aws.identity = lambda: "000000000000"
    check = failed(preflight.account(default_settings, target))["account"]
    assert "000000000000" in check.found and default_settings.aws.account_id in check.found


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (NoCredentialsError(), "Sign in"),
        (EndpointConnectionError(endpoint_url="https://sts"), "network"),
    ],
)
def test_missing_credentials_and_a_missing_network_are_told_apart(
    default_settings: Settings, aws: Account, target: Target, error: Exception, remedy: str
) -> None:
    def refuse() -> str:
        raise error

    aws.identity = refuse
    assert remedy in failed(preflight.account(default_settings, target))["credentials"].remedy


def test_everything_that_the_tfvars_name_is_looked_up(default_settings: Settings, target: Target) -> None:
    report = preflight.references(default_settings, target)
    assert report.ok
    assert {check.name for check in report.checks} == {
        "VPC", "subnets", "security groups", "hosted zone", "certificate", "SSM parameters", "librechat.yaml",
    }  # fmt: skip


def test_a_missing_parameter_is_named(default_settings: Settings, aws: Account, target: Target) -> None:
    gone = aws.parameters.pop()
    assert gone in failed(preflight.references(default_settings, target))["SSM parameters"].found


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "NoSuchKey"),
        (b"", "it is empty"),
        (CONFIG + b"# https://genai.sandbox.data.apro.is\n", "still names genai.sandbox.data.apro.is"),
    ],
)
def test_a_configuration_that_the_function_would_refuse_is_found_before_the_deploy(
    default_settings: Settings, aws: Account, target: Target, content: bytes | None, reason: str
) -> None:
    aws.config = content
    assert reason in failed(preflight.references(default_settings, target))["librechat.yaml"].found


def test_a_configuration_that_only_the_function_may_read_is_not_held_against_the_deploy(
    default_settings: Settings, aws: Account, target: Target
) -> None:
    aws.config, aws.config_error = None, "AccessDenied"
    report = preflight.references(default_settings, target)
    assert report.ok
    assert "not checked" in {check.name: check.found for check in report.checks}["librechat.yaml"]
