"""Children that end with us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from scripts import processes


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_lines_arrive_in_order_and_without_their_end(tmp_path: Path) -> None:
    lines: list[str] = []
    finished = processes.stream(
        python("print('one'); print('two')"), cwd=tmp_path, environment=os.environ, on_line=lines.append
    )
    assert lines == ["one", "two"]
    assert finished.returncode == 0


def test_much_on_stderr_does_not_block_and_its_end_is_kept(tmp_path: Path) -> None:
    code = "import sys\nfor n in range(20000): print('line', n, file=sys.stderr)\nsys.exit(3)"
    finished = processes.stream(python(code), cwd=tmp_path, environment=os.environ, on_line=lambda line: None)
    assert finished.returncode == 3
    assert finished.stderr.endswith("line 19999")
    assert len(finished.stderr) < 2000


def test_an_exception_while_reading_ends_the_child(tmp_path: Path) -> None:
    pids: list[int] = []

    def on_line(line: str) -> None:
        pids.append(int(line))
        raise LookupError

    code = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)"
    with pytest.raises(LookupError):
        processes.stream(python(code), cwd=tmp_path, environment=os.environ, on_line=on_line)
    assert not psutil.pid_exists(pids[0])


def test_a_listener_that_ends_the_program_lets_the_child_end_in_order(tmp_path: Path) -> None:
    """rich raises SystemExit at a closed pipe, and what the child still says must not block it."""
    code = """
import os, pathlib, signal, sys, time

def stop(*_):
    for _ in range(3000):
        print("saving" * 10, flush=True)
    pathlib.Path("saved").touch()
    sys.exit()

signal.signal(signal.SIGINT, stop)
os.write(1, b"working\\n")  # not print: the signal may come within it, and print cannot be entered twice
time.sleep(600)
"""

    def on_line(line: str) -> None:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        processes.stream(python(code), cwd=tmp_path, environment=os.environ, on_line=on_line)
    assert (tmp_path / "saved").exists()


def test_the_child_has_a_group_of_its_own_so_that_a_terminal_does_not_interrupt_it(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import os; print(os.getpgrp() == os.getpid())"
    processes.stream(python(code), cwd=tmp_path, environment=os.environ, on_line=lines.append)
    assert lines == ["True"]


def test_a_signal_without_a_child_interrupts_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), processes.interruptible():
        os.kill(os.getpid(), signal.SIGTERM)


def test_only_younger_descendants_of_our_session_are_signalled() -> None:
    """Servers of before and services in sessions of their own stay."""
    sleep = python("import time; time.sleep(60)")
    older = subprocess.Popen(sleep)
    time.sleep(0.05)  # start times have a resolution of 10 ms
    since = processes.now()
    service = subprocess.Popen(sleep, start_new_session=True)
    younger = subprocess.Popen(sleep)
    try:
        processes.signal_children(signal.SIGTERM, since=since)
        assert younger.wait(timeout=60) == -signal.SIGTERM
        assert older.poll() is None
        assert service.poll() is None
    finally:
        for process in (older, service, younger):
            process.kill()
            process.wait()
