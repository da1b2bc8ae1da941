"""Starts the stand-in app as the handler does, and talks to it as a browser does."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


@dataclass
class App:
    """A running stand-in."""

    process: subprocess.Popen[str]
    http: httpx.Client


Start = Callable[..., AbstractContextManager[App]]


def launch(root: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["node", "server/index.js"],
        cwd=root / "api",
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ending(root: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Exit status and everything printed by a start that fails."""
    process = launch(root, environment)
    out, err = process.communicate(timeout=120)
    return process.returncode, out + err


def wait_for(question: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 120
    while not question():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


QUESTION = {
    "text": "hello",
    "endpoint": "Rehearsal",
    "endpointType": "custom",
    "model": "parrot-at-once",
    "parentMessageId": "00000000-0000-0000-0000-000000000000",
}


def log_in(app: App) -> httpx.Response:
    """As the app's own user, from a browser."""
    answer = app.http.post("/api/auth/login", json={"email": "you@example.org", "password": "p4rrot-7d41c0"})
    app.http.headers.update(
        {"Authorization": f"Bearer {answer.json()['token']}", "User-Agent": "Chrome/131.0"}
    )
    return answer


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    """The data of each event."""
    return [
        json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line[:5] == "data:"
    ]
