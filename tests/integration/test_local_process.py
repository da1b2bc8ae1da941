"""The background process of the embedded AWS, seen from outside."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from scripts.errors import DeployError, ExitStatus
from scripts.local import process
from scripts.local.process import LocalTarget, Running
from scripts.settings import Settings

pytestmark = pytest.mark.integration

READY = """
import json, os, psutil, signal, sys
record = dict(pid=os.getpid(), created=psutil.Process().create_time(),
              url="http://localhost:1", endpoint="http://127.0.0.1:2", registry_url="http://127.0.0.1:3")
open(sys.argv[2], "w").write(json.dumps(record))
os.write(int(sys.argv[1]), json.dumps(record).encode() + b"\\n")
signal.pause()
"""


class Scripted(LocalTarget):
    """A `LocalTarget` whose process runs the given program instead of the supervisor."""

    program = READY

    def _command(self, ready_fd: int) -> list[str]:
        return [sys.executable, "-c", self.program, str(ready_fd), str(self.record_path)]


@pytest.fixture
def settings(tmp_path: Path, default_settings: Settings) -> Settings:
    local = dataclasses.replace(default_settings.local, directory=str(tmp_path), port=0, control_port=0)
    return dataclasses.replace(default_settings, local=local)


def test_up_returns_the_running_process_and_a_second_up_returns_the_same(settings: Settings) -> None:
    target = Scripted(settings)
    first = target.up()
    try:
        assert target.up() == first == target.status()
    finally:
        assert target.down()


def test_down_ends_the_process_and_a_second_down_finds_nothing(settings: Settings) -> None:
    target = Scripted(settings)
    running = target.up()
    assert target.down()
    assert not psutil.pid_exists(running.pid) or psutil.Process(running.pid).status() == "zombie"
    assert not target.down()
    assert target.status() is None


@pytest.mark.parametrize("seconds", [-1, 1])
def test_a_process_is_recognised_after_the_clock_was_set_right(settings: Settings, seconds: int) -> None:
    target = Scripted(settings)
    running = target.up()
    try:
        target.record_path.write_text(json.dumps(running.to_json() | {"created": running.created + seconds}))
        assert target.status() is not None
    finally:
        assert target.down()


def test_a_record_whose_pid_now_belongs_to_another_process_is_not_running_and_never_killed(
    settings: Settings,
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        target = Scripted(settings)
        stale = Running(innocent.pid, 1.0, "http://localhost:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
        target.record_path.write_text(json.dumps(stale.to_json()))
        assert target.status() is None
        assert target.died()
        assert not target.down()
        assert innocent.poll() is None
        innocent.kill()


def test_a_damaged_record_counts_as_not_running(settings: Settings) -> None:
    target = Scripted(settings)
    target.record_path.write_text('{"pid": 1')
    assert target.status() is None
    assert not target.died()


def test_after_a_crash_the_next_up_keeps_the_old_log_and_can_quote_it(settings: Settings) -> None:
    target = Scripted(settings)
    target.program = "print('the control plane ended with status -9', flush=True)\n" + READY
    first = target.up()
    psutil.Process(first.pid).kill()
    psutil.wait_procs([psutil.Process(first.pid)], timeout=120)
    assert target.died()

    target.program = READY
    try:
        assert target.up() != first
        assert "the control plane ended with status -9" in target.obituary()
        assert str(target.log_directory) in target.obituary()
    finally:
        target.down()


def test_a_start_that_hangs_and_will_not_end_is_killed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for Python to come up and say its pid on a busy machine.
    monkeypatch.setattr(process, "START_SECONDS", 5.0)
    monkeypatch.setattr(process, "STOP_SECONDS", 0.5)
    target = Scripted(settings)
    target.program = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(os.getpid(), flush=True); time.sleep(600)"
    )
    with pytest.raises(DeployError, match="not ready after 5 s") as caught:
        target.up()
    assert not psutil.pid_exists(int(caught.value.evidence))
    assert str(target.log_directory) in caught.value.next_step


def test_down_waits_for_an_up_under_way_and_ends_what_it_started(settings: Settings) -> None:
    target = Scripted(settings)
    started = settings.local_directory / "started"
    # Says that it is there, and is not ready before it is told so.
    target.program = f"import os, time; os.mkfifo({str(started)!r}); open({str(started)!r}).read()\n" + READY
    with ThreadPoolExecutor(2) as background:
        starting = background.submit(target.up)
        while not started.exists():
            time.sleep(0.01)
        stopping = background.submit(Scripted(settings).down)
        assert not stopping.done()
        started.write_text("go on")
        running, stopped = starting.result(), stopping.result()
    assert stopped
    assert not psutil.pid_exists(running.pid) or psutil.Process(running.pid).status() == "zombie"


def test_a_port_that_the_last_life_still_holds_after_a_crash_is_waited_for(settings: Settings) -> None:
    with socket.socket() as orphan:
        orphan.bind(("127.0.0.1", 0))
        orphan.listen()
        local = dataclasses.replace(settings.local, port=orphan.getsockname()[1])
        target = Scripted(dataclasses.replace(settings, local=local))
        gone = Running(2**22 - 1, 1.0, "http://localhost:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
        target.record_path.write_text(json.dumps(gone.to_json()))
        saved = threading.Timer(0.5, orphan.close)
        saved.start()
        try:
            assert target.up().pid != gone.pid
        finally:
            saved.join()
            target.down()


def test_a_crash_at_the_start_is_explained_with_the_end_of_the_log(settings: Settings) -> None:
    target = Scripted(settings)
    target.program = "import sys; sys.exit('no such region')"
    with pytest.raises(DeployError, match="did not start") as caught:
        target.up()
    assert "no such region" in caught.value.evidence


def test_a_taken_port_is_named_with_its_holder_and_the_setting_that_moves_us(settings: Settings) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        local = dataclasses.replace(settings.local, port=port)
        with pytest.raises(DeployError, match=f"Port {port}") as caught:
            Scripted(dataclasses.replace(settings, local=local)).up()
    assert f"pid {os.getpid()}" in caught.value.why
    assert f"INVOKE_LOCAL_PORT={port + 1}" in caught.value.next_step
    assert caught.value.status is ExitStatus.PREFLIGHT_FAILED
