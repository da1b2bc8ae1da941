"""The Docker engine as this machine has it: whether it is there, what it holds, and who may use it.

Quick questions over its Unix socket, for choosing a builder and a home before anything is started.
Building is `buildx.py`, running containers `scripts.local.lambda_.engine`.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import urllib.parse
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings

# A busy engine is not a missing one; where there is none the answer is immediate.
_SECONDS = 30.0
_REGISTRY_SECONDS = 5.0


class NoEngine(Exception):
    """There is no engine on this machine; the text says why."""


@dataclass(frozen=True)
class Home:
    """Where the environments of the local target live, and why there."""

    kind: Literal["container", "process"]
    why: str

    def __str__(self) -> str:
        kind = {"container": "containers", "process": "processes"}[self.kind]
        return f"Lambda environments are {kind}: {self.why}"


def home(settings: Settings) -> Home:
    """The home of the local target's environments.

    Raises:
        DeployError: when the settings demand containers and none can be started.
    """
    return _home(settings, os.environ.get("DOCKER_HOST", ""))


@cache
def _home(settings: Settings, _docker_host: str) -> Home:
    wanted = settings.local.environments
    if wanted == "process" or (wanted == "auto" and settings.image.builder == "pack"):
        name = "local.environments" if wanted == "process" else "image.builder"
        return Home("process", f"the setting {name} says so")
    demanded = wanted == "container"
    try:
        version = _call("/version")["Version"]
        if os.geteuid() != 0:
            raise NoEngine("only root may enter a container's network namespace")
        present = image(settings.librechat.base_image) is not None
    except NoEngine as error:
        if demanded:
            raise DeployError(
                "Environments cannot be containers here",
                str(error),
                "Start a Docker engine on this machine, as root; or INVOKE_LOCAL_ENVIRONMENTS=process.",
                status=ExitStatus.PREFLIGHT_FAILED,
            ) from error
        return Home("process", str(error))
    if present or demanded or settings.image.builder == "buildx":
        return Home("container", f"Docker engine {version}")
    base = settings.librechat.base_image
    return Home("process", f"containers need docker pull {base}")


def image(reference: str) -> dict[str, Any] | None:
    """What the engine knows of an image; None when it does not hold it.

    Raises:
        NoEngine: when no engine answers.
    """
    answer: dict[str, Any] | None = _call(f"/images/{urllib.parse.quote(reference, safe='/:@')}/json")
    return answer


def registry_digest(reference: str) -> str:
    """The digest that the registry has for a reference now, asked by the engine; empty for what it has not.

    https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Distribution

    Raises:
        NoEngine: when no engine answers within a few seconds, or the registry tells it nothing: without a
            network, or for want of credentials, which this question does not send.
    """
    path = f"/distribution/{urllib.parse.quote(reference, safe='/:@')}/json"
    answer = _call(path, _REGISTRY_SECONDS) or {}
    digest = (answer.get("Descriptor") or {}).get("digest") or ""
    return digest if re.fullmatch(r"sha256:[0-9a-f]{64}", digest) else ""


def engine_socket() -> Path:
    """The engine's socket: that of DOCKER_HOST, or the usual one.

    Raises:
        NoEngine: when there is none.
    """
    host = os.environ.get("DOCKER_HOST", "") or "unix:///var/run/docker.sock"
    if not host.startswith("unix://"):
        raise NoEngine(f"DOCKER_HOST names an engine that is not on this machine: {host}")
    path = Path(host.removeprefix("unix://"))
    if not path.is_socket():
        raise NoEngine(f"no Docker engine ({path} is not there)")
    return path


def _call(path: str, seconds: float = _SECONDS) -> Any:
    connection = http.client.HTTPConnection("docker", timeout=seconds)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(seconds)
        connection.sock.connect(str(engine_socket()))
        connection.request("GET", path)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise NoEngine(f"the Docker engine does not answer: {error}") from error
    finally:
        connection.close()
    if answer.status == 404:
        return None
    if answer.status >= 400:
        raise NoEngine(f"the Docker engine refuses: {content.decode(errors='replace').strip()}")
    return json.loads(content)
