"""Whether a state is the one to use."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.errors import ExitStatus
from scripts.settings import Settings
from scripts.state import Head, LocalState, agreement
from scripts.terraform import workspace

DEPLOYED = Head("one", 5, 60)


@pytest.mark.parametrize(
    ("ours", "theirs", "refused"),
    [
        (None, None, False),
        (None, Head("one", 5, 0), False),  # destroyed, then switched
        (None, DEPLOYED, True),  # switched with a deployment
        (Head("one", 5, 60), DEPLOYED, False),  # migrated
        (Head("one", 9, 0), DEPLOYED, False),  # migrated, then destroyed
        (Head("one", 4, 60), DEPLOYED, True),  # switched back to the old one
        (Head("two", 9, 60), DEPLOYED, True),  # two deployments
        (Head("two", 1, 60, content="same"), Head("one", 5, 60, content="same"), False),  # into a bucket
    ],
)
def test_a_state_that_ours_does_not_know_is_in_the_way(
    ours: Head | None, theirs: Head | None, refused: bool
) -> None:
    assert agreement.unknown_to(ours, theirs) is refused


@pytest.fixture
def settings(default_settings: Settings, tmp_path: Path) -> Settings:
    settings = replace(
        default_settings,
        target="aws",
        project_root=tmp_path,
        state=replace(default_settings.state, backend="local"),
    )
    settings.tfvars_path.parent.mkdir(parents=True)
    return settings


def remember(place: workspace.Workspace, backend: str) -> None:
    (place.directory / ".terraform").mkdir()
    (place.directory / ".terraform" / "terraform.tfstate").write_text(
        json.dumps({"backend": {"type": backend}})
    )


def test_the_refusal_gives_the_command_that_takes_the_state_along(settings: Settings) -> None:
    place = workspace.in_place(settings)
    remember(place, "s3")
    error = agreement.elsewhere(settings, "s3://b/k", DEPLOYED, place)
    assert error.status is ExitStatus.PREFLIGHT_FAILED
    assert "60 resources" in error.why
    assert f"terraform -chdir={place.directory} init -migrate-state" in error.next_step
    assert "INVOKE_STATE_BACKEND=s3" in error.next_step


def test_on_the_way_back_the_command_names_the_bucket(settings: Settings) -> None:
    settings = replace(settings, state=replace(settings.state, backend="s3"))
    place = workspace.in_place(settings)
    remember(place, "local")
    command = agreement.elsewhere(settings, "f", DEPLOYED, place).next_step
    assert f"-backend-config=bucket={settings.state.bucket}" in command


def test_a_fresh_checkout_is_first_led_to_the_state_that_it_does_not_remember(settings: Settings) -> None:
    """`init -migrate-state` would find nothing to migrate from."""
    error = agreement.elsewhere(settings, "s3://b/k", DEPLOYED, workspace.in_place(settings))
    assert "INVOKE_STATE_BACKEND=s3 inv outputs --target aws" in error.next_step
    assert "migrate-state" not in error.next_step


def test_a_rehearsals_state_is_put_aside_when_its_embedded_aws_is_gone(settings: Settings) -> None:
    state = LocalState(settings)
    state.ensure()
    assert agreement.outlived(state, lambda: False) == ""
    resources = [{"mode": "managed", "instances": [{}]}]
    state.file.write_text(json.dumps({"lineage": "l", "serial": 1, "resources": resources}))
    assert agreement.outlived(state, lambda: True) == ""
    assert agreement.outlived(state, lambda: False).endswith(".lost")
    assert not state.has_state()
