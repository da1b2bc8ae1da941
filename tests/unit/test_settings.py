"""Settings: merged by Invoke, validated once."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.errors import DeployError, ExitStatus
from scripts.settings import LONGEST_STREAM_MS, PROJECT_ROOT, Settings, refuse_unknown


@pytest.fixture
def config() -> dict[str, Any]:
    shipped: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "invoke.yaml").read_text())
    return copy.deepcopy(shipped)


def test_the_shipped_settings_are_valid_and_aim_at_the_embedded_aws(config: dict[str, Any]) -> None:
    settings = Settings.load(config)
    assert settings.target == "local"
    assert settings.aws.region == "eu-west-1"


def test_every_shipped_setting_is_known_and_every_known_setting_is_shipped(
    config: dict[str, Any],
) -> None:
    def names(value: Any) -> Any:
        if dataclasses.is_dataclass(value):
            fields = {field.name: names(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return {name: inner for name, inner in fields.items() if name != "project_root"}
        return {name: names(inner) for name, inner in value.items()} if isinstance(value, dict) else None

    assert names(Settings.load(config)) == names(config)


def test_a_flag_wins_over_the_file_and_an_empty_flag_was_not_given(config: dict[str, Any]) -> None:
    assert Settings.load(config, target="aws").target == "aws"
    assert Settings.load(config, target="").target == "local"
    assert Settings.load(config, target=None).target == "local"


def test_numbers_from_environment_variables_are_text_and_become_numbers(config: dict[str, Any]) -> None:
    config["local"]["port"] = "9000"
    assert Settings.load(config).local.port == 9000


@pytest.mark.parametrize(
    "reference",
    [
        "librechat",
        "librechat:v1",
        "ghcr.io/danny-avila/librechat-api:v0.8.2-rc1",
        f"ghcr.io/danny-avila/librechat-api@sha256:{'0' * 64}",
        f"localhost:5000/librechat/api:v1@sha256:{'a' * 64}",
    ],
)
def test_the_base_may_be_named_by_tag_or_pinned_by_digest(config: dict[str, Any], reference: str) -> None:
    config["librechat"]["base_image"] = reference
    assert Settings.load(config).librechat.base_image == reference


@pytest.mark.parametrize(
    ("value", "expected"), [("no", False), ("yes", True), (True, True), (False, False), ("TRUE", True)]
)
def test_yes_and_no_may_be_words_or_what_yaml_makes_of_them(
    config: dict[str, Any], value: Any, expected: bool
) -> None:
    config["frontend"]["from_image"] = value
    assert Settings.load(config).frontend.from_image is expected


@pytest.mark.parametrize(
    ("group", "name", "value", "variable"),
    [
        ("", "target", "moon", "INVOKE_TARGET"),
        ("", "environment", "Dev!", "INVOKE_ENVIRONMENT"),
        ("aws", "account_id", "123", "INVOKE_AWS_ACCOUNT_ID"),
        ("aws", "region", "Ireland", "INVOKE_AWS_REGION"),
        ("state", "bucket", "UPPER", "INVOKE_STATE_BUCKET"),
        ("state", "lock_timeout", "30", "INVOKE_STATE_LOCK_TIMEOUT"),
        ("terraform", "modules", "elsewhere", "INVOKE_TERRAFORM_MODULES"),
        ("terraform", "parallelism", "many", "INVOKE_TERRAFORM_PARALLELISM"),
        ("terraform", "parallelism", 0, "INVOKE_TERRAFORM_PARALLELISM"),
        ("librechat", "repository", "--upload-pack=x", "INVOKE_LIBRECHAT_REPOSITORY"),
        ("librechat", "base_image", "ghcr.io/a/b:v1@sha256:0123", "INVOKE_LIBRECHAT_BASE_IMAGE"),
        ("librechat", "base_image", "--build-arg=x", "INVOKE_LIBRECHAT_BASE_IMAGE"),
        ("frontend", "from_image", "auto", "INVOKE_FRONTEND_FROM_IMAGE"),
        ("frontend", "from_image", None, "INVOKE_FRONTEND_FROM_IMAGE"),
        ("local", "port", -1, "INVOKE_LOCAL_PORT"),
        ("local", "port", "65536", "INVOKE_LOCAL_PORT"),
        ("smoke", "timeout", True, "INVOKE_SMOKE_TIMEOUT"),
        ("smoke", "timeout", "nan", "INVOKE_SMOKE_TIMEOUT"),
        ("smoke", "stream_chunks", 3, "INVOKE_SMOKE_STREAM_CHUNKS"),
        ("smoke", "stream_interval_ms", 19, "INVOKE_SMOKE_STREAM_INTERVAL_MS"),
    ],
)
def test_a_bad_value_is_named_with_the_variable_that_corrects_it(
    config: dict[str, Any], group: str, name: str, value: Any, variable: str
) -> None:
    (config[group] if group else config)[name] = value
    with pytest.raises(DeployError) as failure:
        Settings.load(config)
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED
    assert f"{group}.{name}".lstrip(".") in failure.value.what
    assert variable in failure.value.next_step


def test_a_measured_stream_that_the_function_does_not_send_is_refused(config: dict[str, Any]) -> None:
    config["smoke"] |= {"stream_chunks": 41, "stream_interval_ms": 400}
    Settings.load(config)
    config["smoke"]["stream_interval_ms"] = 401
    with pytest.raises(DeployError, match=r"too long: 16\.04 s") as failure:
        Settings.load(config)
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED
    assert "INVOKE_SMOKE_STREAM_CHUNKS or INVOKE_SMOKE_STREAM_INTERVAL_MS" in failure.value.next_step


def test_the_longest_measured_stream_is_the_handler_s(config: dict[str, Any]) -> None:
    handler = (PROJECT_ROOT / "container" / "src" / "diagnostics.mjs").read_text()
    found = re.search(r"short: \{.*?plannedMs: ([\d_]+)", handler, re.DOTALL)
    assert found is not None and int(found[1]) == LONGEST_STREAM_MS


def test_a_misspelt_setting_is_refused_with_the_nearest_known_one(config: dict[str, Any]) -> None:
    refuse_unknown(config, {})
    config["local"]["prot"] = 8080
    with pytest.raises(DeployError, match=r"local\.prot") as failure:
        refuse_unknown(config, {})
    assert failure.value.next_step == "Did you mean local.port?"
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_a_misspelt_variable_is_refused_and_those_of_invoke_itself_are_not(config: dict[str, Any]) -> None:
    refuse_unknown(
        config, {"INVOKE_LOCAL_PORT": "1", "INVOKE_RUN_ECHO": "1", "INVOKE_DEBUG": "1", "HOME": "/"}
    )
    with pytest.raises(DeployError, match="INVOKE_LOCAL_PROT") as failure:
        refuse_unknown(config, {"INVOKE_LOCAL_PROT": "1"})
    assert failure.value.next_step == "Did you mean INVOKE_LOCAL_PORT?"


def test_a_missing_group_is_named(config: dict[str, Any]) -> None:
    config["state"] = None
    with pytest.raises(DeployError, match="state"):
        Settings.load(config)


def test_settings_cannot_be_changed(config: dict[str, Any]) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.load(config).target = "aws"  # type: ignore[misc]


def test_the_tfvars_belong_to_the_environment(config: dict[str, Any]) -> None:
    settings = Settings.load(config)
    assert settings.tfvars["vpc_id"].startswith("vpc-")


def test_each_environment_has_a_state_of_its_own(config: dict[str, Any]) -> None:
    assert Settings.load(config).state.bucket == "librechat-lambda-tfstate-dev"
    other = Settings.load(config | {"environment": "prod"})
    assert other.state.bucket == "librechat-lambda-tfstate-prod"
    assert other.state.key == "librechat-lambda/prod/terraform.tfstate"


@pytest.mark.parametrize("content", [None, "not JSON", "[1]"])
def test_unreadable_tfvars_are_explained(config: dict[str, Any], tmp_path: Path, content: str | None) -> None:
    settings = dataclasses.replace(Settings.load(config), project_root=tmp_path)
    if content is not None:
        settings.tfvars_path.parent.mkdir(parents=True)
        settings.tfvars_path.write_text(content)
    with pytest.raises(DeployError, match=r"terraform\.tfvars\.json"):
        _ = settings.tfvars


def test_tfvars_are_read_once(config: dict[str, Any], tmp_path: Path) -> None:
    settings = dataclasses.replace(Settings.load(config), project_root=tmp_path)
    settings.tfvars_path.parent.mkdir(parents=True)
    settings.tfvars_path.write_text(json.dumps({"vpc_id": "vpc-1"}))
    first = settings.tfvars
    settings.tfvars_path.unlink()
    assert settings.tfvars is first
