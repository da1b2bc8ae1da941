"""Back to an earlier release: by command, and by itself after a deploy that failed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts import pipeline
from scripts.errors import DeployError, ExitStatus
from scripts.releases import Ending, Kind, Present
from scripts.state import LocalState
from tests.integration.pipeline.account import Account, rollback_module

pytestmark = pytest.mark.integration


def test_a_rollback_brings_image_and_client_back_and_builds_nothing(account: Account) -> None:
    account.deploy("one")
    account.deploy("two")
    first = account.store.newest()[1]
    (account.root / "sources").write_text("three, not committed")
    session = account.session()
    assert pipeline.rollback(session) is ExitStatus.OK
    assert account.live == ("one", "client-of-one")
    assert session.calls == ["smoke"], "no build"
    record = account.newest()
    assert (record.kind, record.rollback_of, record.ending) == (Kind.ROLLBACK, first.id, Ending.SUCCEEDED)
    assert record.revision == first.revision
    assert record.content == first.content


def test_the_next_deploy_deploys_the_sources_again(account: Account) -> None:
    account.deploy("one")
    account.deploy("two")
    pipeline.rollback(account.session())
    session = account.deploy("two")
    assert account.live == ("two", "client-of-two")
    assert "early smoke" not in session.calls, "a rollback is not taken for an unchanged project"


def test_a_rollback_to_an_older_release_takes_the_beginning_of_its_id(account: Account) -> None:
    for sources in ("one", "two", "three"):
        account.deploy(sources)
    oldest = account.store.ids()[-1]
    pipeline.rollback(account.session(), oldest)
    assert account.live[0] == "one"


def test_a_rollback_leaves_the_infrastructure_as_it_is(account: Account) -> None:
    account.deploy("one")
    (account.root / "sources").write_text("two")
    session = account.session()
    session.memory = 2
    pipeline.deploy(session)
    back = account.session()
    back.memory = 3
    pipeline.rollback(back)
    state = json.loads(LocalState(account.settings).file.read_text())
    inputs = {r["name"]: r["instances"][0]["attributes"].get("input") for r in state["resources"]}
    assert inputs["other"]["value"] == "2"
    assert account.live[0] == "one"


def test_a_rollback_that_would_touch_more_asks_even_on_the_embedded_aws(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.deploy("one")
    account.deploy("two")
    monkeypatch.setattr(rollback_module, "_FOLLOW", {"output"})
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.rollback(account.session())
    assert "It would also change" in account.out.getvalue()
    assert account.live[0] == "two"


def test_a_rollback_without_a_release_that_is_whole_says_what_is_missing(account: Account) -> None:
    account.deploy("one")
    account.deploy("two")
    account.lost = {"one"}
    with pytest.raises(DeployError, match="No earlier release") as refusal:
        pipeline.rollback(account.session())
    assert "its image one is not in the repository any more" in refusal.value.why.lower()
    assert account.live[0] == "two"


def test_a_rollback_before_any_deploy_says_so(account: Account) -> None:
    with pytest.raises(DeployError, match="Nothing is deployed"):
        pipeline.rollback(account.session())


def test_a_rollback_that_does_not_behave_ends_with_the_status_of_smoke_and_is_recorded(
    account: Account,
) -> None:
    account.deploy("one")
    account.deploy("two")
    with pytest.raises(DeployError) as failure:
        pipeline.rollback(account.session(False))
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert (account.newest().kind, account.newest().ending) == (Kind.ROLLBACK, Ending.SMOKE_FAILED)


def test_the_first_deploy_that_fails_says_that_no_rollback_helps(account: Account) -> None:
    with pytest.raises(DeployError) as failure:
        account.deploy("one", False)
    assert "No rollback helps" in failure.value.next_step


def test_a_failed_deploy_rolls_back_by_itself_when_told_to(account: Account) -> None:
    account.deploy("one")
    first = account.newest()
    with pytest.raises(DeployError, match="was rolled back") as failure:
        account.deploy("two", False, True, rollback_on_failure=True)
    assert account.live == ("one", "client-of-one")
    back, failed = account.store.newest(2)
    assert (back.kind, back.ending) == (Kind.ROLLBACK, Ending.SUCCEEDED)
    assert (failed.ending, failed.smoke.failed) == (Ending.SMOKE_FAILED, 1)
    assert failed.id < back.id, "the evidence is written before anything is rolled back"
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert failure.value.facts == {"rolled_back": True, "live": first.id, "release": failed.id}


def test_a_first_deploy_that_fails_has_nothing_to_roll_back_to_and_says_what_is_live(
    account: Account,
) -> None:
    with pytest.raises(DeployError, match="rollback was not made") as failure:
        account.deploy("one", False, rollback_on_failure=True)
    assert "no release to go back to" in failure.value.why
    assert f"Live now: release {account.newest().id}" in failure.value.why
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert failure.value.facts["rolled_back"] is False


def test_a_rollback_by_itself_that_fails_as_well_says_so(account: Account) -> None:
    account.deploy("one")
    with pytest.raises(DeployError, match="the rollback failed") as failure:
        account.deploy("two", False, False, rollback_on_failure=True)
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert [r.ending for r in account.store.newest(2)] == [Ending.SMOKE_FAILED] * 2


def test_an_account_that_refuses_to_be_looked_at_does_not_hide_the_failure(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.deploy("one")

    def refused(aws: Any, releases: Any) -> Present:
        raise ConnectionError("AccessDenied")

    monkeypatch.setattr("scripts.releases.look", refused)
    for options in ({}, {"rollback_on_failure": True}):
        with pytest.raises(DeployError) as failure:
            account.deploy(f"two {options}", False, **options)
        assert failure.value.status is ExitStatus.SMOKE_FAILED
        assert "AccessDenied" in str(failure.value)
