"""Fixtures that every kind of test shares; what runs side by side is in `tests.lanes`."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.settings import Settings

PROJECT_ROOT = Path(__file__).parent.parent


def pytest_configure() -> None:
    """Let Ctrl-C reach what the tests start, also in a job of the background: a shell has it ignore SIGINT,
    and its children inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``: the lanes. Called by pytest-xdist."""
    from tests.lanes import Lanes

    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On a worker of pytest-xdist, put the longest tests first."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        from tests.lanes import longest_first

        longest_first(items)


@pytest.fixture
def default_settings() -> Settings:
    """The settings as shipped in invoke.yaml, untouched by this machine's environment."""
    return Settings.load(yaml.safe_load((PROJECT_ROOT / "invoke.yaml").read_text()))
