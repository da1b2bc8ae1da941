"""The one request that `inv status` makes of the application."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts import status
from scripts.status import Health

pytestmark = pytest.mark.integration


@contextmanager
def answering(code: int, body: bytes, *, after: threading.Event | None = None) -> Iterator[str]:
    """A server that gives one answer, once `after` is set."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if after:
                after.wait(60)
            self.send_response(code if self.path == "/api/health" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_ok_is_healthy() -> None:
    with answering(200, b"OK") as url:
        assert status._health(url, remote=False)[0] is Health.OK


@pytest.mark.parametrize(("code", "body"), [(200, b"<!doctype html>"), (503, b"OK"), (502, b"")])
def test_anything_else_is_a_failure_that_says_what_came(code: int, body: bytes) -> None:
    with answering(code, body) as url:
        health, found = status._health(url, remote=False)
    assert health is Health.FAILED
    assert str(code) in found


def test_no_answer_in_time_is_a_failure_that_knows_of_cold_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "HEALTH_SECONDS", 0.2)
    never = threading.Event()
    with answering(200, b"OK", after=never) as url:
        health, found = status._health(url, remote=False)
        never.set()
    assert health is Health.FAILED
    assert "cold start" in found


def test_nobody_listening_is_a_failure() -> None:
    with answering(200, b"OK") as url:
        pass
    assert status._health(url, remote=False)[0] is Health.FAILED


def test_without_an_address_nothing_is_checked() -> None:
    assert status._health("", remote=False)[0] is Health.NOT_CHECKED
