"""Builds the image with ``docker buildx`` into the local engine."""

from __future__ import annotations

import os
import subprocess
from collections import deque
from pathlib import Path

from scripts import processes
from scripts.errors import DeployError, ExitStatus
from scripts.image.pack import TAG_LABEL
from scripts.npm import Progress
from scripts.settings import Settings

LOCAL_REPOSITORY = "librechat-lambda-api"
"""The image's name in the engine until a push gives it the repository's."""


def build(settings: Settings, tag: str, progress: Progress) -> bool:
    """Build the image unless the engine has it. Returns True when it had.

    Raises:
        DeployError: when Docker or its buildx plugin is missing, or the build fails.
    """
    _check_engine()
    reference = f"{LOCAL_REPOSITORY}:{tag}"
    if subprocess.run(["docker", "image", "inspect", reference], capture_output=True).returncode == 0:
        return True
    metadata = settings.project_root / ".build" / "image" / f"{tag}.json"
    metadata.parent.mkdir(parents=True, exist_ok=True)
    command = arguments(settings, tag, metadata)
    tail: deque[str] = deque(maxlen=40)

    def on_line(line: str) -> None:
        tail.append(line)
        progress(line)

    finished = processes.stream(
        command, cwd=settings.project_root, environment={**os.environ}, on_line=on_line
    )
    if finished.returncode != 0:
        raise DeployError(
            "The image could not be built",
            f"docker buildx ended with status {finished.returncode}; its last lines are below.",
            f"Run it by hand: {' '.join(command)}",
            evidence="\n".join([*tail, *finished.stderr.splitlines()[-40:]]),
        )
    return False


def arguments(settings: Settings, tag: str, metadata: Path) -> list[str]:
    """The command line of a build.

    Lambda refuses an image index, which is what buildx makes when it adds attestations: hence no
    provenance and no SBOM (https://docs.aws.amazon.com/lambda/latest/dg/nodejs-image.html).
    """
    return [
        "docker",
        "buildx",
        "build",
        "--platform",
        settings.image.platform,
        "--provenance=false",
        "--sbom=false",
        "--progress=plain",
        "--build-arg",
        f"BASE_IMAGE={settings.librechat.base_image}",
        "--metadata-file",
        str(metadata),
        "--label",
        f"{TAG_LABEL}={tag}",
        "--tag",
        f"{LOCAL_REPOSITORY}:{tag}",
        "--load",
        str(settings.project_root / "container"),
    ]


def _check_engine() -> None:
    for command, what, remedy in (
        (
            ["docker", "version", "--format", "{{.Server.Version}}"],
            "The Docker engine does not answer",
            "Install and start Docker (Debian: apt-get install docker.io); check it with `docker version`.",
        ),
        (
            ["docker", "buildx", "version"],
            "Docker has no buildx plugin",
            "Install it (Debian: apt-get install docker-buildx; else "
            "https://github.com/docker/buildx#installing), then check it with `docker buildx version`.",
        ),
    ):
        try:
            answer = subprocess.run(command, capture_output=True, text=True)
            why = "" if answer.returncode == 0 else (answer.stderr or answer.stdout).strip()
        except OSError as error:
            why = str(error)
        if why:
            raise DeployError(what, why, remedy, status=ExitStatus.PREFLIGHT_FAILED)
