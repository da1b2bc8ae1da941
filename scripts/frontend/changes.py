"""What making a release live changes in a bucket, and in which order. Pure: given files and a listing.

Order: everything goes up first, to where nobody looks yet. Then what is served already is overwritten: the
unhashed files, the service worker, index.html; deletions come last. So at every moment index.html names
only files that are there, and an interruption leaves a whole site.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from scripts.frontend import manifest
from scripts.frontend.bucket import MULTIPART_BYTES, Stored
from scripts.frontend.manifest import INDEX_HTML, KEPT, File

# A path with a wildcard is billed as one.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PayingForInvalidation.html
EVERYTHING = "/*"
_MOST_PATHS = 100


@dataclass(frozen=True)
class Upload:
    """A file and the key that it goes to."""

    file: File
    to: str

    @property
    def straight(self) -> bool:
        """Whether an unhashed file goes to where it is served. Then nothing else may be there by now."""
        return not self.file.hashed and self.to == self.file.key


@dataclass(frozen=True)
class Changes:
    """What is done to the keys that are served.

    Attributes:
        waves: Unhashed files to copy to where they are served; a wave begins when the one before is done.
        new_headers: Hashed files, here or of earlier releases, whose headers follow older rules.
        deletions: Unhashed files that the release does not have.
        lost: Keys of unhashed files whose content is not served there any more; `deletions` among them.
        stale: Paths of which CloudFront may hold another version.
    """

    waves: tuple[tuple[File, ...], ...]
    new_headers: tuple[str, ...]
    deletions: tuple[str, ...]
    lost: tuple[str, ...]
    stale: tuple[str, ...]

    @property
    def copies(self) -> int:
        """Number of files to copy."""
        return sum(map(len, self.waves))

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.waves or self.new_headers or self.deletions)


def missing(files: Iterable[File], stored: Mapping[str, Stored]) -> tuple[Upload, ...]:
    """The files that the bucket does not hold, and where they go; the biggest first."""
    uploads = (Upload(file, _destination(file, stored)) for file in files if not held_at(file, stored))
    once = {upload.to: upload for upload in uploads}
    return tuple(sorted(once.values(), key=lambda upload: (-upload.file.size, upload.to)))


def held_at(file: File, stored: Mapping[str, Stored]) -> str:
    """Key of an object with the content of a file: where it is kept or where it is served. Empty: none."""
    return next((key for key in (file.kept_at, file.key) if is_stored(file, stored.get(key))), "")


def to_go_live(
    files: Iterable[File], stored: Mapping[str, Stored], *, same_rules: bool, same_release: bool
) -> Changes:
    """Compare the files of a release with a listing.

    Args:
        files: All of the release; the bucket holds them.
        stored: The listing.
        same_rules: Whether all that is served has the headers of today's rules; a listing does not show
            headers.
        same_release: Whether index.html belongs to this release already; it carries the release's name.
    """
    unhashed = [file for file in files if not file.hashed]
    changed = [
        file
        for file in unhashed
        if not same_rules
        or not is_stored(file, stored.get(file.key))
        or (file.key == INDEX_HTML and not same_release)
    ]
    keys = {file.key for file in unhashed}
    deletions = sorted(key for key in stored if not _outlives_a_release(key) and key not in keys)
    replaced = (file.key for file in changed if file.key in stored and not is_stored(file, stored[file.key]))
    lost = (*replaced, *deletions)
    waves = itertools.groupby(sorted(changed, key=lambda file: (_wave(file), -file.size, file.key)), _wave)
    return Changes(
        waves=tuple(tuple(wave) for _, wave in waves),
        new_headers=() if same_rules else tuple(sorted(key for key in stored if manifest.is_hashed(key))),
        deletions=tuple(deletions),
        lost=lost,
        stale=_paths(lost) if same_rules else (EVERYTHING,),
    )


def to_set_aside(
    releases: Iterable[Sequence[File]], lost: Iterable[str], stored: Mapping[str, Stored]
) -> tuple[File, ...]:
    """The files of kept releases that the bucket holds nowhere but at keys about to lose them.

    Args:
        releases: The files of each kept release.
        lost: The keys.
        stored: The listing.
    """
    keys = set(lost)
    files = (file for release in releases for file in release if file.key in keys)
    only_here = {file.kept_at: file for file in files if held_at(file, stored) == file.key}
    return tuple(only_here.values())


def garbage(releases: Iterable[Sequence[File]], records: Iterable[str], stored: Iterable[str]) -> list[str]:
    """Keys that no kept release needs, of those that a listing showed before this publication.

    Args:
        releases: The files of each kept release.
        records: Keys of the index and the manifests to keep.
        stored: The keys of the listing.
    """
    needed = {file.kept_at for files in releases for file in files}.union(records)
    return sorted(key for key in stored if _outlives_a_release(key) and key not in needed)


def merged(*stale: Iterable[str]) -> tuple[str, ...]:
    """Paths to invalidate, of this publication and of those that never came to it."""
    paths = tuple(sorted({path for paths in stale for path in paths}))
    return (EVERYTHING,) if EVERYTHING in paths or len(paths) > _MOST_PATHS else paths


def is_stored(file: File, stored: Stored | None) -> bool:
    """Whether an object has the content of a file.

    A copy of an object that went up in parts has an ETag of its own, so either will do.
    """
    return stored is not None and stored.size == file.size and stored.etag in {file.md5, file.etag}


def _destination(file: File, stored: Mapping[str, Stored]) -> str:
    """Where a file goes that the bucket does not hold.

    An unhashed file that nobody is served yet goes straight to its key, and is not sent and then copied: of
    a first publication that is nearly all. What may be fetched at once, and what boto3 sends in parts,
    which has another ETag, waits where it is kept.
    """
    straight = file.key not in stored and _wave(file) == 0 and file.size < MULTIPART_BYTES
    return file.key if straight else file.kept_at


def _outlives_a_release(key: str) -> bool:
    """Whether the object stays when another release goes live."""
    return key.startswith(KEPT) or manifest.is_hashed(key)


def _paths(keys: Iterable[str]) -> tuple[str, ...]:
    return merged(quote(f"/{key}") for key in keys)


def _wave(file: File) -> int:
    if file.key == INDEX_HTML:
        return 2
    return 1 if file.key == "sw.js" else 0  # a new service worker at once fetches what it precaches
