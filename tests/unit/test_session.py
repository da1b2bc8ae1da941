"""The steps that commands share: the state, its lock, and what this machine remembers."""

from __future__ import annotations

import io
import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts import image
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.session import Session
from scripts.settings import Settings
from scripts.state import LocalState, holder
from scripts.target import Target
from scripts.terraform.workspace import Workspace


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

    def __getattr__(self, operation: str) -> Any:
        """The settings of a new bucket; test_state_bucket.py looks at them."""
        if operation.startswith(("put_bucket_", "put_public_", "get_bucket_")):
            return lambda **_: {}
        raise AttributeError(operation)

    def head_object(self, *, Bucket: str, Key: str) -> None:
        if Key not in self.objects:
            raise refused("404")

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise refused("NoSuchKey")
        return {"Body": io.BytesIO(self.objects[Key]), "ETag": str(hash(self.objects[Key]))}

    def delete_object(self, *, Bucket: str, Key: str, IfMatch: str) -> None:
        if IfMatch != str(hash(self.objects.get(Key))):
            raise refused("PreconditionFailed")
        del self.objects[Key]


@pytest.fixture
def s3() -> S3:
    return S3()


@pytest.fixture
def settings(default_settings: Settings, tmp_path: Path) -> Settings:
    return replace(
        default_settings,
        local=replace(default_settings.local, directory=str(tmp_path / "local")),
        state=replace(default_settings.state, directory=str(tmp_path / "state")),
    )


def session(settings: Settings, s3: S3) -> tuple[Session, io.StringIO]:
    out = io.StringIO()
    it = Session(settings, Console(stdout=out, stderr=out))
    it.target = Target(settings.target, {}, s3)  # type: ignore[arg-type]
    return it, out


def test_a_lost_embedded_aws_is_noticed_said_and_forgotten(settings: Settings, s3: S3) -> None:
    it, out = session(settings, s3)
    it.record.complete("fingerprint", {})
    it.prepare_state()
    assert not it.deployed
    assert "was lost" in out.getvalue()
    assert "Starting clean" in out.getvalue()
    assert it.record.read() is None


def test_an_embedded_aws_that_another_run_deploys_to_is_not_lost(settings: Settings, s3: S3) -> None:
    """Terraform saves the state of a first apply only after a while."""
    lock_of_another_run(settings, s3)
    it, out = session(settings, s3)
    it.record.begin()
    it.prepare_state()
    assert out.getvalue() == ""
    assert it.record.read() is not None


def test_a_first_deploy_has_lost_nothing(settings: Settings, s3: S3) -> None:
    it, out = session(settings, s3)
    it.prepare_state()
    assert out.getvalue() == ""


def test_looking_for_a_state_makes_no_bucket(settings: Settings, s3: S3) -> None:
    it, _ = session(settings, s3)
    it.find_state()
    assert s3.buckets == {}
    assert not it.deployed


def test_a_plan_without_the_lock_makes_no_bucket_and_says_that_there_is_none(
    settings: Settings, s3: S3
) -> None:
    it, _ = session(settings, s3)
    with pytest.raises(DeployError, match="does not exist") as refusal:
        it.find_state_to_plan()
    assert refusal.value.status is ExitStatus.PREFLIGHT_FAILED
    assert s3.buckets == {}


def test_a_plan_without_the_lock_writes_nothing(settings: Settings, s3: S3) -> None:
    """Not even the settings of a bucket that holds no state yet; somebody's lock stays, and is told of."""
    s3.create_bucket(Bucket=settings.state.bucket)
    lock_of_another_run(settings, s3)
    before, written = dict(s3.objects), dict(s3.buckets)
    it, out = session(settings, s3)
    planned: list[bool] = []

    class Planner:
        def plan(self, *, lock: bool, **_: object) -> AbstractContextManager[None]:
            planned.append(lock)
            return nullcontext()

    it.terraform = Planner()  # type: ignore[assignment]
    it.find_state_to_plan()
    it.plan_without_lock()

    assert planned == [False]
    assert "The state is locked by" in out.getvalue()
    assert (s3.objects, s3.buckets) == (before, written)


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


def test_the_image_that_a_deploy_records_is_the_one_that_is_built(settings: Settings, s3: S3) -> None:
    it, _ = session(settings, s3)

    assert it.image_tag() == image.image_tag(settings)


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
    it.record.begin()
    (settings.local_directory / "deployed.json").write_text("{")
    assert it.record.read() is None


DEPLOYED = {"lineage": "one", "serial": 5, "resources": [{"mode": "managed", "instances": [{}, {}]}]}


