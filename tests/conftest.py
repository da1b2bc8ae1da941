"""Fixtures that every kind of test shares, and what runs side by side."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from scripts.settings import Settings

PROJECT_ROOT = Path(__file__).parent.parent


_LONGEST = ("deployment", "test_mutations", "engine")
"""Groups that begin first, one on each worker (`--no-loadscope-reorder`)."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares something expensive on one worker (`pytest -n 3 --dist loadgroup`): a file, the
    deployment of the e2e tests, the Docker engine's images. Without workers this changes nothing.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            shares_deployment = item.path.parent.name == "e2e" and "stack" in getattr(
                item, "fixturenames", ()
            )
            item.add_marker(pytest.mark.xdist_group("deployment" if shares_deployment else item.path.stem))
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(
            key=lambda item: _LONGEST.index(_group(item)) if _group(item) in _LONGEST else len(_LONGEST)
        )


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    assert marker is not None
    return str(marker.args[0])


@pytest.fixture
def default_settings() -> Settings:
    """The settings as shipped in invoke.yaml, untouched by this machine's environment."""
    return Settings.load(yaml.safe_load((PROJECT_ROOT / "invoke.yaml").read_text()))
