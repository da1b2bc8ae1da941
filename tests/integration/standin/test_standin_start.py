"""Starts of the stand-in app: what ends them, as it ends LibreChat's, and what stops it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.integration.standin.app import Start, ending

pytestmark = pytest.mark.integration


def test_health_says_ok_and_there_is_no_api_health(start: Start) -> None:
    with start() as app:
        assert app.http.get("/health").text == "OK"
        assert app.http.get("/health").headers["content-type"].startswith("text/plain")
        unknown = app.http.get("/api/health")

    assert unknown.status_code == 200
    assert "<!doctype html>" in unknown.text


def test_without_mongo_it_does_not_start(root: Path, environment: dict[str, str]) -> None:
    del environment["MONGO_URI"]

    status, output = ending(root, environment)

    assert status == 1
    assert "MONGO_URI" in output


def test_a_missing_config_file_is_silently_replaced_by_defaults(start: Start) -> None:
    with start(CONFIG_PATH="/tmp/no-such-librechat.yaml") as app:
        assert app.http.get("/api/config").json()["customConfig"] == {"source": "defaults", "version": None}


def test_a_config_file_is_read(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "librechat.yaml"
    file.write_text('version: "1.2.8"\n')

    with start(CONFIG_PATH=str(file)) as app:
        assert app.http.get("/api/config").json()["customConfig"]["version"] == "1.2.8"


def test_an_invalid_config_file_ends_the_start(
    root: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "librechat.yaml"
    file.write_text("endpoints: {}\n")

    status, output = ending(root, environment | {"CONFIG_PATH": str(file)})

    assert status == 1
    assert "Invalid custom config file" in output


def test_an_unreachable_redis_ends_the_start_after_six_seconds(
    root: Path, environment: dict[str, str]
) -> None:
    started = time.monotonic()

    status, output = ending(root, environment | {"USE_REDIS": "true", "REDIS_URI": "redis://127.0.0.1:1"})

    assert status == 1
    assert "ioredis error: connect ECONNREFUSED" in output
    assert time.monotonic() - started > 5.5


def test_logs_that_cannot_be_written_end_the_start(root: Path, environment: dict[str, str]) -> None:
    status, output = ending(root, environment | {"LIBRECHAT_LOG_DIR": "/proc/version/logs"})

    assert status == 1
    assert "/proc/version/logs" in output


def test_it_stops_on_sigterm_even_with_an_open_stream(start: Start) -> None:
    with start() as app, app.http.stream("POST", "/api/agents/chat", json={"tokens": 1000}) as chat:
        next(chat.iter_raw())
        app.process.terminate()
        assert app.process.wait(120) == 0
