"""Container images of functions: pulled from the embedded ECR, verified, unpacked, kept.

Speaks the registry's HTTP API v2 (https://distribution.github.io/distribution/spec/api/), so that
what runs is what was pushed, digest for digest. An image that runs as a container is pulled by the
engine instead (`container.py`); then only its configuration is read here. Not for building or
pushing: that is `scripts.image`.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import re
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

from scripts.aws import Aws
from scripts.image.pack import PACKED_LABEL
from scripts.local.lambda_.invocation import InvokeError

_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
_URI = re.compile(
    r"(?P<host>[^/]+)/(?P<repository>[^:@]+)(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_READ_SIZE = 1024 * 1024
_TIMEOUT = 60
_WHITEOUT = ".wh."
_UNFIT = (
    OSError,  # a file where another member needs a directory, a name that is too long
    ValueError,  # a name with a null byte
    RuntimeError,  # a loop of symbolic links, up to Python 3.12
    tarfile.TarError,
    EOFError,
    zlib.error,
)
"""What a member can make Python raise. Of the OSErrors not those of `_OUR_DISK`."""

_OUR_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)

MAXIMUM_SIZE = 10 * 1024**3
"""Bytes of an image, uncompressed; here of each layer. A sparse file of a few bytes may claim any size.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


class ImageError(InvokeError):
    """The function's image cannot be used; the type is Lambda's StateReasonCode."""

    def __init__(self, type: str, message: str) -> None:
        super().__init__(502, type, message)


@dataclass(frozen=True)
class Image:
    """An image. ``variables`` are sorted pairs.

    Attributes:
        reference: ``REPOSITORY@DIGEST``, without the registry.
        rootfs: Where `ImageStore.get` has unpacked it.
        packed: Whether it was packed without an engine and so has no operating system of its own.
    """

    reference: str
    digest: str
    rootfs: Path
    packed: bool
    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    working_directory: str
    variables: tuple[tuple[str, str], ...]


class ImageStore:
    """The images under ``directory/<digest>/rootfs``. Each is pulled once."""

    def __init__(self, aws: Aws, directory: Path) -> None:
        self._aws = aws
        self._directory = directory
        self._pulls: dict[str, asyncio.Lock] = {}
        self._inspected: dict[str, Image] = {}
        for leftover in directory.glob(".pull-*"):  # of a process that was killed while it pulled
            shutil.rmtree(leftover, ignore_errors=True)

    async def get(self, uri: str) -> Image:
        """The image ``host/repository:tag`` or ``host/repository@sha256:…``, pulled when missing.

        Raises:
            ImageError: when it does not exist, is not a single image, or fails its digest.
        """
        async with self._pulls.setdefault(uri, asyncio.Lock()):
            return await asyncio.to_thread(self._get, uri)

    async def inspect(self, uri: str) -> Image:
        """The image as its configuration describes it; its files are not pulled.

        Raises:
            ImageError: as `get`.
        """
        if uri in self._inspected:
            return self._inspected[uri]
        image = await asyncio.to_thread(self._inspect, uri)
        if image.digest in uri:  # a tag may move on
            self._inspected[uri] = image
        return image

    def _get(self, uri: str) -> Image:
        repository, digest, registry = self._locate(uri)
        if image := self._read(repository, digest):
            return image
        digest, manifest = registry.manifest(digest)
        return self._read(repository, digest) or self._pull(registry, repository, digest, manifest)

    def _inspect(self, uri: str) -> Image:
        repository, digest, registry = self._locate(uri)
        if image := self._read(repository, digest):
            return image
        digest, manifest = registry.manifest(digest)
        with tempfile.TemporaryFile() as config:
            registry.blob(manifest["config"]["digest"], config)
            config.seek(0)
            return self._image(repository, digest, json.load(config))

    def _locate(self, uri: str) -> tuple[str, str, _Registry]:
        """Repository, digest or tag, and where to ask for it."""
        match = _URI.fullmatch(uri)
        if match is None:
            raise ImageError("InvalidImage", f"Not an image URI: {uri!r}")
        registry = _Registry(self._aws, match["host"], match["repository"])
        return match["repository"], match["digest"] or match["tag"] or "latest", registry

    def _path(self, digest: str) -> Path:
        return self._directory / digest.removeprefix("sha256:")

    def _read(self, repository: str, digest: str) -> Image | None:
        if not digest.startswith("sha256:"):  # a tag: only the registry knows what it stands for
            return None
        try:
            document = json.loads((self._path(digest) / "config.json").read_text())
        except FileNotFoundError:
            return None
        return self._image(repository, digest, document)

    def _image(self, repository: str, digest: str, document: Mapping[str, Any]) -> Image:
        config = document.get("config") or {}
        return Image(
            reference=f"{repository}@{digest}",
            digest=digest,
            rootfs=self._path(digest) / "rootfs",
            packed=PACKED_LABEL in (config.get("Labels") or {}),
            entry_point=tuple(config.get("Entrypoint") or ()),
            command=tuple(config.get("Cmd") or ()),
            working_directory=config.get("WorkingDir") or "/",
            variables=tuple(sorted(_pair(entry) for entry in config.get("Env") or ())),
        )

    def _pull(self, registry: _Registry, repository: str, digest: str, manifest: Mapping[str, Any]) -> Image:
        self._directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._directory, prefix=".pull-") as name:
            temporary = Path(name) / "image"
            rootfs = temporary / "rootfs"
            rootfs.mkdir(parents=True)
            # TemporaryDirectory is private; inside the sandbox another user reads these files.
            temporary.chmod(0o755)
            for layer in manifest["layers"]:
                with tempfile.TemporaryFile(dir=name) as blob:
                    registry.blob(layer["digest"], blob)
                    blob.seek(0)
                    unpack(blob, rootfs)
            with (temporary / "config.json").open("w+b") as config:
                registry.blob(manifest["config"]["digest"], config)
            for mount_point in ("proc", "dev", "tmp"):
                if (rootfs / mount_point).is_symlink():  # a mount would follow it out of the image
                    raise ImageError("InvalidImage", f"/{mount_point} is a symbolic link in the image")
                (rootfs / mount_point).mkdir(exist_ok=True)
            try:
                temporary.rename(self._path(digest))
            except OSError:
                if not self._path(digest).is_dir():
                    raise
        image = self._read(repository, digest)
        assert image is not None
        return image


