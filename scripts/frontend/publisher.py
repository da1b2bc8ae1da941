"""Makes a bucket equal to a distribution directory without breaking the site on the way.

Order: hashed assets, other files, the service worker, index.html; deletions come last. So at every
moment index.html names only files that are there, and an interruption leaves the old site whole. Old
hashed assets stay: pages that are open in a browser still load their chunks.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.aws import error_code
from scripts.errors import DeployError
from scripts.frontend import manifest
from scripts.frontend.builder import build
from scripts.frontend.manifest import Entry
from scripts.npm import Progress
from scripts.settings import Settings
from scripts.target import Target

_PARALLEL = 16
# Metadata of index.html. It goes last, so it vouches for the headers of everything before it.
_RULES = "publish-rules"


@dataclass(frozen=True)
class Changes:
    """What a publication will do; keys to delete are given by name."""

    upload: tuple[Entry, ...]
    unchanged: tuple[Entry, ...]
    delete: tuple[str, ...]


@dataclass(frozen=True)
class PublishResult:
    """What a publication did: numbers of files, bytes sent, seconds."""

    uploaded: int
    unchanged: int
    deleted: int
    bytes: int
    seconds: float
    type: str = "frontend.publish"

    def to_json(self) -> dict[str, Any]:
        """The numbers."""
        numbers = asdict(self)
        del numbers["type"]
        return numbers

    def __rich__(self) -> str:
        if not self.uploaded and not self.deleted:
            return f"Frontend: nothing to publish, {self.unchanged} files unchanged ({self.seconds:.1f} s)"
        return (
            f"Frontend: {self.uploaded} files uploaded ({self.bytes / 1e6:.1f} MB), "
            f"{self.unchanged} unchanged, {self.deleted} deleted ({self.seconds:.1f} s)"
        )


def publish(
    settings: Settings, target: Target, bucket: str, progress: Progress = lambda line: None
) -> PublishResult:
    """Build the frontend if needed and publish it to `bucket`.

    Raises:
        DeployError: from the build, or when S3 refuses.
    """
    dist = build(settings, progress)
    return publish_directory(dist.path, target.aws.client("s3"), bucket)


def publish_directory(dist: Path, s3: Any, bucket: str) -> PublishResult:
    """Publish a distribution directory with a boto3 S3 client.

    Raises:
        DeployError: when S3 refuses; a repetition goes on where this stopped.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    started = time.monotonic()
    entries = manifest.read(dist)
    try:
        changes = plan(entries, _listing(s3, bucket), current_rules=_rules_of(s3, bucket))
        for _, wave in itertools.groupby(changes.upload, key=_wave):
            _in_parallel(lambda entry: _upload(s3, bucket, entry), wave)
        _delete(s3, bucket, changes.delete)
    except (BotoCoreError, ClientError) as error:
        raise DeployError(
            f"The frontend could not be published to s3://{bucket}",
            str(error),
            "The site that was there still works. Run the same command again once the cause is removed.",
        ) from error
    return PublishResult(
        uploaded=len(changes.upload),
        unchanged=len(changes.unchanged),
        deleted=len(changes.delete),
        bytes=sum(entry.size for entry in changes.upload),
        seconds=round(time.monotonic() - started, 3),
    )


def plan(
    entries: Sequence[Entry], stored: Mapping[str, tuple[str, int]], *, current_rules: str | None
) -> Changes:
    """Compare the files with a listing of the bucket (key → ETag without quotes, size).

    `current_rules` is the version of the header rules that the bucket was published with. A listing
    does not show headers, so when the rules have changed everything goes up again.
    """
    same_rules = current_rules == manifest.rules_version()
    unchanged = tuple(
        entry for entry in entries if same_rules and stored.get(entry.key) == (entry.md5, entry.size)
    )
    upload = sorted(set(entries) - set(unchanged), key=lambda entry: (_wave(entry), entry.key))
    keys = {entry.key for entry in entries}
    delete = sorted(key for key in stored if key not in keys and not manifest.is_hashed(key))
    return Changes(tuple(upload), unchanged, tuple(delete))


def _wave(entry: Entry) -> int:
    if entry.key == "index.html":
        return 3
    if entry.key == "sw.js":  # a new service worker at once fetches the files that it precaches
        return 2
    return 0 if entry.hashed else 1


def _listing(s3: Any, bucket: str) -> dict[str, tuple[str, int]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {
        item["Key"]: (item["ETag"].strip('"'), item["Size"])
        for page in pages
        for item in page.get("Contents", [])
    }


def _rules_of(s3: Any, bucket: str) -> str | None:
    from botocore.exceptions import ClientError

    try:
        metadata = s3.head_object(Bucket=bucket, Key="index.html")["Metadata"]
    except ClientError as error:
        # Without s3:ListBucket a missing key is 403.
        if error_code(error) in ("404", "NoSuchKey", "403"):
            return None
        raise
    rules = metadata.get(_RULES)
    return str(rules) if rules else None


def _upload(s3: Any, bucket: str, entry: Entry) -> None:
    s3.put_object(
        Bucket=bucket,
        Key=entry.key,
        Body=entry.path.read_bytes(),
        ContentType=entry.content_type,
        CacheControl=entry.cache_control,
        Metadata={_RULES: manifest.rules_version()} if entry.key == "index.html" else {},
    )


def _delete(s3: Any, bucket: str, keys: Sequence[str]) -> None:
    for start in range(0, len(keys), 1000):  # the most that DeleteObjects takes
        objects = [{"Key": key} for key in keys[start : start + 1000]]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        if errors := answer.get("Errors"):
            raise DeployError(
                f"{len(errors)} old files of the frontend could not be deleted from s3://{bucket}",
                f"{errors[0].get('Key')}: {errors[0].get('Message')}",
                "The new site works. Run the same command again once the cause is removed.",
            )


def _in_parallel(action: Callable[[Entry], None], entries: Iterable[Entry]) -> None:
    """Do all of them before returning; the first failure or Ctrl-C stops those not yet begun."""
    pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="publish")
    try:
        for result in [pool.submit(action, entry) for entry in entries]:
            result.result()
    finally:
        pool.shutdown(cancel_futures=True)
