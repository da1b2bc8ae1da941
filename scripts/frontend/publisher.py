"""Publishing a client, and bringing an earlier one back: who decides which, and where the files come from.

How a release goes live is `publication`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from scripts.errors import DeployError
from scripts.frontend import manifest, releases
from scripts.frontend.bucket import Bucket, ChangedError, Stored, in_parallel
from scripts.frontend.builder import build, source_hash
from scripts.frontend.changes import Upload
from scripts.frontend.invalidation import distributions_of, invalidate
from scripts.frontend.manifest import INDEX_HTML
from scripts.frontend.publication import Invalidate, Publication
from scripts.frontend.result import PublishResult
from scripts.progress import Progress, ignored
from scripts.settings import Settings
from scripts.target import Target

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


class NotKeptError(DeployError):
    """A release cannot be restored: the bucket does not keep it, or not all of it."""


def publish(
    settings: Settings,
    target: Target,
    bucket: str,
    *,
    release: str = "",
    distribution_id: str = "",
    progress: Progress = ignored,
) -> PublishResult:
    """Make a release live in `bucket`.

    Args:
        settings: Decide what is built and how many releases are kept.
        target: Where the bucket is.
        bucket: Its name.
        release: A content hash. One that the bucket keeps is restored, which does nothing when it is live;
            otherwise it must be what the sources give. Empty: what the sources give.
        distribution_id: Whose caches forget what changed; empty: every distribution of the bucket.
        progress: Called with lines of the build, and when another publication is waited for.

    Raises:
        DeployError: from the build, when S3 refuses, or when there is no such release.
    """
    s3, keep = target.aws.client("s3"), settings.releases.keep

    def forget(paths: Sequence[str]) -> str:
        return _invalidate(target, distribution_id, bucket, paths)

    if release:
        try:
            return restore(s3, bucket, release, keep=keep, invalidate=forget, progress=progress)
        except NotKeptError:
            if not _is_built_from_sources(settings, release):
                raise
    dist = build(settings, progress)
    if release and dist.content_hash != release:
        raise DeployError(
            "The sources of the frontend have changed meanwhile",
            f"Release {release} was asked for; the sources give {dist.content_hash} now.",
            "Run the same deploy again: it plans with what is there.",
        )
    return publish_directory(
        dist.path,
        s3,
        bucket,
        release=dist.content_hash,
        keep=keep,
        invalidate=forget,
        progress=progress,
    )


def publish_directory(
    dist: Path,
    s3: Any,
    bucket: str,
    *,
    release: str,
    keep: int,
    invalidate: Invalidate = lambda paths: "",
    progress: Progress = ignored,
) -> PublishResult:
    """Publish a distribution directory as the release of this hash, with a boto3 S3 client.

    Args:
        dist: Holds index.html.
        s3: The client.
        bucket: Its name.
        release: Names the release from now on.
        keep: How many releases stay restorable, this one included.
        invalidate: Is given the paths that caches should forget.
        progress: Called when another publication is waited for.

    Raises:
        DeployError: when S3 refuses; a repetition goes on where this stopped.
    """
    _check_name(release)

    def send(upload: Upload) -> tuple[str, Stored]:
        file, key = upload.file, upload.to
        try:
            etag = place.upload(dist / file.key, file, key, new=upload.straight)
        except ChangedError:  # another publication, at this moment: who goes live first is open
            key = file.kept_at
            etag = place.upload(dist / file.key, file, key)
        return key, Stored(etag, file.size)

    def supply(missing: Sequence[Upload]) -> dict[str, Stored]:
        return dict(in_parallel(send, missing))

    place = Bucket(s3, bucket)
    with _explained(bucket):
        going = Publication(place, release, manifest.read(dist), supply, keep, invalidate, progress)
        return going.run()


def restore(
    s3: Any,
    bucket: str,
    release: str,
    *,
    keep: int,
    invalidate: Invalidate = lambda paths: "",
    progress: Progress = ignored,
) -> PublishResult:
    """Bring a kept release back, without any file of this machine. Arguments as `publish_directory`.

    Raises:
        NotKeptError: when the bucket does not keep all of it; nothing was touched.
        DeployError: when S3 refuses.
    """
    _check_name(release)
    place = Bucket(s3, bucket)

    def supply(missing: Sequence[Upload]) -> dict[str, Stored]:
        if missing:
            names = "\n".join(upload.file.key for upload in missing[:10])
            more = f"\nand {len(missing) - 10} more" if len(missing) > 10 else ""
            raise _not_kept(place, release, f"These of its files are gone or altered:\n{names}{more}")
        return {}

    with _explained(bucket):
        files = releases.files_of(place, release)
        if not any(file.key == INDEX_HTML for file in files):
            raise _not_kept(place, release, f"s3://{bucket} does not keep it.")
        going = Publication(place, release, files, supply, keep, invalidate, progress)
        return replace(going.run(), restored=True)


def _invalidate(target: Target, distribution_id: str, bucket: str, paths: Sequence[str]) -> str:
    """A refusal is a warning: the site is live, and its headers do the same within seconds."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        for id in [distribution_id] if distribution_id else distributions_of(target, bucket):
            invalidate(target, id, paths)
    except (BotoCoreError, ClientError) as error:
        return f"CloudFront was not told to forget {len(paths)} changed files: {error}"
    return ""


def _is_built_from_sources(settings: Settings, release: str) -> bool:
    try:
        return source_hash(settings) == release
    except DeployError:  # nothing to build from; that the release is not kept is the news
        return False


def _check_name(release: str) -> None:
    if not _NAME.fullmatch(release):
        raise DeployError(
            f"{release!r} cannot name a release",
            "A release is named by letters, digits, `.`, `_` and `-`, 64 of them at most.",
            "inv frontend.releases lists those that are kept.",
        )


def _not_kept(place: Bucket, release: str, why: str) -> NotKeptError:
    index = releases.index_of(place, place.document(releases.INDEX))
    others = [r.hash for r in index.releases if r.hash not in (release, releases.UNRECORDED)]
    return NotKeptError(
        f"Release {release} of the frontend cannot be restored",
        why,
        "Check out its sources and deploy them"
        + (f", or take one of the releases that are kept: {', '.join(others)}." if others else "."),
    )


@contextmanager
def _explained(bucket: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise DeployError(
            f"The frontend could not be published to s3://{bucket}",
            str(error),
            "Visitors have a whole site all the time. Run the same command again once the cause is removed.",
        ) from error