class _Registry:
    """One repository of the embedded registry.

    The registry is reached at the control plane's endpoint, whatever host the URI names: that host
    is sent as the Host header, by which ECR knows account and region.
    """

    def __init__(self, aws: Aws, host: str, repository: str) -> None:
        self._aws = aws
        self._host = host
        self._repository = repository

    @cached_property
    def _base(self) -> str:
        endpoint = urlsplit(self._aws.client("ecr").meta.endpoint_url)
        return f"{endpoint.scheme}://{endpoint.netloc}/v2/{self._repository}"

    @cached_property
    def _headers(self) -> dict[str, str]:
        headers = {"Authorization": f"Basic {registry_token(self._aws)}"}
        return headers | ({"Host": self._host} if self._host.endswith(".amazonaws.com") else {})

    def manifest(self, reference: str) -> tuple[str, dict[str, Any]]:
        """Digest and content of the manifest of a tag or digest."""
        headers = {"Accept": ", ".join(_MANIFESTS)}
        with self._open(f"/manifests/{reference}", headers) as response:
            content = response.read()
            media_type = response.headers.get_content_type()
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        if reference.startswith("sha256:") and reference != digest:
            raise _corrupt(reference, digest)
        manifest = json.loads(content)
        media_type = manifest.get("mediaType", media_type)
        if media_type not in _MANIFESTS:
            # Lambda refuses an index with the same words; `--provenance=false` avoids one.
            raise ImageError(
                "InvalidImage",
                f"The image manifest, config or layer media type for the source image is not supported: "
                f"{media_type}",
            )
        return digest, manifest

    def blob(self, digest: str, target: IO[bytes]) -> None:
        """Copy a blob, checking it against its digest."""
        actual = hashlib.sha256()
        with self._open(f"/blobs/{digest}", {}) as response:
            while chunk := response.read(_READ_SIZE):
                actual.update(chunk)
                target.write(chunk)
        if (found := "sha256:" + actual.hexdigest()) != digest:
            raise _corrupt(digest, found)

    def _open(self, path: str, headers: Mapping[str, str]) -> Any:
        request = urllib.request.Request(self._base + path, headers={**self._headers, **headers})
        try:
            return urllib.request.urlopen(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            reason = "ImageAccessDenied" if error.code in (401, 403) else "ImageDeleted"
            detail = error.read(500).decode(errors="replace")
            raise ImageError(
                reason, f"{self._repository}{path}: the registry answered {error.code}: {detail}"
            ) from error


def registry_token(aws: Aws) -> str:
    """The registry's user and password as ECR gives them: base64 of ``USER:PASSWORD``."""
    return str(aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"])


def unpack(layer: IO[bytes], rootfs: Path) -> None:
    """Apply one layer (tar, possibly compressed) to a tree, never outside of it.

    Raises:
        ImageError: when a member would land outside `rootfs`, contradicts another one, or is larger than
            an image may be; or when the layer is no archive.
    """
    for member, content in _members(layer):
        try:
            _apply(member, content, rootfs)
        except _UNFIT as error:
            if isinstance(error, OSError) and error.errno in _OUR_DISK:
                raise
            raise ImageError(
                "InvalidImage", f"A layer holds a member that cannot be unpacked: {member.name!r}: {error}"
            ) from error


def _apply(member: tarfile.TarInfo, content: IO[bytes] | None, rootfs: Path) -> None:
    path = _inside(rootfs, member.name)
    if path == rootfs:
        return
    if path.name.startswith(_WHITEOUT):
        _hide(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.isdir():
        if path.is_symlink() or not path.is_dir():
            _remove(path)
            path.mkdir()
        path.chmod(member.mode & 0o777 | 0o700)
        return
    _remove(path)
    if member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        # Of a link itself: what it leads to may lie outside.
        os.link(_inside(rootfs, member.linkname), path, follow_symlinks=False)
    elif content is not None:
        with path.open("wb") as file:
            shutil.copyfileobj(content, file, _READ_SIZE)
        path.chmod(member.mode & 0o777)
    # Devices and pipes need a privilege and serve no function: left out.


def _hide(whiteout: Path) -> None:
    """Remove what a whiteout names: a sibling, or everything beside it when it is opaque.

    https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts

    Raises:
        ImageError: when it names the directory that it stands in (``.wh.``, ``.wh..``) or the one above.
    """
    if whiteout.name == f"{_WHITEOUT}{_WHITEOUT}.opq":
        for entry in whiteout.parent.iterdir() if whiteout.parent.is_dir() else ():
            _remove(entry)
        return
    name = whiteout.name.removeprefix(_WHITEOUT)
    if name.startswith(_WHITEOUT):
        return  # bookkeeping of AUFS (.wh..wh.plnk, .wh..wh.aufs), which names no file
    if name in ("", ".", ".."):
        raise ImageError("InvalidImage", f"A layer removes a path outside the image: {whiteout.name!r}")
    _remove(whiteout.parent / name)


def _members(layer: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    size = 0
    try:
        with tarfile.open(fileobj=layer, mode="r|*") as archive:
            for member in archive:
                size += member.size
                if size > MAXIMUM_SIZE:
                    raise ImageError("InvalidImage", "The uncompressed image is larger than 10 GB")
                yield member, archive.extractfile(member) if member.isfile() else None
    # zstd, for one, which Lambda does not take either; the others are a gzip stream that ends early.
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ImageError("InvalidImage", f"A layer is not a (gzipped) tar archive: {error}") from error


def _inside(rootfs: Path, name: str) -> Path:
    """The path of a member; its parent, symbolic links followed, lies in the tree."""
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts:
        raise ImageError("InvalidImage", f"A layer holds a path outside the image: {name!r}")
    path = rootfs / relative
    if path != rootfs and not path.parent.resolve().is_relative_to(rootfs.resolve()):
        raise ImageError("InvalidImage", f"A layer writes through a link out of the image: {name!r}")
    return path


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _pair(entry: str) -> tuple[str, str]:
    name, _, value = entry.partition("=")
    return name, value


def _corrupt(expected: str, actual: str) -> ImageError:
    return ImageError("InvalidImage", f"The content of {expected} has the digest {actual}")
