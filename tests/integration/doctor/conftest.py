"""An account with everything that the configuration refers to, for the checks to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.settings import Settings
from tests.integration.conftest import Emulator
from tests.integration.doctor.place import TFVARS_PATH, Place


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A control plane of its own. Tests take back what would break another check."""
    with Emulator.running(tmp_path_factory.mktemp("seeded"), "--seed", str(TFVARS_PATH)) as emulator:
        yield emulator


@pytest.fixture
def place(seeded: Emulator, default_settings: Settings, tmp_path: Path) -> Place:
    return Place(seeded, default_settings, tmp_path)
