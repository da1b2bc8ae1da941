"""Which deploys are recorded, what a record says, and how records are shown."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts import pipeline
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.releases import Ending, Kind, facts
from scripts.releases.record import Revision
from scripts.releases.store import DirectoryStorage
from tests.integration.pipeline.account import Account, Deployment

pytestmark = pytest.mark.integration


def test_a_deploy_that_changes_something_is_recorded(account: Account) -> None:
    account.deploy("one")
    record = account.newest()
    assert (record.kind, record.ending) == (Kind.DEPLOY, Ending.SUCCEEDED)
    assert record.content == ("one", "client-of-one")
    assert record.image.digest == "sha256:one"
    assert record.plan["add"] == 4
    assert record.smoke.passed == 1
    assert {"terraform plan", "terraform apply", "smoke"} <= {step.name for step in record.steps}
    assert record.config_version == "v1"
    assert "@" in record.by.user
    assert record.versions.terraform.startswith("1.")
    assert record.started <= record.ended


def test_a_deploy_that_changes_nothing_after_a_proven_one_is_not_recorded(account: Account) -> None:
    account.deploy("one")
    account.deploy("one")
    assert len(account.store.ids()) == 1


def test_a_deploy_that_changes_nothing_and_proves_what_had_failed_is_recorded(account: Account) -> None:
    with pytest.raises(DeployError):
        account.deploy("one", False)
    account.deploy("one")
    assert [r.ending for r in account.store.newest()] == [Ending.SUCCEEDED, Ending.SMOKE_FAILED]


def test_a_deploy_that_changes_nothing_and_fails_is_recorded(account: Account) -> None:
    account.deploy("one")
    with pytest.raises(DeployError):
        account.deploy("one", False, False)
    assert account.newest().ending is Ending.SMOKE_FAILED


def test_the_evidence_of_a_failure_is_kept_without_secrets_and_the_way_back_is_named(
    account: Account,
) -> None:
    account.deploy("one")
    with pytest.raises(DeployError) as failure:
        account.deploy("two", False)
    record = account.newest()
    assert record.smoke.failures[0].reason == "It crashed."
    assert record.smoke.failures[0].evidence == "Set-Cookie: session=[removed]; Secure"
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert "inv rollback" in failure.value.next_step
    assert f"inv releases --show {record.id}" in failure.value.next_step
    assert account.live == ("two", "client-of-two"), "nothing is rolled back unasked"


def test_an_apply_that_fails_leaves_a_record_with_its_error(account: Account) -> None:
    account.deploy("one")
    main = account.root / "main.tf"
    broken = 'resource "terraform_data" "broken" {\n  provisioner "local-exec" { command = "exit 9" }\n}\n'
    main.write_text(main.read_text() + broken)
    with pytest.raises(DeployError, match="apply failed"):
        account.deploy("two", rollback_on_failure=True)
    record = account.newest()
    assert record.ending is Ending.APPLY_FAILED
    assert "exit status 9" in record.error
    assert record.content[1] == "client-of-two"
    assert len(account.store.ids()) == 2, "no rollback: the same deploy goes on"


def test_an_interruption_while_proving_leaves_an_unproven_release(account: Account) -> None:
    class Interrupted(Deployment):
        def smoke(self, outputs: Any, console: Console | None = None) -> Any:
            raise KeyboardInterrupt

    (account.root / "sources").write_text("one")
    with pytest.raises(KeyboardInterrupt):
        pipeline.deploy(Interrupted(account.settings, Console(stdout=account.out), account.root))
    assert (account.newest().ending, account.newest().error) == (Ending.UNPROVEN, "Interrupted")


def test_a_deploy_that_is_not_confirmed_leaves_no_record(account: Account) -> None:
    (account.root / "sources").write_text("one")
    session = account.session()
    session.settings = replace(account.settings, target="aws")
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.deploy(session)
    assert account.store.ids() == []


def on_a_full_disk(self: Any, name: str, content: bytes) -> None:
    raise OSError("no space left on device")


def test_a_record_that_cannot_be_written_is_an_error_that_leaves_the_deployment_alone(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DirectoryStorage, "create", on_a_full_disk)
    with pytest.raises(DeployError, match="could not be written") as failure:
        account.deploy("one")
    assert failure.value.status is ExitStatus.FAILED
    assert account.live[0] == "one"
    monkeypatch.undo()


def test_a_failure_is_not_hidden_behind_a_record_that_cannot_be_written(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DirectoryStorage, "create", on_a_full_disk)
    with pytest.raises(DeployError) as failure:
        account.deploy("one", False)
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert "could not be written" in failure.value.next_step
    assert "no space left" in account.out.getvalue()


def test_the_list_marks_what_is_live_and_what_can_be_brought_back(account: Account) -> None:
    for sources in ("one", "two", "three"):
        account.deploy(sources)
    account.lost = {"one"}
    assert pipeline.releases(account.session(json_lines=True), limit=2) is ExitStatus.OK
    event = json.loads(account.out.getvalue().splitlines()[-1])
    assert [(r["image"], r["live"], r["can_roll_back"]) for r in event["releases"]] == [
        ("three", True, False),
        ("two", False, True),
    ]
    assert event["total"] == 3
    assert event["live"] == account.newest().id


def test_one_release_is_shown_as_it_is_stored(account: Account) -> None:
    account.deploy("one")
    id = account.newest().id
    pipeline.releases(account.session(json_lines=True), limit=20, show=id[:15])
    event = json.loads(account.out.getvalue().splitlines()[-1])
    assert event["record"] == account.store.stored(id)


def test_a_real_repository_is_read(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "-b", "trunk", str(tmp_path)], check=True)
    (tmp_path / "file").touch()
    assert facts.revision(tmp_path, {}) == Revision("unknown", "trunk", True)


def test_a_record_keeps_what_the_live_image_was_built_from_and_a_moved_tag_is_said(account: Account) -> None:
    account.base_digest = "sha256:old"
    account.deploy("one")
    account.base_digest = "sha256:new"  # of a machine that has built the same tag anew
    session = account.session()
    session.memory = 2
    pipeline.deploy(session)
    assert [(r.image.base, r.image.base_digest) for r in account.store.newest()] == [
        ("librechat:v1", "sha256:old"),
        ("librechat:v1", "sha256:old"),
    ]
    assert "The tag librechat:v1 has moved" in account.out.getvalue()
    account.deploy("two")
    assert account.newest().image.base_digest == "sha256:new"
    assert account.out.getvalue().count("has moved") == 1
