"""Child processes that end with us: orderly interruption, no orphans.

A child runs in a process group of its own, so that a Ctrl-C in the terminal does not reach it by
itself: we decide. The first signal (Ctrl-C, SIGTERM, a closed terminal) asks it to stop and waits:
Terraform then finishes what is in flight, saves the state and releases the lock. The second insists:
Terraform saves what it knows and ends at once. The third kills the whole group. What other threads read
is killed at the second: nobody waits for it any longer (`steps`).

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
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_running: dict[_Child, None] = {}
"""Children being read now. A plain dict: a signal handler must never wait for a lock."""


class Forced(KeyboardInterrupt):
    """Interrupted more than once: the child was not left the time to end in order."""


class Force(IntEnum):
    """How firmly a child is told to stop."""

    NONE = 0
    ASK = 1
    """SIGINT."""
    INSIST = 2
    """SIGINT again, which Terraform takes for "at once"."""
    KILL = 3
    """SIGKILL for the whole group."""


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

    When `on_line` raises, the child is asked to stop, and the exception is raised once it has ended.

    Raises:
        KeyboardInterrupt: after the child has ended, when it ended because we were interrupted; `Forced`
            when that happened more than once.
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
    """Within this block SIGINT, SIGTERM and SIGHUP stop our children in order. Main thread only.

    A signal raises KeyboardInterrupt at once, unless the main thread is reading a child: then it is
    raised when that child has ended.
    """
    received = 0

    def handle(_signal: int, _frame: FrameType | None) -> None:
        nonlocal received
        received += 1
        children = list(_running)
        for child in children:
            child.stop(Force(min(received, Force.KILL)))
        if not any(child.foreground for child in children):
            raise KeyboardInterrupt

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup wants us to go on
        numbers.append(signal.SIGHUP)
    previous = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def interrupt_background() -> None:
    """Ask the children that other threads read to stop, as the first signal does."""
    for child in _background():
        child.stop(Force.ASK)


def kill_background() -> bool:
    """End those children at once, each with its group, as the third signal does; whether there were any."""
    children = _background()
    for child in children:
        child.stop(Force.KILL)
    return bool(children)


def _background() -> list[_Child]:
    return [child for child in list(_running) if not child.foreground]


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
        self._wanted = Force.NONE
        self._told = Force.NONE
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
        self.stop(self._wanted)  # a signal that came between the decision to start and the start
        assert process.stdout is not None and process.stderr is not None
        tail: deque[str] = deque(maxlen=60)
        # Read beside stdout: a full stderr pipe would stop the child for ever.
        reader = threading.Thread(target=tail.extend, args=(process.stderr,), daemon=True)
        reader.start()
        failure: BaseException | None = None
        for line in process.stdout:
            try:
                if failure is None:
                    on_line(line.rstrip("\n"))
            # A closed terminal or pipe (SystemExit, from rich): Terraform still has to save its state.
            except (Exception, SystemExit) as error:
                failure = error
                self.stop(Force.ASK)
        returncode = process.wait()
        reader.join(timeout=1)
        if failure is not None:
            raise failure
        if self._wanted:
            raise KeyboardInterrupt if self._wanted is Force.ASK else Forced
        return Finished(returncode, "".join(tail).strip())

    def stop(self, force: Force) -> None:
        """Tell each degree once, however many ask: to Terraform a second SIGINT means "at once"."""
        self._wanted = max(self._wanted, force)
        if self.group is None or self._wanted <= self._told:
            return
        self._told = self._wanted
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL if self._told is Force.KILL else signal.SIGINT)

    def end(self) -> None:
        """Leave nothing behind, whatever raised: a chance to stop, then the end of the group."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            self.stop(Force.ASK)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_STOP_SECONDS)
        elif self._told:
            self._await_group()
        self.stop(Force.KILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError, ValueError):
                    pipe.close()

    def _await_group(self) -> None:
        """Let what the child has started stop as well: Terraform does not wait for its provisioners' tasks.

        They were asked with it, and may have children in groups of their own to end first.
        """
        import psutil

        assert self.group is not None
        members = []
        for process in psutil.process_iter():
            with contextlib.suppress(OSError, psutil.Error):
                if os.getpgid(process.pid) == self.group:
                    members.append(process)
        deadline = time.monotonic() + _STOP_SECONDS
        while any(_lives(member) for member in members) and time.monotonic() < deadline:
            time.sleep(0.05)


def _lives(process: psutil.Process) -> bool:
    """Not gone, and not a zombie: an orphan's may stay for ever where nobody collects it."""
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


_STOP_SECONDS = 20.0
"""How long a child that was asked to stop, and what it has started, may take for it."""
