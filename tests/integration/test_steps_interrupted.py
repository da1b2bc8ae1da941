"""Ctrl-C while steps run side by side: what they read in threads of their own ends with us."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.integration

PROJECT_ROOT = Path(__file__).parent.parent.parent

RUN = """
import sys
from pathlib import Path
sys.path.insert(0, {project!r})
from scripts.console import Console
from scripts.processes import interruptible, stream
from scripts.steps import Step, Steps

plan_file, child = Path({plan_file!r}), Path({child!r})

def plan():
    try:
        plan_file.touch()
        stream([sys.executable, str(child)], cwd=Path("."), environment={{}},
               on_line=lambda line: print(line, flush=True))
    finally:
        plan_file.unlink()

try:
    with interruptible():
        Steps(Console(stdout=sys.stderr)).run(Step("plan", plan))
except KeyboardInterrupt:
    sys.exit(130)
"""

STUBBORN = r"""
import os, signal, time
signal.signal(signal.SIGINT, lambda *_: os.write(1, b"asked\n"))
os.write(1, b"%d\n" % os.getpid())
while True:
    time.sleep(60)
"""


def test_a_second_ctrl_c_leaves_no_orphan_and_no_file_of_a_step(tmp_path: Path) -> None:
    plan_file, child = tmp_path / "plan", tmp_path / "child.py"
    child.write_text(STUBBORN)
    script = RUN.format(project=str(PROJECT_ROOT), plan_file=str(plan_file), child=str(child))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        orphan = psutil.Process(int(process.stdout.readline()))
        try:
            assert plan_file.exists()
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "asked\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=120) == 130
            assert not plan_file.exists()
            with suppress(psutil.NoSuchProcess):
                assert orphan.status() == psutil.STATUS_ZOMBIE
        finally:
            process.kill()
            with suppress(psutil.NoSuchProcess):
                orphan.kill()
