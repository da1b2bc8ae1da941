"""Signals while the real Terraform works: it ends in order, and leaves neither an orphan nor a plan file."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from scripts.terraform import Terraform, events
from tests.integration.test_terraform_adapter import PROJECT_ROOT, SLOW, root

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_cli_configuration")]


RUN = """
import signal
import sys
from pathlib import Path
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup, which is inherited and heeded
sys.path.insert(0, {project!r})
from scripts.errors import DeployError
from scripts.processes import interruptible
from scripts.terraform import Terraform, events

def listen(event):
    if isinstance(event, events.ProvisionOutput) and event.text == "working":
        print("working", flush=True)

try:
    with interruptible():
        terraform = Terraform(Path({directory!r}))
        with terraform.plan() as saved:
            print(saved.file, flush=True)
            terraform.apply(saved.file, on_event=listen)
except KeyboardInterrupt:
    sys.exit(130)
except DeployError as error:
    print(error.what, flush=True)
    sys.exit(int(error.status))
"""

STUBBORN = """
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command     = "trap '' INT TERM; echo working; for i in $(seq 600); do sleep 0.1; done"
    interpreter = ["/bin/sh", "-c"]
  }
}
"""


@contextmanager
def running(directory: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Our own process in the middle of an apply; also the path of its plan file."""
    script = RUN.format(project=str(PROJECT_ROOT), directory=str(directory))
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        plan_file = Path(process.stdout.readline().strip())
        assert process.stdout.readline() == "working\n"
        yield process, plan_file
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def alive(family: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie waits only for somebody to collect it."""
    left = []
    for member in family:
        with suppress(psutil.NoSuchProcess):
            if member.is_running() and member.status() != psutil.STATUS_ZOMBIE:
                left.append(member)
    return left


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_releases_the_lock_and_leaves_no_orphan_and_no_plan_file(
    tmp_path: Path, number: signal.Signals
) -> None:
    directory = root(tmp_path, SLOW)
    with running(directory) as (process, plan_file):
        family = psutil.Process(process.pid).children(recursive=True)
        assert any(member.name().startswith("terraform") for member in family)
        process.send_signal(number)
        assert process.wait(timeout=30) == 130
        assert alive(family) == []
        assert not plan_file.exists()
    with Terraform(directory).plan() as saved:  # the lock is free, the same command goes on
        assert not saved.plan.empty


def test_a_second_signal_ends_terraform_at_once_and_says_that_the_lock_may_remain(tmp_path: Path) -> None:
    directory = root(tmp_path, STUBBORN)
    with running(directory) as (process, plan_file):
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert "Interrupted twice" in process.stdout.read()
        assert process.wait(timeout=60) == 130
        assert alive(family) == []
        assert not plan_file.exists()


def test_a_third_signal_kills_what_does_not_stop(tmp_path: Path) -> None:
    """A Terraform that hangs: stopped, it cannot heed the first two."""
    directory = root(tmp_path, SLOW)
    with running(directory) as (process, plan_file):
        (terraform,) = (
            child for child in psutil.Process(process.pid).children() if child.name() == "terraform"
        )
        family = [terraform, *terraform.children(recursive=True)]
        terraform.suspend()
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # two of a kind may count as one
                process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
        assert process.returncode == 130
        psutil.wait_procs(family, timeout=30)
        assert alive(family) == []
        assert not plan_file.exists()


TASK = """
import signal, subprocess, sys
from pathlib import Path
sys.path.insert(0, {project!r})
from scripts import processes

def begun(line):
    Path({pids!r}).write_text(line)
    print("working", flush=True)

try:
    with processes.interruptible():
        child = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
        processes.stream(child, cwd=Path("."), environment={{}}, on_line=begun)
finally:
    Path({ended!r}).touch()
"""


def test_the_task_that_a_provisioner_runs_is_ended_in_order_with_its_own_children(tmp_path: Path) -> None:
    """As `inv frontend.publish` under bash, with npm in a process group of its own."""
    pids, ended, task = tmp_path / "pids", tmp_path / "ended", tmp_path / "task.py"
    task.write_text(TASK.format(project=str(PROJECT_ROOT), pids=str(pids), ended=str(ended)))
    command = f"bash -c '{sys.executable} {task}; true'"
    directory = root(
        tmp_path,
        f"""
        resource "terraform_data" "a" {{
          provisioner "local-exec" {{ command = "{command}" }}
        }}
        """,
    )
    with running(directory) as (process, _):
        grandchild = psutil.Process(int(pids.read_text()))
        family = psutil.Process(process.pid).children(recursive=True)
        assert grandchild in family
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 130
        assert ended.exists()
        assert alive(family) == []


def test_a_listener_that_fails_lets_terraform_save_its_state_and_unlock(tmp_path: Path) -> None:
    """A closed terminal, for one: what is drawn on it fails while Terraform works."""
    directory = root(tmp_path, SLOW)
    terraform = Terraform(directory)

    def listen(event: events.Event) -> None:
        if isinstance(event, events.ProvisionOutput):
            raise OSError("the terminal is gone")

    with terraform.plan() as saved, pytest.raises(OSError, match="the terminal is gone"):
        terraform.apply(saved.file, on_event=listen)
    with terraform.plan() as saved:  # the lock is free, and what was not finished is not forgotten
        assert not saved.plan.empty


def test_terraform_in_another_thread_is_interrupted_as_well(tmp_path: Path) -> None:
    """`terraform init` and `plan` run beside the builds, in threads."""
    directory = root(tmp_path, SLOW)
    script = f"""
import sys
sys.path.insert(0, {str(PROJECT_ROOT)!r})
from pathlib import Path
from scripts.console import Console
from scripts.processes import interruptible
from scripts.steps import Step, Steps
from scripts.terraform import Terraform, events

def listen(event):
    if isinstance(event, events.ProvisionOutput) and event.text == "working":
        print("working", flush=True)

def work():
    terraform = Terraform(Path({str(directory)!r}))
    with terraform.plan() as saved:
        terraform.apply(saved.file, on_event=listen)

try:
    with interruptible():
        Steps(Console(stdout=sys.stderr)).run(Step("apply", work))
except KeyboardInterrupt:
    sys.exit(130)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    process.stdout.close()
    assert alive(family) == []
    with Terraform(directory).plan():
        pass
