"""The S3 calls of a publication, and nothing that decides.

Every write is one request but for large files, which boto3 sends in parts side by side.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scripts.aws import error_code
from scripts.errors import DeployError
from scripts.frontend import manifest
from scripts.frontend.manifest import File

if TYPE_CHECKING:
    from scripts.frontend.sender import Sender

# As many as the client has connections (aws.py). S3 answers after tens of milliseconds, mostly of waiting.
_PARALLEL = 32
# From here boto3's own transfer splits a file: boto3.s3.transfer.TransferConfig.multipart_threshold.
MULTIPART_BYTES = 8 * 1024 * 1024

# Answers to a condition that does not hold. NoSuchKey: it was deleted. ConditionalRequestConflict: somebody
# writes at this moment.
_OVERTAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")

_HTTP_NAMES = {
    "ContentType": "Content-Type",
    "CacheControl": "Cache-Control",
    "ContentMD5": "Content-MD5",
    "IfNoneMatch": "If-None-Match",
}

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Stored:
    """An object as a listing shows it; the ETag without quotes."""

    etag: str
    size: int


@dataclass(frozen=True)
class Document:
    """A JSON object of the bucket: its value, its ETag, and its age in seconds by S3's own clock."""

    value: Any
    etag: str
    age: float


class ChangedError(Exception):
    """A conditional write found another version than it expected."""


class Bucket:
    """One bucket behind a boto3 S3 client. Errors of botocore pass through."""

    def __init__(self, s3: Any, name: str) -> None:
        self._s3 = s3
        self.name = name
        self._lock = threading.Lock()
        self._made: Sender | None = None

    def listing(self) -> dict[str, Stored]:
        """All objects by key."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {
            item["Key"]: Stored(item["ETag"].strip('"'), item["Size"])
            for page in pages
            for item in page.get("Contents", [])
        }

    def document(self, key: str) -> Document | None:
        """A JSON object, or None.

        Raises:
            DeployError: when it is not JSON.
        """
        try:
            answer = self._s3.get_object(Bucket=self.name, Key=key)
        except Exception as error:
            if error_code(error) == "NoSuchKey":
                return None
            raise
        body, etag = answer["Body"].read(), answer["ETag"].strip('"')
        try:
            value = json.loads(body)
        except ValueError as error:
            raise unreadable(self.name, key) from error
        now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        return Document(value, etag, (now - answer["LastModified"]).total_seconds())

    def put_document(self, key: str, value: Any, *, replaces: str | None = None) -> str:
        """Write a JSON object if it is still the version `replaces` (an ETag; empty: not there).

        Without `replaces` it is written in any case. Returns the new ETag.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

        Raises:
            ChangedError: when somebody else was first.
        """
        condition = {}
        if replaces is not None:
            condition = {"IfMatch": f'"{replaces}"'} if replaces else {"IfNoneMatch": "*"}
        body = json.dumps(value, separators=(",", ":")).encode()
        try:
            answer = self._s3.put_object(
                Bucket=self.name, Key=key, Body=body, ContentType="application/json", **condition
            )
        except Exception as error:
            if error_code(error) in _OVERTAKEN:
                return self._own_write(key, json.loads(body))
            raise
        return str(answer["ETag"]).strip('"')

    def upload(self, path: Path, file: File, key: str, *, new: bool = False) -> str:
        """Send a file to `key`, with the headers of the key that it is served as. Returns its ETag.

        S3 refuses it when it is not, or no longer, what the manifest says.

        Raises:
            ChangedError: when it shall be `new` (for files below `MULTIPART_BYTES`), and something is there.
        """
        headers = headers_of(file.key)
        if file.size >= MULTIPART_BYTES:
            with path.open("rb") as stream:
                self._s3.upload_fileobj(stream, self.name, key, ExtraArgs=headers)
            return str(self._s3.head_object(Bucket=self.name, Key=key)["ETag"]).strip('"')
        body = path.read_bytes()
        headers["ContentMD5"] = b64encode(bytes.fromhex(file.md5)).decode()
        if new:
            headers["IfNoneMatch"] = "*"
        plain = {_HTTP_NAMES[name]: value for name, value in headers.items()}
        if etag := self._sender().put(key, body, plain):
            return etag
        try:
            answer = self._s3.put_object(Bucket=self.name, Key=key, Body=body, **headers)
        except Exception as error:
            if error_code(error) in _OVERTAKEN:
                raise ChangedError(key) from error
            raise
        return str(answer["ETag"]).strip('"')

    def copy(
        self, source: str, key: str, metadata: Mapping[str, str] | None = None, *, etag: str = ""
    ) -> None:
        """Copy an object within the bucket and give it the headers of its new key.

        Raises:
            ChangedError: when an `etag` is given, and the source has another one or is gone.
        """
        condition = {"CopySourceIfMatch": f'"{etag}"'} if etag else {}
        try:
            self._s3.copy_object(
                Bucket=self.name,
                Key=key,
                CopySource={"Bucket": self.name, "Key": source},
                MetadataDirective="REPLACE",
                Metadata=dict(metadata or {}),
                **headers_of(key),
                **condition,
            )
        except Exception as error:
            if etag and error_code(error) in _OVERTAKEN:
                raise ChangedError(source) from error
            raise

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that are gone already do not matter.

        Raises:
            DeployError: when S3 refuses some of them.
        """
        for start in range(0, len(keys), 1000):  # the most that DeleteObjects takes
            objects = [{"Key": key} for key in keys[start : start + 1000]]
            answer = self._s3.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True})
            if errors := answer.get("Errors"):
                raise DeployError(
                    f"{len(errors)} old files of the frontend could not be deleted from s3://{self.name}",
                    f"{errors[0].get('Key')}: {errors[0].get('Message')}",
                    "The new site works. Run the same command again once the cause is removed.",
                )

    def _sender(self) -> Sender:
        from scripts.frontend.sender import Sender  # loads botocore, which only uploads need

        with self._lock:  # many uploads begin at once
            self._made = self._made or Sender(self._s3, self.name)
            return self._made

    def _own_write(self, key: str, value: Any) -> str:
        """A write whose answer was lost is sent again by botocore, and then meets itself."""
        there = self.document(key)
        if there is None or there.value != value:
            raise ChangedError(key)
        return there.etag


def headers_of(key: str) -> dict[str, str]:
    """The headers that a key is served with, as boto3 names them."""
    return {"ContentType": manifest.content_type(key), "CacheControl": manifest.cache_control(key)}


def unreadable(bucket: str, key: str) -> DeployError:
    """The error for a record of ours that somebody has damaged."""
    return DeployError(
        f"s3://{bucket}/{key} cannot be read",
        "It is not what `inv frontend.publish` writes there.",
        "Delete that object and publish again. The site stays; releases that only it knew are forgotten.",
    )


def in_parallel(action: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Do all of them before returning; the first failure or Ctrl-C stops those not yet begun."""
    pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="publish")
    try:
        return [result.result() for result in [pool.submit(action, item) for item in items]]
    finally:
        pool.shutdown(cancel_futures=True)
