"""What a command loads before it does anything: it stands between a person and the first step."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

PROJECT_ROOT = Path(__file__).parent.parent.parent
LOADED = "import scripts.pipeline, scripts.session, scripts.terraform.workspace, sys; print(*sys.modules)"


def test_a_command_loads_no_web_server() -> None:
    """aiohttp serves the embedded AWS, in its own process, and takes as long to load as all else here."""
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    assert "scripts.terraform.cli_config" in loaded
    assert "aiohttp" not in loaded
