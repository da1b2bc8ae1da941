"""The releases that a bucket keeps: which, since when, and the files of each.

Below ``_releases/``: ``index.json`` lists them, ``<hash>/manifest.json`` names the files of one, and
``files/<md5>`` holds unhashed files, which releases share, from before another release overwrites or drops
them. Hashed assets stay where they are served, and so do unhashed files that are still the same. So bringing
a release back needs no file of this machine, and a page that is open in a browser still finds its chunks
while its release is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scripts.errors import DeployError
from scripts.frontend import manifest
from scripts.frontend.bucket import Bucket, Document, Stored, unreadable
from scripts.frontend.manifest import INDEX_HTML, KEPT, File

if TYPE_CHECKING:
    from rich.console import RenderableType

INDEX = f"{KEPT}index.json"

UNRECORDED = "unrecorded"
"""Stands for what a bucket held before releases were kept: its hashed assets stay as if they were one."""

_SCHEMA = 1


@dataclass(frozen=True)
class Release:
    """A kept release.

    Attributes:
        hash: Content hash of the client, as Terraform has it.
        published: When it last went live, ISO 8601 in UTC.
        files: Their number.
        bytes: Their size.
        digest: `manifest.digest` of its files.
    """

    hash: str
    published: str
    files: int
    bytes: int
    digest: str


@dataclass(frozen=True)
class Index:
    """What a bucket says about itself; empty for a bucket that was never published to.

    Attributes:
        releases: The kept ones, the newest first: by when each last went live.
        live: Hash of the release that is wholly live; empty while, and after, a publication that is not
            finished.
        rules: `manifest.rules_version` that every served object follows; empty when some may not.
        holder: Who is going live at this moment; empty when nobody is. See `claim`.
        stale: Paths that are to be invalidated before the release counts as live.
    """

    releases: tuple[Release, ...] = ()
    live: str = ""
    rules: str = ""
    holder: str = ""
    stale: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The object at `INDEX`."""
        return {"schema": _SCHEMA, **asdict(self), "releases": [asdict(release) for release in self.releases]}


@dataclass(frozen=True)
class Kept:
    """The releases that can be brought back. An `Outcome` of the console."""

    bucket: str
    live: str
    releases: tuple[Release, ...]

    type = "frontend.releases"

    def to_json(self) -> dict[str, Any]:
        """Bucket and releases, the newest first; each says whether it is live."""
        releases = [
            {
                "release": release.hash,
                "published": release.published,
                "files": release.files,
                "bytes": release.bytes,
                "live": release.hash == self.live,
            }
            for release in self.releases
        ]
        return {"bucket": self.bucket, "releases": releases}

    def __rich__(self) -> RenderableType:
        """A table, the newest first."""
        from rich.table import Table
        from rich.text import Text

        if not self.releases:
            return Text(f"s3://{self.bucket} keeps no release of the frontend.")
        table = Table("Release", "Published", "Files", "Size", "", box=None, pad_edge=False)
        for release in self.releases:
            moment = datetime.fromisoformat(release.published).strftime("%Y-%m-%d %H:%M:%S UTC")
            live = Text("live", "green") if release.hash == self.live else ""
            table.add_row(release.hash, moment, str(release.files), f"{release.bytes / 1e6:.1f} MB", live)
        return table


def available(s3: Any, bucket: str) -> dict[str, Release]:
    """The releases that a bucket keeps, by hash, the one that went live last first.

    Raises:
        ClientError: when S3 refuses, or the bucket does not exist.
    """
    return {release.hash: release for release in _read(s3, bucket).releases if release.hash != UNRECORDED}


def kept(s3: Any, bucket: str) -> Kept:
    """The same to be shown, and which of them is live.

    Raises:
        DeployError: when S3 refuses, or the bucket does not exist.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        index = _read(s3, bucket)
    except (BotoCoreError, ClientError) as error:
        raise DeployError(
            f"The releases of s3://{bucket} cannot be read",
            str(error),
            "Name the bucket that Terraform's output frontend_bucket has: inv outputs",
        ) from error
    return Kept(bucket, index.live, tuple(r for r in index.releases if r.hash != UNRECORDED))


def index_of(place: Bucket, document: Document | None) -> Index:
    """The index of a document that was read at `INDEX`.

    Raises:
        DeployError: when it is damaged, or of a later version of this program.
    """
    if document is None:
        return Index()
    try:
        value = dict(document.value)
        if value.pop("schema") != _SCHEMA:
            raise ValueError("schema")
        releases = tuple(Release(**release) for release in value.pop("releases"))
        return Index(releases, stale=tuple(value.pop("stale")), **value)
    except (TypeError, ValueError, KeyError) as error:
        raise unreadable(place.name, INDEX) from error


def manifest_key(release: str) -> str:
    """Where the manifest of a release lies."""
    return f"{KEPT}{release}/manifest.json"


def files_of(place: Bucket, release: str) -> tuple[File, ...]:
    """The files of a kept release; none when its manifest is not there.

    Raises:
        DeployError: when the manifest is damaged.
    """
    document = place.document(manifest_key(release))
    if document is None:
        return ()
    try:
        if document.value["schema"] != _SCHEMA:
            raise ValueError("schema")
        return tuple(File(**file) for file in document.value["files"])
    except (TypeError, ValueError, KeyError) as error:
        raise unreadable(place.name, manifest_key(release)) from error


def write(place: Bucket, release: str, files: Sequence[File]) -> None:
    """Write the manifest of a release whose files are all kept."""
    value = {"schema": _SCHEMA, "release": release, "files": [asdict(file) for file in files]}
    place.put_document(manifest_key(release), value)


def release_of(hash: str, published: str, files: Sequence[File]) -> Release:
    """The line of the index."""
    return Release(hash, published, len(files), sum(file.size for file in files), manifest.digest(files))


def unrecorded(stored: dict[str, Stored]) -> tuple[File, ...]:
    """The hashed assets of a site that was published before releases were kept."""
    if INDEX_HTML not in stored:
        return ()
    return tuple(
        File(key, found.size, found.etag) for key, found in stored.items() if manifest.is_hashed(key)
    )


def _read(s3: Any, bucket: str) -> Index:
    place = Bucket(s3, bucket)
    return index_of(place, place.document(INDEX))
