"""The embedded AWS as a whole, started and ended as the commands do it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scripts.local.process import LocalTarget, Running
from scripts.settings import Settings

pytestmark = pytest.mark.integration

SECONDS = 120


@pytest.fixture
def target(tmp_path: Path, default_settings: Settings) -> Iterator[LocalTarget]:
    directory = tmp_path / "a directory with spaces"
    local = dataclasses.replace(
        default_settings.local, directory=str(directory), port=0, control_port=0, environments="process"
    )
    made = LocalTarget(dataclasses.replace(default_settings, local=local))
    yield made
    made.down()


def parts(running: Running) -> list[psutil.Process]:
    """The supervisor and all that it started; the control plane is its first child."""
    supervisor = psutil.Process(running.pid)
    return [supervisor, *supervisor.children(recursive=True)]


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_up_serves_and_down_leaves_no_process(target: LocalTarget) -> None:
    running = target.up()
    # Nothing is deployed: CloudFront's own refusal is what there is to see.
    assert status_of(running.url) == 403
    processes = parts(running)
    assert len(processes) >= 2
    assert target.down()
    assert not psutil.wait_procs(processes, timeout=SECONDS)[1]


def test_what_it_writes_is_its_users_alone(target: LocalTarget) -> None:
    target.directory.mkdir(parents=True, mode=0o755)  # as an older version left it
    target.up()
    wide = [path for path in (target.directory, *target.directory.rglob("*")) if path.stat().st_mode & 0o077]
    assert wide == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_another_user_of_the_machine_reads_nothing(default_settings: Settings) -> None:
    with tempfile.TemporaryDirectory() as open_to_all:
        Path(open_to_all).chmod(0o755)
        local = dataclasses.replace(
            default_settings.local, directory=f"{open_to_all}/.local", port=0, control_port=0
        )
        target = LocalTarget(dataclasses.replace(default_settings, local=local))
        running = target.up()
        try:
            for path in (target.directory, target.directory / "credentials.json", target.directory / "state"):
                command = ["sh", "-c", 'cat "$0" || ls "$0"', str(path)]
                seen = subprocess.run(command, user=65534, group=65534, capture_output=True, check=False)
                assert (seen.returncode, seen.stdout) == (2, b""), path
            assert status_of(f"{running.endpoint}/") == 403
        finally:
            target.down()


def test_a_control_plane_that_dies_ends_all_and_the_next_up_can_explain_it(target: LocalTarget) -> None:
    processes = parts(target.up())
    processes[1].kill()
    assert not psutil.wait_procs(processes, timeout=SECONDS)[1]
    assert target.status() is None
    assert target.died()

    assert status_of(target.up().url) == 403
    assert "the control plane ended with status -9" in target.obituary()


def test_after_the_supervisor_was_killed_nothing_stays_and_an_immediate_up_works(target: LocalTarget) -> None:
    processes = parts(target.up())
    processes[0].kill()
    processes[0].wait(SECONDS)
    assert status_of(target.up().url) == 403
    assert not psutil.wait_procs(processes, timeout=SECONDS)[1]


def test_a_stop_in_the_middle_of_the_start_is_obeyed(target: LocalTarget) -> None:
    target.log_directory.mkdir(parents=True)
    with subprocess.Popen(target._command(ready_fd=1), stdout=subprocess.PIPE) as starting:
        emulator_log = target.log_directory / "emulator.log"
        supervisor = psutil.Process(starting.pid)
        while not emulator_log.exists():  # its signal handlers are in place before it starts anything
            assert starting.poll() is None
            time.sleep(0.01)
        started = supervisor.children()
        starting.terminate()
        assert starting.wait(SECONDS) == 0
        assert starting.stdout is not None
        assert starting.stdout.read() == b""
    assert not psutil.wait_procs(started, timeout=SECONDS)[1]
    assert not target.record_path.exists()
