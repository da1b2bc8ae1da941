"""Child processes that end with us: orderly interruption, no orphans.

A child runs in a process group of its own, so that a Ctrl-C in the terminal does not reach it by
itself: we decide. The first SIGINT or SIGTERM asks it to stop and waits (Terraform then finishes what
is in flight, saves the state and releases the lock); the second kills the whole group.

Not for detached services: those live in a session of their own and are left alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

_running: dict[_Child, None] = {}
"""Children being read now. A plain dict: a signal handler must never wait for a lock."""


@dataclass(frozen=True)
class Finished:
    """How a child ended.

    Attributes:
        returncode: Exit status; negative: killed by that signal.
        stderr: The last lines of its standard error.
    """

    returncode: int
    stderr: str


def stream(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
) -> Finished:
    """Run a command and hand over each line of its standard output as it comes.

    Raises:
        KeyboardInterrupt: after the child has ended, when it ended because we were interrupted.
        OSError: when the program cannot be started.
    """
    child = _Child(foreground=threading.current_thread() is threading.main_thread())
    _running[child] = None
    try:
        return child.run(argv, cwd, environment, on_line)
    finally:
        child.end()
        _running.pop(child, None)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within this block SIGINT and SIGTERM stop our children in order. Main thread only.

    A signal raises KeyboardInterrupt at once, unless the main thread is reading a child: then it is
    raised when that child has ended.
    """
    received = 0

    def handle(_signal: int, _frame: FrameType | None) -> None:
        nonlocal received
        received += 1
        children = list(_running)
        for child in children:
            child.stop(hard=received > 1)
        if not any(child.foreground for child in children):
            raise KeyboardInterrupt

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def interrupt_background() -> None:
    """Ask the children that other threads read to stop, as the first signal does."""
    for child in list(_running):
        if not child.foreground:
            child.stop(hard=False)


def now() -> float:
    """The moment, for `signal_children`: seconds since the boot, as the kernel dates processes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def signal_children(number: signal.Signals, *, since: float) -> None:
    """Send a signal to the descendants that were started after a moment (of `now`).

    Left alone: services (they live in a session of their own) and what `stream` reads.
    """
    import psutil

    boot = psutil.boot_time()
    session, groups = os.getsid(0), {child.group for child in list(_running)}
    for descendant in psutil.Process().children(recursive=True):
        with contextlib.suppress(OSError, psutil.Error):
            ours = os.getsid(descendant.pid) == session and os.getpgid(descendant.pid) not in groups
            # Start times are counted in hundredths of a second.
            if ours and descendant.create_time() - boot > since - 0.02:
                os.kill(descendant.pid, number)


class _Child:
    """One subprocess with its group; `stop` may be called from a signal handler at any time."""

    def __init__(self, *, foreground: bool) -> None:
        self.foreground = foreground
        self.group: int | None = None
        self._stopping = False
        self._asked = False
        self._process: subprocess.Popen[str] | None = None

    def run(
        self,
        argv: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        on_line: Callable[[str], None],
    ) -> Finished:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        self._process, self.group = process, process.pid
        if self._stopping:  # the signal came between the decision to start and the start
            self.stop(hard=False)
        assert process.stdout is not None and process.stderr is not None
        tail: deque[str] = deque(maxlen=60)
        # Read beside stdout: a full stderr pipe would stop the child for ever.
        reader = threading.Thread(target=tail.extend, args=(process.stderr,), daemon=True)
        reader.start()
        for line in process.stdout:
            on_line(line.rstrip("\n"))
        returncode = process.wait()
        reader.join(timeout=1)
        if self._stopping:
            raise KeyboardInterrupt
        return Finished(returncode, "".join(tail).strip())

    def stop(self, *, hard: bool) -> None:
        """Ask once, however many ask: Terraform takes a second SIGINT for "at once, unsaved"."""
        self._stopping = True
        if self.group is not None and (hard or not self._asked):
            self._asked = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.group, signal.SIGKILL if hard else signal.SIGINT)

    def end(self) -> None:
        """Leave nothing behind, whatever raised: a chance to stop, then the end of the group."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            self.stop(hard=False)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
        self.stop(hard=True)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError, ValueError):
                    pipe.close()
