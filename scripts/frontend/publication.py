"""One release on its way to be live, the same way whether it was built here or is brought back.

1. What the release needs and the bucket does not hold goes up; a restored release needs nothing.
2. Its manifest is written. From here on it can be restored.
3. Unhashed files that earlier releases need and this one is about to replace are set aside: copied, within
   S3, to where releases are kept.
4. Under the bucket's claim: unhashed files, the service worker and at last index.html are copied, within
   S3, to where they are served.
5. Unhashed files of the release before are deleted, and what no kept release needs any more.
6. CloudFront forgets the unhashed files that changed.

Until index.html changes, visitors have the old site, whole. What was interrupted is done again by the next
publication, whoever makes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from scripts.errors import DeployError
from scripts.frontend import changes, manifest, releases
from scripts.frontend.bucket import Bucket, ChangedError, Stored, in_parallel
from scripts.frontend.changes import Changes, Upload
from scripts.frontend.claim import Claim, read
from scripts.frontend.manifest import INDEX_HTML, File
from scripts.frontend.releases import Index, Release
from scripts.frontend.result import PublishResult
from scripts.progress import Progress

Supply = Callable[[Sequence[Upload]], Mapping[str, Stored]]
"""Makes the bucket hold files; returns the new objects by key. May refuse."""

Invalidate = Callable[[Sequence[str]], str]
"""Invalidates paths; returns a warning, or nothing."""

_ATTEMPTS = 5


class Publication:
    """One release and the bucket that shall serve it.

    Args:
        place: The bucket.
        release: The name of the release.
        files: All of it.
        supply: Is given the files that the bucket does not hold; none when it holds all.
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
            stored = self._bring(index, self._place.listing())
            planned = changes.to_go_live(
                self._files,
                stored,
                # Where no page ever was, all there is comes from a publication cut short before that.
                same_rules=index.rules == manifest.rules_version() or INDEX_HTML not in stored,
                same_release=index.live == self._release,
            )
            if self._is_done(index, stored, planned):
                return self._result(started, planned)
            recorded = self._recorded(index, stored, planned)
            others = self._others(recorded)
            try:
                self._set_aside(others, planned, stored)
                claim = Claim.take(self._place, recorded, etag)
            except ChangedError:
                continue  # what the listing showed may be gone
            return self._go_live(claim, others, stored, planned, started)
        raise DeployError(
            "Others keep publishing the frontend",
            f"{_ATTEMPTS} times, another publication to s3://{self._place.name} was first.",
            "Wait until it is quiet, look at inv frontend.releases, and publish again.",
        )

    def _bring(self, index: Index, listing: Mapping[str, Stored]) -> dict[str, Stored]:
        """Make the bucket hold all files of the release; returns the listing with what was sent."""
        self._recall(index, listing)
        sent = self._supply(changes.missing(self._files, listing))
        self._sent |= {key: new.size for key, new in sent.items()}
        stored = {**listing, **sent}
        self._files = tuple(replace(file, etag=_etag(file, sent, stored)) for file in self._files)
        return stored

    def _recall(self, index: Index, stored: Mapping[str, Stored]) -> None:
        """Where an ETag is no checksum, because the object went up in parts, the manifest knows it."""
        doubtful = [
            upload
            for upload in changes.missing(self._files, stored)
            if upload.to in stored and stored[upload.to].size == upload.file.size
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

    def _others(self, recorded: Index) -> list[tuple[File, ...]]:
        """The files of each release that stays restorable beside this one."""
        others = [r.hash for r in recorded.releases[: self._keep] if r.hash != self._release]
        return in_parallel(lambda release: releases.files_of(self._place, release), others)

    def _set_aside(
        self, others: Sequence[Sequence[File]], planned: Changes, stored: Mapping[str, Stored]
    ) -> None:
        """Raises ChangedError when what the listing showed is gone."""
        alone = changes.to_set_aside(others, planned.lost, stored)
        in_parallel(lambda f: self._place.copy(f.key, f.kept_at, etag=stored[f.key].etag), alone)

    def _go_live(
        self,
        claim: Claim,
        others: Sequence[Sequence[File]],
        stored: Mapping[str, Stored],
        planned: Changes,
        started: float,
    ) -> PublishResult:
        try:
            in_parallel(lambda key: self._place.copy(key, key), planned.new_headers)
            for wave in planned.waves:
                if any(file.key == INDEX_HTML for file in wave):
                    claim.renew()
                in_parallel(lambda file: self._put_live(file, stored), wave)
            claim.renew()
            self._place.delete(planned.deletions)
            kept = claim.index.releases[: self._keep]
            pruned = self._prune(kept, others, stored)
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

    def _put_live(self, file: File, stored: Mapping[str, Stored]) -> None:
        # index.html alone says which release it belongs to: a page is never newer than its name.
        metadata = {"release": self._release} if file.key == INDEX_HTML else None
        self._place.copy(changes.held_at(file, stored), file.key, metadata)

    def _prune(
        self, kept: Sequence[Release], others: Sequence[Sequence[File]], stored: Mapping[str, Stored]
    ) -> int:
        """Delete what no kept release needs, of what was there before this publication went live."""
        records = [releases.INDEX, *(releases.manifest_key(release.hash) for release in kept)]
        garbage = changes.garbage([self._files, *others], records, stored)
        self._place.delete(garbage)
        return len(garbage)

    def _result(self, started: float, planned: Changes) -> PublishResult:
        touched = {file.key for wave in planned.waves for file in wave} | self._sent.keys()
        return PublishResult(
            release=self._release,
            restored=False,
            uploaded=len(self._sent),
            copied=planned.copies,
            unchanged=sum(touched.isdisjoint((file.key, file.kept_at)) for file in self._files),
            deleted=len(planned.deletions),
            pruned=0,
            bytes=sum(self._sent.values()),
            seconds=round(time.monotonic() - started, 3),
        )


def _etag(file: File, sent: Mapping[str, Stored], stored: Mapping[str, Stored]) -> str:
    # Of what was just sent, S3's answer counts: it alone says what an object that went up in parts is called.
    just_sent = (key for key in (file.kept_at, file.key) if key in sent)
    return stored[next(just_sent, "") or changes.held_at(file, stored)].etag
