"""One release on its way to be live, the same way whether it was built here or is brought back.

1. What the release needs and the bucket does not keep goes up; a restored release needs nothing.
2. Its manifest is written. From here on it can be restored.
3. Under the bucket's claim: unhashed files, the service worker and at last index.html are copied, within
   S3, from where they are kept to where they are served.
4. Unhashed files of the release before are deleted, and what no kept release needs any more.
5. CloudFront forgets the unhashed files that changed.

Until index.html changes, visitors have the old site, whole. What was interrupted is done again by the next
publication, whoever makes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scripts.errors import DeployError
from scripts.frontend import changes, manifest, releases
from scripts.frontend.bucket import Bucket, ChangedError, Stored, in_parallel
from scripts.frontend.changes import Changes
from scripts.frontend.claim import Claim, read
from scripts.frontend.manifest import INDEX_HTML, File
from scripts.frontend.releases import Index, Release
from scripts.progress import Progress

if TYPE_CHECKING:
    from rich.console import RenderableType

Supply = Callable[[Sequence[File]], Mapping[str, str]]
"""Makes the bucket keep files; returns the ETags of their kept objects by key. May refuse."""

Invalidate = Callable[[Sequence[str]], str]
"""Invalidates paths; returns a warning, or nothing."""

_ATTEMPTS = 5


@dataclass(frozen=True)
class PublishResult:
    """What a publication did. An `Outcome` of the console.

    Attributes:
        release: The one that is live now.
        restored: Whether its files were in the bucket already, and nothing of this machine was read.
        uploaded: Files sent.
        copied: Unhashed files put live.
        unchanged: Files of the release that were neither sent nor copied.
        deleted: Unhashed files of the release before that are gone.
        pruned: Objects that no kept release needed any more.
        bytes: Of the files sent.
        invalidated: Paths that CloudFront was told to forget.
        warning: What went wrong without harm to the site.
    """

    release: str
    restored: bool
    uploaded: int
    copied: int
    unchanged: int
    deleted: int
    pruned: int
    bytes: int
    seconds: float
    invalidated: tuple[str, ...] = ()
    warning: str = ""

    type = "frontend.publish"

    def to_json(self) -> dict[str, Any]:
        """The facts; ``invalidated`` is a list of paths."""
        return {**asdict(self), "invalidated": list(self.invalidated)}

    def __rich__(self) -> RenderableType:
        """One line, and the warning below it."""
        from rich.text import Text

        if not (self.uploaded or self.copied or self.deleted):
            line = f"nothing to publish, {self.unchanged} files unchanged"
        else:
            sent = f"{self.uploaded} files uploaded ({self.bytes / 1e6:.1f} MB)"
            line = (
                f"{'restored, no file sent' if self.restored else sent}, {self.copied} put live, "
                f"{self.unchanged} unchanged, {self.deleted} deleted"
            )
        warning = Text(f"\nWarning: {self.warning}", "yellow") if self.warning else ""
        return Text.assemble(f"Frontend {self.release}: {line} ({self.seconds:.1f} s)", warning)


class Publication:
    """One release and the bucket that shall serve it.

    Args:
        place: The bucket.
        release: The name of the release.
        files: All of it.
        supply: Is given the files that the bucket does not keep; none when it keeps all.
        keep: How many releases stay restorable, this one included.
        invalidate: Is given the paths that caches should forget.
        progress: Called when another publication is waited for.
    """

    def __init__(
        self,
        place: Bucket,
        release: str,
        files: Sequence[File],
        supply: Supply,
        keep: int,
        invalidate: Invalidate,
        progress: Progress,
    ) -> None:
        self._place = place
        self._release = release
        self._files = tuple(files)
        self._supply = supply
        self._keep = max(keep, 1)
        self._invalidate = invalidate
        self._progress = progress
        self._sent: dict[str, int] = {}

    def run(self) -> PublishResult:
        """Make the release live; nothing is written when it is.

        Raises:
            DeployError: from `supply`, or when others publish at the same time and do not end.
            BotoCoreError, ClientError: when S3 refuses.
        """
        started = time.monotonic()
        for _ in range(_ATTEMPTS):
            index, etag = read(self._place, self._progress)
            stored = self._place.listing()
            self._bring(index, stored)
            planned = changes.to_go_live(
                self._files,
                stored,
                # Where no page ever was, all there is comes from a publication cut short before that.
                same_rules=index.rules == manifest.rules_version() or INDEX_HTML not in stored,
                same_release=index.live == self._release,
            )
            if self._is_done(index, stored, planned):
                return self._result(started, planned)
            try:
                claim = Claim.take(self._place, self._recorded(index, stored, planned), etag)
            except ChangedError:
                continue  # what the listing showed may be gone
            return self._go_live(claim, stored, planned, started)
        raise DeployError(
            "Others keep publishing the frontend",
            f"{_ATTEMPTS} times, another publication to s3://{self._place.name} was first.",
            "Wait until it is quiet, look at inv frontend.releases, and publish again.",
        )

    def _bring(self, index: Index, stored: Mapping[str, Stored]) -> None:
        """Make the bucket keep all files of the release."""
        self._recall(index, stored)
        missing = changes.missing(self._files, stored)
        etags = self._supply(missing)
        self._sent |= {file.kept_at: file.size for file in missing}
        known = {key: found.etag for key, found in stored.items()} | dict(etags)
        self._files = tuple(replace(file, etag=known[file.kept_at]) for file in self._files)

    def _recall(self, index: Index, stored: Mapping[str, Stored]) -> None:
        """Where an ETag is no checksum, because the object went up in parts, the manifest knows it."""
        doubtful = [
            file
            for file in changes.missing(self._files, stored)
            if file.kept_at in stored and stored[file.kept_at].size == file.size
        ]
        if doubtful and index.releases:
            latest = releases.files_of(self._place, index.releases[0].hash)
            etags = {(file.kept_at, file.md5): file.etag for file in latest}
            self._files = tuple(
                replace(file, etag=etags.get((file.kept_at, file.md5), file.etag)) for file in self._files
            )

    def _is_done(self, index: Index, stored: Mapping[str, Stored], planned: Changes) -> bool:
        if index.live != self._release or planned or self._sent:
            return False
        same_files = index.releases[0].digest == manifest.digest(self._files)
        return same_files and releases.manifest_key(self._release) in stored

    def _recorded(self, index: Index, stored: Mapping[str, Stored], planned: Changes) -> Index:
        """The index with this release as its newest; its manifest is there when this returns."""
        releases.write(self._place, self._release, self._files)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        kept: tuple[Release, ...] = tuple(r for r in index.releases if r.hash != self._release)
        if not index.releases and (older := releases.unrecorded(dict(stored))):
            releases.write(self._place, releases.UNRECORDED, older)
            kept = (releases.release_of(releases.UNRECORDED, now, older),)
        return Index(
            releases=(releases.release_of(self._release, now, self._files), *kept),
            # While headers are being changed, no rules hold for everything.
            rules="" if planned.new_headers else index.rules,
            stale=changes.merged(index.stale, planned.stale),
        )

    def _go_live(
        self, claim: Claim, stored: Mapping[str, Stored], planned: Changes, started: float
    ) -> PublishResult:
        try:
            in_parallel(lambda key: self._place.copy(key, key), planned.new_headers)
            for wave in planned.waves:
                if any(file.key == INDEX_HTML for file in wave):
                    claim.renew()
                in_parallel(self._put_live, wave)
            claim.renew()
            self._place.delete(planned.deletions)
            kept = claim.index.releases[: self._keep]
            pruned = self._prune(kept, stored)
            stale = claim.index.stale
            warning = self._invalidate(stale) if stale else ""
        except BaseException:
            claim.abandon()
            raise
        claim.finish(Index(kept, self._release, manifest.rules_version()))
        return replace(
            self._result(started, planned),
            pruned=pruned,
            invalidated=() if warning else stale,
            warning=warning,
        )

    def _put_live(self, file: File) -> None:
        # index.html alone says which release it belongs to: a page is never newer than its name.
        self._place.copy(
            file.kept_at, file.key, {"release": self._release} if file.key == INDEX_HTML else None
        )

    def _prune(self, kept: Sequence[Release], stored: Mapping[str, Stored]) -> int:
        """Delete what no kept release needs, of what was there before this publication began."""
        others = [release.hash for release in kept if release.hash != self._release]
        files = in_parallel(lambda release: releases.files_of(self._place, release), others)
        records = [releases.INDEX, *(releases.manifest_key(release.hash) for release in kept)]
        garbage = changes.garbage([self._files, *files], records, stored)
        self._place.delete(garbage)
        return len(garbage)

    def _result(self, started: float, planned: Changes) -> PublishResult:
        touched = {file.kept_at for wave in planned.waves for file in wave} | self._sent.keys()
        return PublishResult(
            release=self._release,
            restored=False,
            uploaded=len(self._sent),
            copied=planned.copies,
            unchanged=sum(file.kept_at not in touched for file in self._files),
            deleted=len(planned.deletions),
            pruned=0,
            bytes=sum(self._sent.values()),
            seconds=round(time.monotonic() - started, 3),
        )
