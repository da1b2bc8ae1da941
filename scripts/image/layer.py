"""Image layers: reproducible tar archives. The same tree gives the same digest, anywhere and any time."""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scripts.content import files_below


@dataclass(frozen=True)
class Symlink:
    """A symbolic link inside a layer."""

    target: str


@dataclass(frozen=True)
class Layer:
    """A compressed layer.

    Attributes:
        blob: The gzipped tar.
        digest: ``sha256:…`` of the blob: its name in a registry.
        diff_id: ``sha256:…`` of the tar before compression: its name in the image's configuration.
    """

    blob: bytes
    digest: str
    diff_id: str


Tree = Mapping[str, Path | Symlink]
"""Absolute path in the image → file on this machine, or link."""


def tree(root: Path, at: str) -> dict[str, Path | Symlink]:
    """The regular files below `root`, placed below the absolute path `at`."""
    return {f"{at}/{path.relative_to(root).as_posix()}": path for path in files_below(root)}


def make_layer(content: Tree) -> Layer:
    """Archive a tree: sorted, owned by root, without times; modes reduced to 0755 and 0644."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for directory in sorted({parent for name in content for parent in _parents(name)}):
            archive.addfile(_member(directory, tarfile.DIRTYPE, 0o755))
        for name, source in sorted(content.items()):
            if isinstance(source, Symlink):
                link = _member(name, tarfile.SYMTYPE, 0o777)
                link.linkname = source.target
                archive.addfile(link)
            else:
                executable = source.stat().st_mode & stat.S_IXUSR
                file = _member(name, tarfile.REGTYPE, 0o755 if executable else 0o644)
                body = source.read_bytes()
                file.size = len(body)
                archive.addfile(file, io.BytesIO(body))
    blob = gzip.compress(raw.getvalue(), compresslevel=6, mtime=0)
    return Layer(blob, sha256_digest(blob), sha256_digest(raw.getvalue()))


def sha256_digest(data: bytes) -> str:
    """A digest as registries write it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _parents(name: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(name).parents if str(parent) != "/"]


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name.lstrip("/"))
    member.type, member.mode = kind, mode
    return member
