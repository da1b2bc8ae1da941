"""Members of a tar archive that are made here and lie in no directory."""

from __future__ import annotations

import io
import tarfile


def add_file(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    """A file with this content."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    archive.addfile(member, io.BytesIO(content))


def add_link(archive: tarfile.TarFile, name: str, target: str) -> None:
    """A symbolic link."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    archive.addfile(member)


def add_directory(archive: tarfile.TarFile, name: str, mode: int) -> None:
    """An empty directory."""
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, mode
    archive.addfile(member)
