"""Whether a lock's holder is still there."""

from __future__ import annotations

import platform
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scripts.state import Lock, Presence, holder

TAKEN = datetime(2026, 11, 23, 3, 21, 15, tzinfo=UTC)
BEFORE, AFTER = (TAKEN - timedelta(seconds=3)).timestamp(), (TAKEN + timedelta(minutes=1)).timestamp()


def lock(host: str = "") -> Lock:
    return Lock("id", f"ann@{host or platform.node()}", TAKEN.isoformat(), "OperationTypeApply")


def running(monkeypatch: pytest.MonkeyPatch, *processes: tuple[int, float, Path | None]) -> None:
    monkeypatch.setattr(holder, "_terraforms", lambda: list(processes))


def test_a_terraform_of_that_time_in_the_same_directory_holds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running(monkeypatch, (7, BEFORE, tmp_path))
    found = holder.find(lock(), tmp_path)
    assert (found.presence, found.pid) == (Presence.RUNS, 7)


def test_a_terraform_that_was_started_later_waits_for_it_and_does_not_hold_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running(monkeypatch, (7, AFTER, tmp_path))
    assert holder.find(lock(), tmp_path).presence is Presence.GONE


def test_without_any_terraform_the_holder_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    running(monkeypatch)
    assert holder.find(lock(), tmp_path).presence is Presence.GONE


@pytest.mark.parametrize("elsewhere", [Path("/another/checkout"), None])
def test_a_terraform_in_another_or_a_hidden_directory_may_hold_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, elsewhere: Path | None
) -> None:
    running(monkeypatch, (7, BEFORE, elsewhere))
    found = holder.find(lock(), tmp_path)
    assert found.presence is Presence.UNKNOWN
    assert "process 7" in found.reason


def test_where_nobody_else_can_work_another_directory_does_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running(monkeypatch, (7, BEFORE, Path("/another/checkout")))
    assert holder.find(lock(), tmp_path, only_here=True).presence is Presence.GONE


def test_a_holder_on_another_host_cannot_be_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    running(monkeypatch)
    found = holder.find(lock("build-7"), tmp_path)
    assert found.presence is Presence.UNKNOWN
    assert "build-7" in found.reason