def keeping_in_a_directory(settings: Settings) -> Settings:
    return replace(settings, state=replace(settings.state, backend="local"))


def deployed_in_a_directory(settings: Settings) -> LocalState:
    state = LocalState(settings)
    state.ensure()
    state.file.write_text(json.dumps(DEPLOYED))
    return state


def nothing_is_there(monkeypatch: pytest.MonkeyPatch, *, but: bool = False) -> None:
    monkeypatch.setattr("scripts.inventory.anything", lambda *_: but)


@pytest.mark.parametrize("step", ["prepare_state", "find_state"])
def test_a_deployment_in_the_bucket_is_not_deployed_again_with_a_directory(
    settings: Settings, s3: S3, step: str
) -> None:
    s3.create_bucket(Bucket=settings.state.bucket)
    s3.objects[settings.state.key] = json.dumps(DEPLOYED).encode()
    it, _ = session(keeping_in_a_directory(settings), s3)
    with pytest.raises(DeployError, match="in the other backend: s3://") as failure:
        getattr(it, step)()
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED
    assert "2 resources" in failure.value.why


@pytest.mark.parametrize("step", ["prepare_state", "find_state"])
def test_a_deployment_in_the_directory_is_not_deployed_again_with_a_bucket(
    settings: Settings, s3: S3, step: str
) -> None:
    deployed_in_a_directory(settings)
    it, _ = session(settings, s3)
    with pytest.raises(DeployError, match="in the other backend"):
        getattr(it, step)()


def test_after_a_migration_the_old_state_is_no_obstacle(
    settings: Settings, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_is_there(monkeypatch, but=True)
    s3.create_bucket(Bucket=settings.state.bucket)
    s3.objects[settings.state.key] = json.dumps(DEPLOYED).encode()
    settings = keeping_in_a_directory(settings)
    deployed_in_a_directory(settings)
    it, out = session(settings, s3)
    it.prepare_state()
    assert it.deployed
    assert out.getvalue() == ""


def test_a_bucket_that_is_not_ours_is_no_obstacle_to_a_directory_and_said(
    settings: Settings, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_is_there(monkeypatch)
    s3.create_bucket(Bucket=settings.state.bucket)
    s3.owner = "000000000000"
    it, out = session(keeping_in_a_directory(settings), s3)
    it.prepare_state()
    assert "is not known" in out.getvalue()


def test_a_state_in_a_directory_whose_embedded_aws_is_gone_starts_clean_and_says_so(
    settings: Settings, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_is_there(monkeypatch)
    settings = keeping_in_a_directory(settings)
    state = deployed_in_a_directory(settings)
    it, out = session(settings, s3)
    it.prepare_state()
    assert not it.deployed
    assert not state.has_state()
    assert "Starting clean" in out.getvalue()


def test_what_the_embedded_aws_holds_is_not_deployed_over_when_its_state_is_gone(
    settings: Settings, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_is_there(monkeypatch, but=True)
    it, _ = session(keeping_in_a_directory(settings), s3)
    with pytest.raises(DeployError, match="the state does not know"):
        it.prepare_state()


def lock_of_another_run(settings: Settings, s3: S3) -> None:
    s3.create_bucket(Bucket=settings.state.bucket)
    record = {"ID": "1", "Who": "ann@box", "Operation": "OperationTypeApply"}
    record["Created"] = "2026-11-23T03:21:15Z"
    s3.objects[f"{settings.state.key}.tflock"] = json.dumps(record).encode()


def test_waiting_for_a_lock_begins_with_who_holds_it_and_how_long(
    settings: Settings, s3: S3, tmp_path: Path
) -> None:
    """On the real account the lock of a dead run is never removed by itself."""
    settings = replace(settings, target="aws")
    lock_of_another_run(settings, s3)
    it, out = session(settings, s3)
    it.workspace = Workspace(tmp_path, (), "registry")
    it.heed_lock()
    said = out.getvalue()
    assert "ann on the host box, terraform apply, since 2026-11-23 03:21:15 UTC" in said
    assert "up to 30s" in said
    assert it.state.lock() is not None


def test_the_lock_of_a_killed_rehearsal_is_removed(
    settings: Settings, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder, "_terraforms", lambda name: [])
    lock_of_another_run(settings, s3)
    it, out = session(settings, s3)
    it.workspace = Workspace(tmp_path, (), "bundled")
    it.heed_lock()
    assert "Removed the state lock of a run that was killed" in out.getvalue()
    assert it.state.lock() is None
