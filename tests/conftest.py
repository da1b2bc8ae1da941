"""Fixtures that every kind of test shares."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from scripts.settings import Settings

PROJECT_ROOT = Path(__file__).parent.parent


@pytest.fixture
def default_settings() -> Settings:
    """The settings as shipped in invoke.yaml, untouched by this machine's environment."""
    return Settings.load(yaml.safe_load((PROJECT_ROOT / "invoke.yaml").read_text()))
