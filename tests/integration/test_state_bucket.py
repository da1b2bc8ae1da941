"""The state bucket on the embedded S3, which enforces conditions and keeps versions as AWS does."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from scripts.state import StateBucket
from tests.integration.conftest import Emulator

pytestmark = pytest.mark.integration

_numbers = itertools.count(1)


@pytest.fixture
def settings(default_settings: Settings) -> Settings:
    """A bucket that no other test uses."""
    bucket = f"state-{next(_numbers)}"
    return replace(default_settings, state=replace(default_settings.state, bucket=bucket, key="app/dev/tf"))


@pytest.fixture
def state(emulator: Emulator, settings: Settings) -> StateBucket:
    return StateBucket(emulator.aws, settings)


def put(emulator: Emulator, state: StateBucket, key: str, content: object = None) -> None:
    body = json.dumps(content if content is not None else {}).encode()
    emulator.aws.client("s3").put_object(Bucket=state.bucket, Key=key, Body=body)


def record(id: str) -> dict[str, str]:
    return {"ID": id, "Who": "ann@box", "Operation": "OperationTypeApply", "Created": "2026-11-23T03:21:15Z"}


def test_a_missing_bucket_is_made_private_encrypted_versioned_and_for_tls_only(
    emulator: Emulator, state: StateBucket
) -> None:
    assert not state.exists()
    assert state.ensure()
    s3 = emulator.aws.client("s3")
    blocked = s3.get_public_access_block(Bucket=state.bucket)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    rules = s3.get_bucket_ownership_controls(Bucket=state.bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_versioning(Bucket=state.bucket)["Status"] == "Enabled"
    encryption = s3.get_bucket_encryption(Bucket=state.bucket)["ServerSideEncryptionConfiguration"]
    assert encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=state.bucket)["Policy"])["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [f"arn:aws:s3:::{state.bucket}", f"arn:aws:s3:::{state.bucket}/*"]
    put(emulator, state, state.key)  # the policy refuses nobody who comes over TLS
    assert state.has_state()


def test_an_interrupted_creation_is_completed(emulator: Emulator, state: StateBucket) -> None:
    s3 = emulator.aws.client("s3")
    location = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket=state.bucket, CreateBucketConfiguration=location)
    assert not state.ensure()
    assert s3.get_bucket_versioning(Bucket=state.bucket)["Status"] == "Enabled"
    assert s3.get_bucket_policy(Bucket=state.bucket)["Policy"]


def test_a_policy_that_somebody_wrote_stays(emulator: Emulator, state: StateBucket) -> None:
    s3 = emulator.aws.client("s3")
    state.ensure()
    theirs = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:DeleteBucket",
                "Resource": f"arn:aws:s3:::{state.bucket}",
            }
        ],
    }
    s3.put_bucket_policy(Bucket=state.bucket, Policy=json.dumps(theirs))
    state.ensure()
    assert json.loads(s3.get_bucket_policy(Bucket=state.bucket)["Policy"]) == theirs


def test_a_bucket_that_holds_a_state_is_left_as_it_is(emulator: Emulator, state: StateBucket) -> None:
    s3 = emulator.aws.client("s3")
    s3.create_bucket(Bucket=state.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    put(emulator, state, state.key)
    state.ensure()
    assert "Status" not in s3.get_bucket_versioning(Bucket=state.bucket)


def test_a_bucket_of_somebody_else_is_never_used(
    emulator: Emulator, settings: Settings, state: StateBucket
) -> None:
    emulator.as_account("111111111111").client("s3").create_bucket(
        Bucket=state.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    with pytest.raises(DeployError, match="not ours") as failure:
        state.ensure()
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_the_lock_says_who_holds_it(emulator: Emulator, state: StateBucket) -> None:
    assert state.lock() is None  # not even a bucket
    state.ensure()
    assert state.lock() is None
    put(emulator, state, f"{state.key}.tflock", record("1"))
    lock = state.lock()
    assert lock is not None
    assert (lock.id, lock.user, lock.host) == ("1", "ann", "box")


def test_exactly_the_lock_that_was_seen_is_removed(emulator: Emulator, state: StateBucket) -> None:
    state.ensure()
    put(emulator, state, f"{state.key}.tflock", record("1"))
    seen = state.lock()
    assert seen is not None
    put(emulator, state, f"{state.key}.tflock", record("2"))
    assert not state.release(seen), "somebody else has taken it meanwhile"
    now = state.lock()
    assert now is not None
    assert now.id == "2"
    assert state.release(now)
    assert state.lock() is None
    assert not state.release(now)


def test_the_head_counts_managed_resources(emulator: Emulator, state: StateBucket) -> None:
    assert state.head() is None
    state.ensure()
    managed = {"mode": "managed", "instances": [{}, {}]}
    content = {"lineage": "l", "serial": 3, "resources": [managed, {"mode": "data", "instances": [{}]}]}
    put(emulator, state, state.key, content)
    head = state.head()
    assert head is not None
    assert (head.lineage, head.serial, head.resources) == ("l", 3, 2)


def test_a_purge_deletes_every_version_and_the_bucket(emulator: Emulator, state: StateBucket) -> None:
    s3 = emulator.aws.client("s3")
    state.ensure()
    for serial in range(3):
        put(emulator, state, state.key, {"serial": serial})
    put(emulator, state, f"{state.releases}r1.json")
    put(emulator, state, f"{state.key}.tflock", record("1"))
    s3.delete_object(Bucket=state.bucket, Key=f"{state.key}.tflock")
    history = state.history()
    assert (history.versions, history.releases) == (3, 1)
    assert history.since
    assert state.purge()
    assert not state.exists()


def test_a_purge_leaves_what_others_keep_in_the_bucket(emulator: Emulator, state: StateBucket) -> None:
    state.ensure()
    put(emulator, state, state.key)
    put(emulator, state, "app/prod/tf")
    assert not state.purge()
    assert state.exists()
    assert not state.has_state()
    found = emulator.aws.client("s3").list_object_versions(Bucket=state.bucket)
    assert [version["Key"] for version in found["Versions"]] == ["app/prod/tf"]
    assert "DeleteMarkers" not in found


def test_a_purge_leaves_the_releases_of_another_environment_in_the_same_folder(
    emulator: Emulator, settings: Settings
) -> None:
    dev, prod = (
        StateBucket(
            emulator.aws,
            replace(settings, environment=name, state=replace(settings.state, key=f"app/{name}.tfstate")),
        )
        for name in ("dev", "prod")
    )
    dev.ensure()
    put(emulator, prod, f"{prod.releases}r1.json")
    put(emulator, dev, f"{dev.releases}r1.json")
    assert not dev.purge()
    assert (dev.history().releases, prod.history().releases) == (0, 1)
