"""The handler's own tests (container/test): pure parts, and the whole handler under aws-lambda-ric.

They run on Node; this is their door into pytest. One test per file, so that a failure names it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

CONTAINER = Path(__file__).resolve().parents[2] / "container"
TEST_FILES = sorted(path.relative_to(CONTAINER).as_posix() for path in CONTAINER.glob("test/*/*.test.mjs"))


@pytest.mark.parametrize("file", TEST_FILES)
def test_the_handler_passes(file: str) -> None:
    finished = subprocess.run(
        ["node", "--test", "--test-reporter=spec", "--test-timeout=600000", file],
        cwd=CONTAINER,
        # The Runtime API server that the tests start is ours, in Python.
        env={**os.environ, "PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout


def test_the_tests_of_the_handler_were_found() -> None:
    assert {Path(file).parent.name for file in TEST_FILES} == {"unit", "integration"}
