"""A Docker engine for the tests: dockerd, buildx, and a stand-in for the base image.

    ./bootstrap python -m tests.engine pytest

No image can be pulled where these tests run, so the base image is made here, under its own name: a musl
system of busybox, musl's loader and a musl Node (`base.py`), whose package manager gets a tool chain for
musl from this machine (`toolchain.py`). `__main__.py` starts the engine, runs a command, and ends it.
"""

from __future__ import annotations

import os

import pytest

HOST_VARIABLE = "LIBRECHAT_TEST_DOCKER_HOST"
CONFIG_VARIABLE = "LIBRECHAT_TEST_DOCKER_CONFIG"
REASON_VARIABLE = "LIBRECHAT_TEST_NO_ENGINE"


def engine_environment() -> dict[str, str]:
    """The variables that lead to the tests' engine; skips the calling test when there is none."""
    if host := os.environ.get(HOST_VARIABLE):
        return {"DOCKER_HOST": host, "DOCKER_CONFIG": os.environ[CONFIG_VARIABLE]}
    reason = os.environ.get(REASON_VARIABLE) or "start one: ./bootstrap python -m tests.engine pytest"
    pytest.skip(f"no Docker engine for the tests: {reason}")
