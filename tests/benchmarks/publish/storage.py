"""The embedded S3 that all tools speak to: in memory where possible, and emptied after each turn."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.benchmarks.cpu import cpu_seconds
from tests.integration.conftest import REGION, Emulator

_MEMORY = Path("/dev/shm")
_NEEDED_BYTES = 2_000_000_000


class Storage:
    """A running emulator with buckets that come and go."""

    def __init__(self, emulator: Emulator) -> None:
        assert emulator.process is not None
        self.port = emulator.port
        self._emulator = emulator
        self.endpoint = emulator.endpoint
        self._s3 = emulator.aws.client("s3")
        self._process = psutil.Process(emulator.process.pid)
        self._numbers = itertools.count(1)

    @property
    def cpu(self) -> float:
        """CPU seconds that it has used so far."""
        return cpu_seconds(self._process)

    @contextmanager
    def bucket(self) -> Iterator[str]:
        """A new bucket, empty, and gone afterwards."""
        name = f"bench-{next(self._numbers)}"
        self._s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield name
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
            if keys:
                self._s3.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
        self._s3.delete_bucket(Bucket=name)

    def environment(self, endpoint: str) -> Mapping[str, str]:
        """This process's environment with the embedded AWS as its account."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ACCESS_KEY_ID": self._emulator.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self._emulator.credentials.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def storage() -> Iterator[Storage]:
    """Run one. On a disk, creating its two files for each object would take as long as all else."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _NEEDED_BYTES
    with tempfile.TemporaryDirectory(prefix="librechat-bench-", dir=_MEMORY if roomy else None) as state:
        emulator = Emulator(Path(state))
        emulator.start()
        try:
            yield Storage(emulator)
        finally:
            emulator.stop()
