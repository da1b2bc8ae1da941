"""Where release records are kept: one JSON object a release, beside Terraform's state.

An object is created and never written again, so two runs at once cannot spoil each other's record; the
newest are found by listing names. Not for the content (`scripts.releases.record`).
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from scripts import daemons
from scripts.aws import Aws, error_code
from scripts.errors import DeployError
from scripts.releases.record import Release, is_id
from scripts.settings import Settings
from scripts.state import LocalState, StateBucket

LOOK_BACK = 100
"""More releases are never kept (`releases.keep`), so older ones cannot come back."""

_PARALLEL = 8


class Storage(Protocol):
    """Named texts that are created once."""

    @property
    def place(self) -> str:
        """Where it is, for a person."""

    def names(self) -> list[str]:
        """All names, in any order; none when nothing was ever written."""

    def read(self, name: str) -> bytes:
        """The content under a name that `names` gave."""

    def create(self, name: str, content: bytes) -> None:
        """Write it whole or not at all.

        Raises:
            FileExistsError: when there is another content under this name.
        """


class Store:
    """The releases of one environment, newest first."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def place(self) -> str:
        """Where the records are, for a person."""
        return self._storage.place

    def ids(self) -> list[str]:
        """Ids of all releases, the newest first."""
        names = (name.removesuffix(_SUFFIX) for name in self._storage.names() if name.endswith(_SUFFIX))
        return sorted((name for name in names if is_id(name)), reverse=True)

    def newest(self, limit: int = LOOK_BACK) -> tuple[Release, ...]:
        """The newest releases; without a limit all that can be of use."""
        return tuple(daemons.each(self.get, islice(self.ids(), limit), parallel=_PARALLEL))

    def get(self, id: str) -> Release:
        """One release; with `Ending.UNKNOWN` when its record is damaged."""
        return Release.from_json(self.stored(id), id=id)

    def stored(self, id: str) -> Mapping[str, Any]:
        """The record as it is stored; empty when it is damaged."""
        try:
            data = json.loads(self._storage.read(f"{id}{_SUFFIX}"))
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}

    def find(self, prefix: str) -> str:
        """The one id that begins with `prefix`.

        Raises:
            DeployError: when there is none, or more than one.
        """
        ids = self.ids()
        found = [prefix] if prefix in ids else [id for id in ids if prefix and id.startswith(prefix)]
        if len(found) == 1:
            return found[0]
        raise DeployError(
            f"{'More than one release begins' if found else 'No release begins'} with {prefix!r}",
            "\n".join(found[:_NAMED]) or f"The records are in {self.place}.",
            "Give more of the id." if found else "inv releases lists them.",
        )

    def add(self, release: Release) -> None:
        """Keep a new record.

        Raises:
            DeployError: when it cannot be written.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        content = json.dumps(release.to_json(), indent=2).encode() + b"\n"
        try:
            self._storage.create(f"{release.id}{_SUFFIX}", content)
        except (BotoCoreError, ClientError, OSError) as error:
            raise DeployError(
                f"The record of release {release.id} could not be written to {self.place}",
                str(error),
                "What is deployed stays as it is. Remove the cause and run the same command again: it "
                "records what it finds.",
            ) from error


_SUFFIX = ".json"
_NAMED = 5


def open_store(settings: Settings, aws: Aws) -> Store:
    """The store beside the state that the settings name."""
    if settings.state.backend == "local":
        return Store(DirectoryStorage(LocalState(settings).releases))
    state = StateBucket(aws, settings)
    return Store(BucketStorage(aws, state.bucket, state.releases))


class BucketStorage:
    """Objects below a prefix."""

    def __init__(self, aws: Aws, bucket: str, prefix: str) -> None:
        self._s3 = aws.client("s3")
        self._bucket = bucket
        self._prefix = prefix
        self.place = f"s3://{bucket}/{prefix}"

    def names(self) -> list[str]:
        """One request for a thousand."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        try:
            return [o["Key"].removeprefix(self._prefix) for page in pages for o in page.get("Contents", ())]
        except Exception as error:
            if error_code(error) in ("404", "NoSuchBucket"):
                return []
            raise

    def read(self, name: str) -> bytes:
        """The object's content."""
        body: bytes = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read()
        return body

    def create(self, name: str, content: bytes) -> None:
        """A conditional write.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._prefix + name,
                Body=content,
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except Exception as error:
            if error_code(error) not in ("PreconditionFailed", "412"):
                raise
            # The SDK repeats a request whose answer was lost: then it is our own that is there.
            if self.read(name) != content:
                raise FileExistsError(f"{self.place}{name} exists") from error


class DirectoryStorage:
    """Files in a directory of this machine."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.place = str(directory)

    def names(self) -> list[str]:
        """The files' names."""
        with contextlib.suppress(FileNotFoundError):
            return [path.name for path in self._directory.iterdir()]
        return []

    def read(self, name: str) -> bytes:
        """The file's content."""
        return (self._directory / name).read_bytes()

    def create(self, name: str, content: bytes) -> None:
        """A hard link appears with its whole content, and never over another file."""
        self._directory.mkdir(parents=True, exist_ok=True)
        descriptor, unfinished = tempfile.mkstemp(dir=self._directory)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
            os.link(unfinished, self._directory / name)
        finally:
            Path(unfinished).unlink()
