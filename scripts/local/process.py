"""Starts, finds and ends the one background process of the embedded AWS.

The process itself is `scripts.local.supervisor`; this module only sees it from outside: a record
file with its pid, a pipe through which it says that it is ready, and its log.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from scripts.child_environment import environment
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings

START_SECONDS = 60.0
STOP_SECONDS = 20.0
# The kernel says in whole seconds when it booted, and says another one when the clock is set right meanwhile;
# and no pid is given again so soon.
SAME_START_SECONDS = 5.0
# A control plane whose supervisor was killed saves its state before it frees its port.
ORPHAN_SECONDS = 10.0


@dataclass(frozen=True)
class Running:
    """The running embedded AWS, as its record file says.

    Attributes:
        pid: The supervisor's process id.
        created: Start time of that process in seconds since the epoch (psutil's); with the pid it
            tells the process from a later one that got the same number.
        url: The viewer's address, ``http://localhost:PORT``.
        endpoint: The AWS API, ``http://127.0.0.1:PORT``.
        registry_url: The Terraform module registry.
    """

    pid: int
    created: float
    url: str
    endpoint: str
    registry_url: str

    def to_json(self) -> dict[str, Any]:
        """The record, as it is written to disk."""
        return asdict(self)


class LocalTarget:
    """One command up, one down. Safe to call from several commands at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.directory = settings.local_directory
        self.record_path = self.directory / "run.json"

    @property
    def log_directory(self) -> Path:
        """Where the process and its parts write their logs."""
        return self.directory / "logs"

    def status(self) -> Running | None:
        """The running process, or None. A record whose process is gone does not count."""
        running = self._record()
        return running if running and _process(running) else None

    def died(self) -> bool:
        """Whether a process left its record behind: it was killed or crashed."""
        running = self._record()
        return running is not None and _process(running) is None

    def up(self) -> Running:
        """Start it unless it runs, and wait until every part of it answers.

        Raises:
            DeployError: a port is taken, the process crashed (with the end of its log), or it did
                not become ready in `START_SECONDS`.
        """
        if running := self.status():
            return running
        self._keep_private()
        self.log_directory.mkdir(parents=True, exist_ok=True)
        with self._exclusively():
            if running := self.status():
                return running
            died = self.died()
            if died:
                self._keep_logs()
            self.record_path.unlink(missing_ok=True)
            return self._start(patience=ORPHAN_SECONDS if died else 0)

    def down(self) -> bool:
        """End the process and wait until it is gone; False when nothing ran.

        It saves its state first: the next `up` goes on from there.
        """
        if not self.directory.is_dir():
            return False
        # Also after an `up` under way, whose process has no record yet.
        with self._exclusively():
            running = self._record()
            process = _process(running) if running else None
            if process is not None:
                _end(process)
            self.record_path.unlink(missing_ok=True)
            return process is not None

    def obituary(self) -> str:
        """After a crash and the next `up`: the last lines of the process that died, and where the rest is."""
        tail = _last_lines(self._kept_logs / "local.log", 5)
        return f"Its logs are kept in {self._kept_logs}; the last lines:\n{tail or '(none)'}"

    @property
    def _kept_logs(self) -> Path:
        return self.log_directory / "crash"

    def _keep_logs(self) -> None:
        """Put the logs of a process that died aside: the next one begins them anew."""
        shutil.rmtree(self._kept_logs, ignore_errors=True)
        self._kept_logs.mkdir()
        for log in self.log_directory.glob("*.log*"):
            log.rename(self._kept_logs / log.name)

    def _record(self) -> Running | None:
        try:
            return Running(**json.loads(self.record_path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _keep_private(self) -> None:
        """Let no other user of this machine in: secrets of SSM and Terraform's state lie there.

        What this command and its children write from here on is their user's alone, too.
        """
        os.umask(0o077)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory.chmod(0o700)  # also one that an older version made

    @contextlib.contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Two commands that both find nothing running start it once. The kernel frees the lock."""
        with (self.directory / "up.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _start(self, patience: float) -> Running:
        settings = self._settings
        for name, port in (
            ("local.port", settings.local.port),
            ("local.control_port", settings.local.control_port),
        ):
            _require_free(name, port, patience)
        reader, writer = os.pipe()
        log_path = self.log_directory / "local.log"
        log_path.unlink(missing_ok=True)
        # Appending: the process's own log handler writes to the same file.
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                self._command(writer),
                cwd=settings.project_root,
                env=environment("embedded-aws"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(writer,),
                start_new_session=True,
            )
        os.close(writer)
        try:
            line = self._read_line(reader, START_SECONDS)
        except BaseException:
            # Ctrl-C, or no answer in time: nothing half-started stays behind.
            _end(psutil.Process(process.pid))
            process.returncode = 0
            raise
        finally:
            os.close(reader)
        if not line:
            code = process.wait()
            raise DeployError(
                "The embedded AWS did not start",
                f"Its process ended with status {code}.",
                f"Read the whole log in {self.log_directory}; `inv local.up` tries again.",
                evidence=_last_lines(log_path),
            )
        running = Running(**json.loads(line))
        # Popen warns about a child that outlives it; outliving us is what this one is for.
        process.returncode = 0
        return running

    def _read_line(self, descriptor: int, seconds: float) -> bytes:
        """What the child writes before a newline; empty when it ended without a word."""
        deadline = time.monotonic() + seconds
        received = b""
        while not received.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise DeployError(
                    f"The embedded AWS was not ready after {seconds:.0f} s",
                    "One of its parts does not answer.",
                    f"Read {self.log_directory}, then try `inv local.up` again.",
                    evidence=_last_lines(self.log_directory / "local.log"),
                )
            chunk = os.read(descriptor, 65536)
            if not chunk:
                return b""
            received += chunk
        return received

    def _command(self, ready_fd: int) -> list[str]:
        settings = self._settings
        return [
            sys.executable, "-m", "scripts.local",
            "--directory", str(self.directory),
            "--port", str(settings.local.port),
            "--control-port", str(settings.local.control_port),
            "--region", settings.aws.region,
            "--account-id", settings.aws.account_id,
            "--tfvars", str(settings.tfvars_path),
            "--environments", settings.local.environments,
            "--ready-fd", str(ready_fd),
        ]  # fmt: skip


def _process(running: Running) -> psutil.Process | None:
    """The psutil process of a record, or None when it is gone or its pid belongs to another."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(running.pid)
        same = abs(process.create_time() - running.created) < SAME_START_SECONDS
        if same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _end(process: psutil.Process) -> None:
    """End a supervisor and whatever it leaves behind; returns when all of it is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [process, *process.children(recursive=True)]
        process.terminate()
        # One that did not save in time is ended all the same: the next deploy starts clean.
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(STOP_SECONDS)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=STOP_SECONDS)


def _last_lines(path: Path, lines: int = 20) -> str:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _require_free(setting: str, port: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    while error := _bind_error(port):
        if time.monotonic() >= deadline:
            variable = "INVOKE_" + setting.upper().replace(".", "_")
            raise DeployError(
                f"Port {port} ({setting}) is taken",
                _holder(port) or str(error),
                f"End that process, or choose another port: {variable}={port + 1} inv …",
                status=ExitStatus.PREFLIGHT_FAILED,
            ) from error
        time.sleep(0.1)


def _bind_error(port: int) -> OSError | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error
    return None


def _holder(port: int) -> str:
    """Who listens on the port, as far as this user may know."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            listening = connection.status == psutil.CONN_LISTEN and connection.pid
            if listening and connection.laddr and connection.laddr.port == port:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid}) listens there."
    return ""
