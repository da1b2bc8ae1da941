"""The client that LibreChat's own image already contains (`frontend.from_image`): seconds instead of minutes.

Taken out through the Docker engine, from a container that is made and never started. What the release's
own image was built with counts then: variables that Vite would read on this machine do not.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from scripts.content import sha256_text
from scripts.errors import DeployError, ExitStatus
from scripts.frontend.source import Identity
from scripts.progress import Progress, Stage

if TYPE_CHECKING:
    from docker import DockerClient

_CLIENT = "/app/client/dist"
_REVISION = "org.opencontainers.image.revision"


@dataclass(frozen=True)
class ImageSource:
    """The client in the image `reference`."""

    reference: str
    platform: str

    def identify(self, progress: Progress) -> Identity:
        """By the image's digest; pulls the image unless the engine holds it."""
        found = self._image() or self._pull(progress)
        content_hash = sha256_text(["image", content_digest(found, self.reference)])[:16]
        labels = (found.get("Config") or {}).get("Labels") or {}
        return Identity("image", content_hash, self.reference, str(labels.get(_REVISION, "")))

    def make(self, identity: Identity, dist: Path, progress: Progress) -> None:
        """Copy the files out of a container."""
        from docker.errors import APIError, NotFound

        progress(Stage(f"copying the client out of {self.reference}"))
        with _engine() as client:
            try:
                with _container(client, self.reference) as container:
                    chunks, _ = container.get_archive(_CLIENT)
                    _extract(chunks, dist)
            except NotFound as error:
                raise DeployError(
                    f"{self.reference} has no client",
                    f"There is no {_CLIENT} in it: {error.explanation or error}",
                    "Set librechat.base_image to an image of LibreChat's API, or frontend.from_image to no.",
                ) from error
            except APIError as error:
                raise DeployError(
                    f"The client could not be taken out of {self.reference}",
                    str(error.explanation or error),
                    "Run the same command again once the engine is well, or build with npm: "
                    "INVOKE_FRONTEND_FROM_IMAGE=no.",
                ) from error

    def _image(self) -> dict[str, Any] | None:
        from scripts.image import engine  # late: a packed image holds a client, too

        try:
            return engine.image(self.reference)
        except engine.NoEngine as error:
            raise _no_engine(str(error)) from error

    def _pull(self, progress: Progress) -> dict[str, Any]:
        from docker.errors import APIError

        progress(Stage(f"pulling {self.reference}"))
        with _engine() as client:
            try:
                client.images.pull(self.reference, platform=self.platform)
            except APIError as error:
                raise DeployError(
                    f"The engine could not pull {self.reference}",
                    str(error.explanation or error),
                    f"Check it by hand: docker pull {self.reference}. Or build with npm: "
                    "INVOKE_FRONTEND_FROM_IMAGE=no.",
                    status=ExitStatus.PREFLIGHT_FAILED,
                ) from error
        found = self._image()
        assert found is not None
        return found


def content_digest(found: Mapping[str, Any], reference: str) -> str:
    """The digest of an image as the engine describes it (``GET /images/NAME/json``).

    The registry's where there is one, for it is the same on every machine; the engine's own id differs
    with the way in which it stores images. An image that was built here has only that.
    """
    repository = reference.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:  # else it is the port of a registry
        repository = repository.rpartition(":")[0]
    digests = (name.partition("@") for name in found.get("RepoDigests") or [])
    return min((digest for name, _, digest in digests if name == repository), default=str(found["Id"]))


@contextmanager
def _engine() -> Iterator[DockerClient]:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env()
    except DockerException as error:
        raise _no_engine(str(error)) from error
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _container(client: DockerClient, reference: str) -> Iterator[Any]:
    """A container that is never started: it only makes the image's files readable."""
    container = client.containers.create(reference, command=["true"], network_mode="none")
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def _no_engine(why: str) -> DeployError:
    return DeployError(
        "frontend.from_image needs a Docker engine",
        why,
        "Install and start Docker (Debian: apt-get install docker.io), or build with npm: "
        "INVOKE_FRONTEND_FROM_IMAGE=no.",
        status=ExitStatus.PREFLIGHT_FAILED,
    )


def _extract(chunks: Iterator[bytes], dist: Path) -> None:
    """Regular files only, each below `dist`: an image is not to be trusted with paths."""
    with tarfile.open(fileobj=_Stream(chunks), mode="r|") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            inside = PurePosixPath(*path.parts[1:])  # the archive begins with dist/ itself
            content = archive.extractfile(member) if member.isreg() else None
            if content is None or path.is_absolute() or ".." in path.parts or not inside.parts:
                continue
            target = dist / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                shutil.copyfileobj(content, file)


class _Stream(io.RawIOBase):
    """A file to read from, over chunks as they come from the engine."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Hand over what is there, at most what fits."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
