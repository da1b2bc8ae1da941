"""Where the records of releases are kept, and what the account says about them, in the embedded AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.errors import DeployError
from scripts.image.layer import sha256_digest
from scripts.releases import Ending, Present, live, look
from scripts.releases.store import BucketStorage, DirectoryStorage, Storage, Store
from tests.integration.conftest import Emulator
from tests.integration.pipeline.rehearsal import NoAws
from tests.unit.releases.making import PLACE, id_of, release, rolled_back

pytestmark = pytest.mark.integration


@pytest.fixture(params=["bucket", "directory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "directory":
        yield DirectoryStorage(tmp_path / "releases")
        return
    emulator: Emulator = request.getfixturevalue("emulator")
    s3 = emulator.aws.client("s3")
    s3.create_bucket(Bucket="records", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield BucketStorage(emulator.aws, "records", "dev/releases/")
    for found in s3.list_objects_v2(Bucket="records").get("Contents", ()):
        s3.delete_object(Bucket="records", Key=found["Key"])
    s3.delete_bucket(Bucket="records")


def test_what_is_added_is_listed_the_newest_first(storage: Storage) -> None:
    store = Store(storage)
    for number in (2, 1, 3):
        store.add(release(number))
    assert [r.id for r in store.newest(2)] == [id_of(3), id_of(2)]
    assert store.newest() == (release(3), release(2), release(1))


def test_a_record_is_never_written_over(storage: Storage) -> None:
    store = Store(storage)
    store.add(release(1))
    with pytest.raises(DeployError, match="could not be written"):
        store.add(release(1, client="other"))
    assert store.get(id_of(1)) == release(1)


def test_other_objects_are_not_taken_for_records(storage: Storage) -> None:
    storage.create("README.json", b"{}")
    storage.create("notes", b"")
    assert Store(storage).ids() == []


def test_a_damaged_record_does_not_hide_the_others(storage: Storage) -> None:
    store = Store(storage)
    store.add(release(1))
    storage.create(f"{id_of(2)}.json", b"{")
    storage.create(f"{id_of(3)}.json", b"[]")
    assert [r.ending for r in store.newest()] == [Ending.UNKNOWN, Ending.UNKNOWN, Ending.SUCCEEDED]


def test_a_release_is_found_by_the_beginning_of_its_id(storage: Storage) -> None:
    store = Store(storage)
    for number in (1, 20, 21):
        store.add(release(number))
    assert store.find(id_of(1)[:15]) == id_of(1)
    assert store.find(id_of(20)) == id_of(20)
    with pytest.raises(DeployError, match="More than one") as refusal:
        store.find(id_of(20)[:14])
    assert id_of(21) in refusal.value.why
    for unknown in ("2027", ""):
        with pytest.raises(DeployError, match="No release begins"):
            store.find(unknown)


def test_where_nothing_was_ever_written_there_is_nothing(emulator: Emulator, tmp_path: Path) -> None:
    assert Store(BucketStorage(emulator.aws, "no-such-bucket", "releases/")).newest() == ()
    assert Store(DirectoryStorage(tmp_path / "no-such-directory")).newest() == ()


def test_a_request_that_the_sdk_repeats_is_no_clash(emulator: Emulator, storage: Storage) -> None:
    """Its first answer was lost: what is there is our own."""
    storage.create("a.json", b"content")
    if isinstance(storage, BucketStorage):
        storage.create("a.json", b"content")


# --- What the account says ------------------------------------------------------------------------


def test_what_does_not_exist_is_not_there_and_no_error(emulator: Emulator) -> None:
    present = look(emulator.aws, (release(1),))
    assert present == Present("", "", {}, ())
    assert not present.deployed
    assert live((release(1),), present) is None


def test_without_a_record_nothing_is_looked_for() -> None:
    assert look(NoAws(region="eu-west-1"), ()) == Present()


def test_images_and_the_live_client_are_seen(emulator: Emulator) -> None:
    ecr, s3 = emulator.aws.client("ecr"), emulator.aws.client("s3")
    name = PLACE.repository.partition("/")[2]
    ecr.create_repository(repositoryName=name)
    s3.create_bucket(Bucket=PLACE.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    try:
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": {"digest": "sha256:" + "0" * 64, "size": 2},
                "layers": [],
            }
        )
        ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag="image1")
        s3.put_object(Bucket=PLACE.bucket, Key="index.html", Metadata={"release": "client1"})
        present = look(emulator.aws, (release(1), rolled_back(2, release(1))))
    finally:
        ecr.delete_repository(repositoryName=name, force=True)
        s3.delete_object(Bucket=PLACE.bucket, Key="index.html")
        s3.delete_bucket(Bucket=PLACE.bucket)
    assert present.images == {"image1": sha256_digest(manifest.encode())}
    assert present.client == "client1"
    assert "files of its client" in present.missing(release(1))[0]
