"""The steps that commands share: the state bucket, its lock, and what this machine remembers."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.session import Session
from scripts.settings import Settings
from scripts.state import StateBucket
from scripts.target import Target


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Operation")


class S3:
    """An S3 in memory, as far as the state bucket needs it."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, bytes] = {}
        self.owner = "515966504419"

    def client(self, service: str, region: str | None = None) -> S3:
        return self

    def head_bucket(self, *, Bucket: str, ExpectedBucketOwner: str) -> None:
        if Bucket not in self.buckets:
            raise refused("404")
        if self.owner != ExpectedBucketOwner:
            raise refused("403")

    def create_bucket(self, *, Bucket: str, **options: Any) -> None:
        self.buckets[Bucket] = dict(options)

    def put_public_access_block(self, *, Bucket: str, PublicAccessBlockConfiguration: Any) -> None:
        self.buckets[Bucket]["blocked"] = all(PublicAccessBlockConfiguration.values())

    def put_bucket_encryption(self, *, Bucket: str, ServerSideEncryptionConfiguration: Any) -> None:
        self.buckets[Bucket]["encrypted"] = True

    def put_bucket_versioning(self, *, Bucket: str, VersioningConfiguration: Any) -> None:
        self.buckets[Bucket]["versioned"] = VersioningConfiguration["Status"] == "Enabled"

    def head_object(self, *, Bucket: str, Key: str) -> None:
        if Key not in self.objects:
            raise refused("404")

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise refused("NoSuchKey")
        return {"Body": io.BytesIO(self.objects[Key])}


@pytest.fixture
def s3() -> S3:
    return S3()


@pytest.fixture
def settings(default_settings: Settings, tmp_path: Path) -> Settings:
    return replace(default_settings, local=replace(default_settings.local, directory=str(tmp_path)))


def session(settings: Settings, s3: S3) -> tuple[Session, io.StringIO]:
    out = io.StringIO()
    it = Session(settings, Console(stdout=out, stderr=out))
    it.target = Target(settings.target, {}, s3)  # type: ignore[arg-type]
    return it, out


def test_a_missing_state_bucket_is_made_private_encrypted_and_versioned(settings: Settings, s3: S3) -> None:
    assert StateBucket(s3, settings).ensure()  # type: ignore[arg-type]
    made = s3.buckets[settings.state.bucket]
    assert made["blocked"] and made["encrypted"] and made["versioned"]
    assert made["CreateBucketConfiguration"] == {"LocationConstraint": "eu-west-1"}


def test_an_interrupted_creation_is_completed(settings: Settings, s3: S3) -> None:
    s3.create_bucket(Bucket=settings.state.bucket)
    assert not StateBucket(s3, settings).ensure()  # type: ignore[arg-type]
    assert s3.buckets[settings.state.bucket]["versioned"]


def test_a_bucket_that_holds_a_state_is_left_as_it_is(settings: Settings, s3: S3) -> None:
    s3.create_bucket(Bucket=settings.state.bucket)
    s3.objects[settings.state.key] = b"{}"
    StateBucket(s3, settings).ensure()  # type: ignore[arg-type]
    assert "versioned" not in s3.buckets[settings.state.bucket]


def test_a_bucket_of_somebody_else_is_never_used(settings: Settings, s3: S3) -> None:
    s3.create_bucket(Bucket=settings.state.bucket)
    s3.owner = "000000000000"
    with pytest.raises(DeployError, match="not ours") as failure:
        StateBucket(s3, settings).ensure()  # type: ignore[arg-type]
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_the_lock_says_who_holds_it(settings: Settings, s3: S3) -> None:
    state = StateBucket(s3, settings)  # type: ignore[arg-type]
    assert state.lock() is None
    record = {"ID": "1", "Who": "ann@box", "Created": "now", "Operation": "OperationTypeApply"}
    s3.objects[f"{settings.state.key}.tflock"] = json.dumps(record).encode()
    lock = state.lock()
    assert lock is not None
    assert (lock.who, lock.operation) == ("ann@box", "OperationTypeApply")


def test_a_lost_embedded_aws_is_noticed_said_and_forgotten(settings: Settings, s3: S3) -> None:
    it, out = session(settings, s3)
    it.record.complete("fingerprint", {})
    it.prepare_state()
    assert not it.deployed
    assert "was lost" in out.getvalue()
    assert "Starting clean" in out.getvalue()
    assert it.record.read() is None


def test_a_first_deploy_has_lost_nothing(settings: Settings, s3: S3) -> None:
    it, out = session(settings, s3)
    it.prepare_state()
    assert out.getvalue() == ""


def test_looking_for_a_state_makes_no_bucket(settings: Settings, s3: S3) -> None:
    it, _ = session(settings, s3)
    it.find_state()
    assert s3.buckets == {}
    assert not it.deployed


def test_an_unchanged_project_is_recognised_and_a_changed_one_is_not(settings: Settings, s3: S3) -> None:
    s3.create_bucket(Bucket=settings.state.bucket)
    s3.objects[settings.state.key] = b"{}"
    it, _ = session(settings, s3)
    it.record.complete(it.fingerprint(), {"url": "https://x"})
    it.prepare_state()
    assert it.unchanged is not None
    assert it.unchanged.outputs == {"url": "https://x"}
    other = replace(settings, librechat=replace(settings.librechat, version="v9"))
    changed, _ = session(other, s3)
    changed.prepare_state()
    assert changed.unchanged is None


def test_an_unfinished_deploy_is_never_taken_for_unchanged(settings: Settings, s3: S3) -> None:
    s3.create_bucket(Bucket=settings.state.bucket)
    s3.objects[settings.state.key] = b"{}"
    it, _ = session(settings, s3)
    it.record.begin()
    it.prepare_state()
    assert it.deployed
    assert it.unchanged is None


def test_a_damaged_record_is_no_record(settings: Settings, s3: S3) -> None:
    it, _ = session(settings, s3)
    (settings.local_directory / "deployed.json").write_text("{")
    assert it.record.read() is None
