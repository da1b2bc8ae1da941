"""Whether a lock's holder is still there."""

from __future__ import annotations

import platform
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from scripts.aws import Aws
from scripts.settings import Settings
from scripts.state import Lock, Presence, StateBucket, holder

TAKEN = datetime(2026, 11, 23, 3, 21, 15, tzinfo=UTC)
BEFORE, AFTER = (TAKEN - timedelta(seconds=3)).timestamp(), (TAKEN + timedelta(minutes=1)).timestamp()

BINARY = "terraform"


def lock(host: str = "") -> Lock:
    return Lock("id", f"ann@{host or platform.node()}", TAKEN.isoformat(), "OperationTypeApply")


def running(monkeypatch: pytest.MonkeyPatch, *processes: tuple[int, float, Path | None]) -> None:
    monkeypatch.setattr(holder, "_terraforms", lambda name: list(processes))


def test_a_terraform_of_that_time_in_the_same_directory_holds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running(monkeypatch, (7, BEFORE, tmp_path))
    found = holder.find(lock(), tmp_path, BINARY)
    assert (found.presence, found.pid) == (Presence.RUNS, 7)


def test_a_terraform_that_was_started_later_waits_for_it_and_does_not_hold_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running(monkeypatch, (7, AFTER, tmp_path))
    assert holder.find(lock(), tmp_path, BINARY).presence is Presence.GONE


def test_without_any_terraform_the_holder_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    running(monkeypatch)
    assert holder.find(lock(), tmp_path, BINARY).presence is Presence.GONE


@pytest.mark.parametrize("elsewhere", [Path("/another/checkout"), None])
def test_a_terraform_in_another_or_a_hidden_directory_may_hold_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, elsewhere: Path | None
) -> None:
    running(monkeypatch, (7, BEFORE, elsewhere))
    found = holder.find(lock(), tmp_path, BINARY)
    assert found.presence is Presence.UNKNOWN
    assert "process 7" in found.reason


def test_where_nobody_else_can_work_another_directory_does_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running(monkeypatch, (7, BEFORE, Path("/another/checkout")))
    assert holder.find(lock(), tmp_path, BINARY, only_here=True).presence is Presence.GONE


def test_a_holder_on_another_host_cannot_be_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    running(monkeypatch)
    found = holder.find(lock("build-7"), tmp_path, BINARY)
    assert found.presence is Presence.UNKNOWN
    assert "build-7" in found.reason


def test_a_terraform_of_another_name_is_seen_by_the_name_that_the_settings_give_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    processes = [
        SimpleNamespace(pid=pid, info={"name": name, "create_time": BEFORE, "cwd": str(tmp_path)})
        for pid, name in ((5, "bash"), (6, "terraform-provi"), (7, "tf"))
    ]
    monkeypatch.setattr(psutil, "process_iter", lambda attributes: processes)
    found = holder.find(lock(), tmp_path, "/opt/tools/tf")
    assert (found.presence, found.pid) == (Presence.RUNS, 7)
    assert holder.find(lock(), tmp_path, BINARY).presence is Presence.GONE


def test_the_usual_terraform_is_seen_whatever_ours_is_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever holds the lock may have run another one by hand; its providers work in the same directory."""
    processes = [
        SimpleNamespace(pid=pid, info={"name": name, "create_time": BEFORE, "cwd": str(tmp_path)})
        for pid, name in ((6, "terraform-provi"), (7, "terraform"))
    ]
    monkeypatch.setattr(psutil, "process_iter", lambda attributes: processes)
    assert holder.find(lock(), tmp_path, "/opt/tools/tf").pid == 7


def test_a_bucket_looks_for_the_terraform_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, default_settings: Settings
) -> None:
    asked: list[str] = []

    def terraforms(name: str) -> list[tuple[int, float, Path | None]]:
        asked.append(name)
        return []

    monkeypatch.setattr(holder, "_terraforms", terraforms)
    terraform = replace(default_settings.terraform, binary="./bin/tf")
    aws = Aws(region="eu-west-1", environment={"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"})
    StateBucket(aws, replace(default_settings, terraform=terraform)).holder(lock(), tmp_path)
    assert asked == ["tf"]
