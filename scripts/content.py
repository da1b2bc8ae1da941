"""Content addressing: hashes of source trees, and a build cache whose entries are whole or absent.

Not for AWS or npm: this module only knows files.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.settings import PROJECT_ROOT

KEPT_BUILDS = 5
"""How many builds of one kind stay in the cache."""

_IN_USE_SECONDS = 24 * 3600


def sha256_text(lines: Iterable[str]) -> str:
    """SHA-256 (hex) of lines joined by a line feed, without one at the end."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_below(root: Path, *, skip: Collection[str] = ()) -> Iterator[Path]:
    """Regular files below `root`, without descending into directories named in `skip`."""
    for directory, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in skip)
        for name in sorted(files):
            path = Path(directory, name)
            if path.is_file():
                yield path


def content_lines(root: Path, files: Iterable[Path]) -> list[str]:
    """One line ``<relative path> <sha256>`` for each file, in byte order of the paths.

    Byte order is also what Terraform's ``fileset`` gives, so that HCL can compute the same lines.
    """
    relative = sorted((path.relative_to(root).as_posix() for path in files), key=str.encode)
    return [f"{name} {sha256_file(root / name)}" for name in relative]


def build_once(directory: Path, make: Callable[[Path], None], *, keep: int | None = None) -> bool:
    """Make `directory` unless it is there. Returns True when it was there already.

    Args:
        directory: Named after what is in it.
        make: Fills the directory that it is given.
        keep: After a build, how many of the directories beside it stay: those used last, and what was
            used within a day, which another run may be using now. All of them when None.

    `make` fills an empty temporary directory beside it, which is renamed when `make` returns: an
    interrupted or failed build leaves nothing that could be taken for a finished one. A second
    process that wants the same directory waits, then finds it.
    """
    if _used(directory):
        return True
    with _locked(directory.parent / ".lock"):
        if _used(directory):
            return True
        unfinished = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        try:
            unfinished.chmod(0o755)
            make(unfinished)
            unfinished.rename(directory)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        if keep is not None:
            _prune(directory.parent, keep)
    return False


@contextmanager
def exclusive_use(directory: Path) -> Iterator[None]:
    """Be the only process of this project that writes into `directory`.

    The lock lies elsewhere, so that it is neither deleted with the directory nor part of its content.
    The kernel releases it when the holder dies.
    """
    lock = PROJECT_ROOT / ".build" / "locks" / sha256_text([str(directory.resolve())])[:16]
    with _locked(lock):
        yield


def _used(directory: Path) -> bool:
    """Whether a build is there; it counts as used now."""
    try:
        os.utime(directory)
    except FileNotFoundError:
        return False
    return True


def _prune(parent: Path, keep: int) -> None:
    """Remove old builds, and what killed ones left unfinished."""
    found = [(entry.stat().st_mtime, entry) for entry in parent.iterdir() if entry.is_dir()]
    finished = sorted((item for item in found if not item[1].name.startswith(".")), reverse=True)
    unfinished = [item for item in found if item[1].name.startswith(".")]
    for used_at, entry in (*finished[keep:], *unfinished):
        if time.time() - used_at > _IN_USE_SECONDS:
            shutil.rmtree(entry, ignore_errors=True)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
