"""What every conversation with the fake LibreChat needs."""

from __future__ import annotations

import pytest

from scripts.smoke.chat import cleanup
from tests.unit.smoke.librechat import PASSWORD


@pytest.fixture(autouse=True)
def prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is where the settings say, and between two deletions passes no time."""
    monkeypatch.setenv("PW", PASSWORD)
    monkeypatch.setattr(cleanup, "_PAUSE_SECONDS", 0.0)
