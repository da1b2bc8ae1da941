"""Room for the builds."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts import resources
from scripts.preflight import machine
from scripts.preflight.model import Status
from scripts.preflight.runner import run
from scripts.settings import Settings

MEMINFO = "MemTotal: 8000000 kB\nMemAvailable:    {available} kB\nSwapFree:  100000 kB\n"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system with 4 GB available, in no container."""
    (tmp_path / "meminfo").write_text(MEMINFO.format(available=4_000_000))
    monkeypatch.setattr(resources, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(resources, "_CGROUP", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("free", "builds_librechat", "status"),
    [
        (400_000_000, False, Status.FAILED),
        (600_000_000, False, Status.OK),
        (600_000_000, True, Status.WARNING),
        (9_000_000_000, True, Status.OK),
    ],
)
def test_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, builds_librechat: bool, status: Status
) -> None:
    asked = []

    def usage(path: Path) -> SimpleNamespace:
        asked.append(path)
        return SimpleNamespace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert machine.disk(tmp_path / "not" / "yet", builds_librechat).status is status
    assert asked == [tmp_path]


def test_enough_memory_is_fine(system: Path) -> None:
    assert machine.memory(builds_librechat=True).found == "4.2 GB available"


def test_too_little_memory_for_librechat_s_client_is_a_warning(system: Path) -> None:
    (system / "meminfo").write_text(MEMINFO.format(available=1_000_000))
    finding = machine.memory(builds_librechat=True)
    assert finding.status is Status.WARNING and "2.5 GB to build" in finding.found


def test_the_limit_of_a_container_counts_and_its_page_cache_does_not(system: Path) -> None:
    (system / "memory.max").write_text("3000000000\n")
    (system / "memory.current").write_text("2500000000\n")
    (system / "memory.stat").write_text("anon 1\ninactive_file 500000000\n")
    assert resources.available_memory() == 1_000_000_000


def test_a_container_without_a_limit_has_what_the_system_has(system: Path) -> None:
    (system / "memory.max").write_text("max\n")
    assert resources.available_memory() == 4_100_000 * 1024


def test_a_system_that_does_not_say_is_not_checked(system: Path) -> None:
    (system / "meminfo").unlink()
    assert machine.memory(builds_librechat=True).status is Status.NOT_CHECKED


def test_memory_matters_only_where_librechat_s_client_is_built(default_settings: Settings) -> None:
    def memory(settings: Settings) -> str:
        return run(list(machine.probes(settings))).checks[1].found

    assert "not needed" in memory(default_settings)
    source = replace(default_settings.librechat, source="../LibreChat")
    for settings in (replace(default_settings, librechat=source), replace(default_settings, target="aws")):
        assert "not needed" not in memory(settings)
