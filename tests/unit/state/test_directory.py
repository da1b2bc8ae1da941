"""The state in a directory of this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.errors import DeployError
from scripts.settings import Settings
from scripts.state import LocalState, Lock, Presence


@pytest.fixture
def settings(default_settings: Settings, tmp_path: Path) -> Settings:
    return replace(
        default_settings,
        project_root=tmp_path,
        state=replace(default_settings.state, backend="local", directory="kept/state"),
    )


@pytest.fixture
def state(settings: Settings) -> LocalState:
    state = LocalState(settings)
    state.ensure()
    return state


def write(state: LocalState, resources: int) -> None:
    instances = [{} for _ in range(resources)]
    managed = [{"mode": "managed", "instances": instances}, {"mode": "data", "instances": [{}]}]
    state.file.write_text(json.dumps({"lineage": "l", "serial": 4, "resources": managed}))


def test_its_directory_is_made_for_us_alone(settings: Settings) -> None:
    state = LocalState(settings)
    assert not state.exists()
    assert state.ensure()
    assert state.directory.stat().st_mode & 0o777 == 0o700
    assert not state.ensure()


def test_targets_and_environments_never_share_a_state(settings: Settings) -> None:
    others = (replace(settings, target="aws"), replace(settings, environment="prod"))
    assert len({LocalState(each).file for each in (settings, *others)}) == 3


def test_an_empty_file_is_no_state_because_terraform_makes_it_to_lock_it(state: LocalState) -> None:
    state.file.touch()
    assert not state.has_state()
    write(state, 2)
    head = state.head()
    assert head is not None
    assert (head.lineage, head.serial, head.resources) == ("l", 4, 2)


def test_a_damaged_state_is_named_with_its_backup(state: LocalState) -> None:
    state.file.write_text("{")
    with pytest.raises(DeployError, match="not a Terraform state") as failure:
        state.head()
    assert "terraform.tfstate.backup" in failure.value.next_step


def test_the_record_of_a_killed_run_is_no_lock_and_is_cleared_away(state: LocalState) -> None:
    left = Lock("1", "ann@box", "", "")
    (state.directory / ".terraform.tfstate.lock.info").write_text(json.dumps({"ID": "1"}))
    assert state.lock() is None
    assert state.holder(left, state.directory).presence is Presence.GONE
    assert not state.release(replace(left, id="2"))
    assert state.release(left)
    assert not state.release(left)


def test_a_purge_removes_state_backup_and_releases_and_nothing_else(
    settings: Settings, state: LocalState
) -> None:
    write(state, 0)
    (state.directory / "terraform.tfstate.backup").write_text("{}")
    state.releases.mkdir()
    (state.releases / "r1.json").write_text("{}")
    history = state.history()
    assert (history.versions, history.releases) == (2, 1)
    other = LocalState(replace(settings, environment="prod"))
    other.ensure()
    assert state.purge()
    assert other.exists()
    other.purge()
    assert not settings.state_directory.parent.parent.exists()


def test_a_state_that_is_put_aside_is_no_longer_in_the_way(state: LocalState) -> None:
    write(state, 2)
    aside = state.put_aside("lost")
    assert not state.has_state()
    assert aside.startswith("kept/state/")
