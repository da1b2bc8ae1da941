"""A dockerd of the tests' own, started and ended by its process."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

_BRIDGE = "docker0"
_START_SECONDS = 30
_STOP_SECONDS = 30


class Unavailable(Exception):
    """There can be no engine here; the text says why."""


@contextlib.contextmanager
def daemon(directory: Path) -> Iterator[tuple[str, str]]:
    """A running engine: its ``DOCKER_HOST``, and the address where its containers reach this machine.

    Raises:
        Unavailable: when it is not installed, this is not root, or it does not start.
    """
    program = shutil.which("dockerd")
    if program is None:
        raise Unavailable("dockerd is not installed (apt-get install docker.io)")
    if os.geteuid() != 0:
        raise Unavailable("only root may start dockerd")
    host = f"unix://{directory}/docker.sock"
    log = directory / "dockerd.log"
    command = [
        program, "--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec",
        "--pidfile", f"{directory}/pid", "--host", host,
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(subprocess.CalledProcessError):
                docker(host, "version")
                break
            time.sleep(0.2)
        else:
            raise Unavailable("dockerd does not start:\n" + log.read_text(errors="replace")[-2000:])
        yield host, _bridge_address()
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _bridge_address() -> str:
    """Of the interface: dockerd 20.10 names no gateway of a network whose bridge it has just made."""
    for address in psutil.net_if_addrs().get(_BRIDGE, ()):
        if address.family == socket.AF_INET:
            return address.address
    raise Unavailable(f"dockerd answers, and {_BRIDGE} has no IPv4 address")


def docker(host: str, *arguments: str) -> str:
    """Run the client; its output."""
    command = ["docker", "--host", host, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
