"""Where the state bucket keeps the records of releases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.aws import Aws
from scripts.settings import Settings
from scripts.state import StateBucket


def releases(settings: Settings, key: str, environment: str = "dev") -> str:
    """The prefix under a key as `invoke.yaml` would give it."""
    state = replace(settings.state, key=key.replace("{environment}", environment))
    return StateBucket(
        Aws(region="eu-west-1"), replace(settings, environment=environment, state=state)
    ).releases


def test_the_shipped_key_keeps_its_releases_next_to_the_state(default_settings: Settings) -> None:
    assert StateBucket(Aws(region="eu-west-1"), default_settings).releases == "librechat-lambda/dev/releases/"


@pytest.mark.parametrize(
    "key",
    [
        "terraform-{environment}.tfstate",
        "librechat/{environment}.tfstate",
        "librechat/{environment}/terraform.tfstate",
        "{environment}/librechat/terraform.tfstate",
        "dev/prod/{environment}.tfstate",
        "librechat-dev/{environment}.tfstate",
    ],
)
def test_environments_in_one_bucket_have_their_releases_apart(default_settings: Settings, key: str) -> None:
    """Else a rollback could choose another's release, and ``--purge-state`` would delete them."""
    prefixes = [releases(default_settings, key, name) for name in ("dev", "prod", "prod2")]
    assert len(set(prefixes)) == len(prefixes)
    assert not any(a != b and a.startswith(b) for a in prefixes for b in prefixes), prefixes


def test_a_key_without_a_folder_has_its_releases_below_the_environment(default_settings: Settings) -> None:
    assert releases(default_settings, "terraform.tfstate") == "dev/releases/"
