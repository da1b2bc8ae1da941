"""Builds the image with ``docker buildx`` into the local engine."""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts import git, processes
from scripts.child_environment import environment
from scripts.errors import DeployError, ExitStatus
from scripts.image.pack import TAG_LABEL, app_layer, standin_image
from scripts.npm import Progress
from scripts.settings import Settings

LOCAL_REPOSITORY = "librechat-lambda-api"
"""The image's name in the engine until a push gives it the repository's."""


@dataclass(frozen=True)
class Needed:
    """What a build needs on this machine.

    Attributes:
        asks_version: The command that says its version, and fails when it is not there.
        missing: What is wrong then.
        remedy: What to do.
    """

    asks_version: tuple[str, ...]
    missing: str
    remedy: str


ENGINE = Needed(
    ("docker", "version", "--format", "{{.Server.Version}}"),
    "The Docker engine does not answer",
    "Install and start Docker (Debian: apt-get install docker.io), until `docker version` answers.",
)
PLUGIN = Needed(
    ("docker", "buildx", "version"),
    "Docker has no buildx plugin",
    "Install the plugin (Debian: apt-get install docker-buildx; else "
    "https://github.com/docker/buildx#installing), until `docker buildx version` answers.",
)

_STANDIN_DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
USER root
RUN rm -rf /app
ADD app.tar.gz /
"""


def build(settings: Settings, tag: str, base_image: str, progress: Progress) -> bool:
    """Build the image unless the engine has it. Returns True when it had.

    Raises:
        DeployError: when Docker or its buildx plugin is missing, or the build fails.
    """
    check_engine()
    if _present(f"{LOCAL_REPOSITORY}:{tag}"):
        return True
    if base_image != settings.librechat.base_image and not _present(base_image):
        _build_standin(settings, base_image, progress)
    metadata = settings.project_root / ".build" / "image" / f"{tag}.json"
    metadata.parent.mkdir(parents=True, exist_ok=True)
    _run(settings, arguments(settings, tag, base_image, metadata), progress)
    return False


def arguments(settings: Settings, tag: str, base_image: str, metadata: Path) -> list[str]:
    """The command line of a build."""
    command = [
        *_common(settings),
        "--build-arg",
        f"BASE_IMAGE={base_image}",
        "--build-arg",
        f"BUILD_IMAGE={settings.librechat.base_image}",
        "--metadata-file",
        str(metadata),
        "--label",
        f"{TAG_LABEL}={tag}",
        "--label",
        f"org.opencontainers.image.revision={git.described(settings.project_root) or 'unknown'}",
        "--tag",
        f"{LOCAL_REPOSITORY}:{tag}",
    ]
    # A proxy that opens TLS: npm in the build needs what npm on this machine needs.
    authorities = os.environ.get("NODE_EXTRA_CA_CERTS", "")
    if authorities and Path(authorities).is_file():
        command += ["--secret", f"id=ca,src={authorities}"]
    return [*command, str(settings.project_root / "container")]


def standin_base(settings: Settings) -> str:
    """The base of the local target's images: LibreChat's image with the stand-in app in its place.

    LibreChat itself needs a MongoDB, which the local target does not have.
    """
    name, _, content = standin_image(settings.project_root).partition(":")
    base = settings.librechat.base_image.rpartition("/")[2].replace(":", "-").replace("@", "-")
    return f"{name}:{content}-on-{base}"


def check_engine() -> None:
    """Engine and plugin first, so that a build does not fail in the middle.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED`, saying what to install.
    """
    for needed in (ENGINE, PLUGIN):
        try:
            answer = _docker(needed.asks_version)
            why = "" if answer.returncode == 0 else (answer.stderr or answer.stdout).strip()
        except OSError as error:
            why = str(error)
        if why:
            raise DeployError(needed.missing, why, needed.remedy, status=ExitStatus.PREFLIGHT_FAILED)


def _common(settings: Settings) -> list[str]:
    """What every build has.

    Lambda refuses an image index, which is what buildx makes when it adds attestations: hence no
    provenance and no SBOM (https://docs.aws.amazon.com/lambda/latest/dg/nodejs-image.html).
    """
    command = ["docker", "buildx", "build", "--platform", settings.image.platform]
    return [*command, "--provenance=false", "--sbom=false", "--progress=plain", "--load"]


def _build_standin(settings: Settings, reference: str, progress: Progress) -> None:
    context = settings.project_root / ".build" / "standin" / reference.rpartition(":")[2]
    context.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="librechat-lambda-") as scratch:
        layer = app_layer(settings.project_root, Path(scratch), progress)
    (context / "app.tar.gz").write_bytes(layer.blob)
    (context / "Dockerfile").write_text(_STANDIN_DOCKERFILE)
    base = f"BASE_IMAGE={settings.librechat.base_image}"
    command = [*_common(settings), "--build-arg", base, "--tag", reference, str(context)]
    _run(settings, command, progress)


def _run(settings: Settings, command: Sequence[str], progress: Progress) -> None:
    tail: deque[str] = deque(maxlen=40)

    def on_line(line: str) -> None:
        tail.append(line)
        progress(line)

    # buildx writes its progress to standard error, and nothing else anywhere.
    script = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", *command]
    finished = processes.stream(
        script, cwd=settings.project_root, environment=environment("docker"), on_line=on_line
    )
    if finished.returncode != 0:
        evidence = "\n".join(tail)
        full = disk_full(evidence)
        raise DeployError(
            "The image could not be built",
            "The engine's disk is full."
            if full
            else f"docker buildx ended with status {finished.returncode}; its last lines are below.",
            full or f"Run it by hand: {' '.join(command)}",
            evidence=evidence,
        )


def disk_full(text: str) -> str:
    """What to do when `text` complains about a full disk; empty when it does not."""
    if "no space left on device" not in text.lower():
        return ""
    return "Make room: docker system df shows what takes it, docker builder prune frees the build cache."


def _present(reference: str) -> bool:
    return _docker(["docker", "image", "inspect", reference]).returncode == 0


def _docker(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment("docker"), capture_output=True, text=True, check=False)
