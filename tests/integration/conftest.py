"""Fixtures shared by the integration tests: real servers on loopback, started once per session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest

from scripts.aws import Aws
from scripts.local.credentials import Credentials, read_or_make
from scripts.local.generation import Generation

ACCOUNT = "515966504419"
REGION = "eu-west-1"


@dataclass
class Emulator:
    """A control plane of its own, as a child process.

    Attributes:
        state: Its directory; a second start on it finds what the first one saved.
        port: 0 before `start`; afterwards a restart takes the same one.
    """

    state: Path
    port: int = 0
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def generation(self) -> Generation:
        return Generation(self.state / "generation")

    @cached_property
    def aws(self) -> Aws:
        """Clients of the account that everything is deployed to; once started, they stay usable."""
        return self.as_key(self.credentials.access_key_id, self.credentials.secret_access_key)

    @property
    def credentials(self) -> Credentials:
        """The account's own; made at the first start."""
        return read_or_make(self.state)

    def as_key(self, access_key: str, secret: str, token: str = "") -> Aws:
        """Clients with other credentials."""
        return Aws(
            region=REGION,
            environment={
                "AWS_ACCESS_KEY_ID": access_key,
                "AWS_SECRET_ACCESS_KEY": secret,
                "AWS_SESSION_TOKEN": token,
                "AWS_ENDPOINT_URL": self.endpoint,
            },
        )

    def as_account(self, account_id: str) -> Aws:
        """Clients of the root user of another account."""
        return self.as_key(account_id, self.credentials.secret_access_key)

    def command(self, *more: str) -> list[str]:
        return [
            sys.executable, "-m", "scripts.local.emulator",
            "--port", str(self.port),
            "--state", str(self.state),
            "--generation", str(self.state / "generation"),
            *more,
        ]  # fmt: skip

    @classmethod
    @contextmanager
    def running(cls, state: Path, *more: str) -> Iterator[Emulator]:
        """One that runs within this block."""
        emulator = cls(state)
        emulator.start(*more)
        try:
            yield emulator
        finally:
            emulator.stop()

    def start(self, *more: str) -> None:
        self.process = subprocess.Popen(self.command(*more), stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = json.loads(self.process.stdout.readline())["port"]

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self.process is not None and self.process.stdout is not None
        self.process.terminate()
        self.process.stdout.close()
        return self.process.wait(120)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A running control plane, empty at the start of the session. Tests make and remove their own things."""
    with Emulator.running(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def no_cli_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terraform as it comes: this machine's own mirror and caches say nothing to tests without a provider."""
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", os.devnull)
