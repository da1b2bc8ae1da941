"""What making a release live changes in a bucket, and in which order. Pure: given files and a listing.

Order: hashed assets and kept copies go up first, where nobody looks yet. Then the unhashed files, the
service worker, index.html; deletions come last. So at every moment index.html names only files that are
there, and an interruption leaves a whole site.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from scripts.frontend import manifest
from scripts.frontend.bucket import Stored
from scripts.frontend.manifest import INDEX_HTML, KEPT, File

# A path with a wildcard is billed as one.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PayingForInvalidation.html
EVERYTHING = "/*"
_MOST_PATHS = 100


@dataclass(frozen=True)
class Changes:
    """What is done to the keys that are served.

    Attributes:
        waves: Unhashed files to copy from where they are kept; a wave begins when the one before is done.
        new_headers: Hashed files, here or of earlier releases, whose headers follow older rules.
        deletions: Unhashed files that the release does not have.
        stale: Paths of which CloudFront may hold another version.
    """

    waves: tuple[tuple[File, ...], ...]
    new_headers: tuple[str, ...]
    deletions: tuple[str, ...]
    stale: tuple[str, ...]

    @property
    def copies(self) -> int:
        """Number of files to copy."""
        return sum(map(len, self.waves))

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.waves or self.new_headers or self.deletions)


def missing(files: Iterable[File], stored: Mapping[str, Stored]) -> tuple[File, ...]:
    """The files that are not kept in the bucket, the biggest first; one for each content."""
    absent = {file.kept_at: file for file in files if not is_stored(file, stored.get(file.kept_at))}
    return tuple(sorted(absent.values(), key=lambda file: (-file.size, file.key)))


def to_go_live(
    files: Iterable[File], stored: Mapping[str, Stored], *, same_rules: bool, same_release: bool
) -> Changes:
    """Compare the files of a release with a listing.

    Args:
        files: All of the release; their kept objects are there.
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
    waves = itertools.groupby(sorted(changed, key=lambda file: (_wave(file), -file.size, file.key)), _wave)
    return Changes(
        waves=tuple(tuple(wave) for _, wave in waves),
        new_headers=() if same_rules else tuple(sorted(key for key in stored if manifest.is_hashed(key))),
        deletions=tuple(deletions),
        stale=_paths([*replaced, *deletions]) if same_rules else (EVERYTHING,),
    )


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


def _outlives_a_release(key: str) -> bool:
    """Whether the object stays when another release goes live."""
    return key.startswith(KEPT) or manifest.is_hashed(key)


def _paths(keys: Iterable[str]) -> tuple[str, ...]:
    return merged(quote(f"/{key}") for key in keys)


def _wave(file: File) -> int:
    if file.key == INDEX_HTML:
        return 2
    return 1 if file.key == "sw.js" else 0  # a new service worker at once fetches what it precaches
