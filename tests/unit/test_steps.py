"""Named steps: order, concurrency, failure, interruption, times."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from scripts import processes
from scripts import steps as steps_module
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.steps import NothingToDo, Step, Steps, Times, Timing


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Unread(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def raised(work: Callable[[], None]) -> BaseException | None:
    """What ends `work`; in a thread, so that work that waits for ever fails the test and does not hold it."""
    ended: list[BaseException | None] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            ended.append(error)
        else:
            ended.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout=120)
    assert ended, "it waits for ever"
    return ended[0]


def ends(pid: int) -> bool:
    """Whether a process ends within two minutes; a zombie waits only for somebody to collect it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setenv("TERM", "xterm")  # a machine of CI has none, or a dumb one
    return Console(stdout=Terminal(), stdin=Terminal())


@pytest.fixture
def steps(out: io.StringIO) -> Steps:
    return Steps(Console(stdout=out))


def test_independent_steps_run_side_by_side(steps: Steps) -> None:
    meeting = threading.Barrier(2, timeout=60)

    def meet() -> None:
        meeting.wait()

    steps.run(Step("a", meet), Step("b", meet))
    assert {timing.name for timing in steps.timings} == {"a", "b"}


def test_a_step_begins_only_after_those_it_follows(steps: Steps) -> None:
    order: list[str] = []
    steps.run(
        Step("last", lambda: order.append("last"), after=("first", "second")),
        Step("second", lambda: order.append("second"), after=("first",)),
        Step("first", lambda: order.append("first")),
    )
    assert order == ["first", "second", "last"]


def test_a_step_does_not_wait_for_what_it_does_not_follow(steps: Steps) -> None:
    second_ran = threading.Event()

    def slow() -> None:
        assert second_ran.wait(60)

    steps.run(Step("slow", slow), Step("quick", lambda: None), Step("next", second_ran.set, after=("quick",)))


def test_the_first_failure_ends_the_run_and_nothing_new_begins(steps: Steps, out: io.StringIO) -> None:
    def fail() -> None:
        raise LookupError("no such thing")

    ran: list[str] = []
    with pytest.raises(LookupError):
        steps.run(Step("broken", fail), Step("next", lambda: ran.append("next"), after=("broken",)))
    assert ran == []
    assert "✗ broken" in out.getvalue()


def test_a_failure_does_not_leave_running_steps_behind(steps: Steps) -> None:
    started, failed = threading.Event(), threading.Event()
    ended: list[str] = []

    def other() -> None:
        started.set()
        failed.wait(5)
        ended.append("other")

    def fail() -> None:
        started.wait(5)
        failed.set()
        raise LookupError

    with pytest.raises(LookupError):
        steps.run(Step("other", other), Step("broken", fail))
    assert ended == ["other"]


@pytest.mark.parametrize(
    ("console", "error"),
    [
        (Console(stdout=Unread(), json_lines=True), BrokenPipeError),
        (Console(stdout=io.TextIOWrapper(io.BytesIO(), encoding="ascii")), UnicodeEncodeError),
    ],
    ids=["closed pipe", "ASCII"],
)
def test_a_step_that_cannot_be_shown_ends_the_run_with_the_reason(
    console: Console, error: type[BaseException]
) -> None:
    assert isinstance(raised(lambda: Steps(console).run(Step("build", lambda: None))), error)


def test_a_failure_that_cannot_be_shown_is_still_the_one_that_ends_the_run() -> None:
    def fail() -> None:
        raise LookupError

    steps = Steps(Console(stdout=Unread(), json_lines=True))
    assert isinstance(raised(lambda: steps.run(Step("build", fail))), LookupError)


@pytest.mark.parametrize("note", ["/srv/[/x]/LibreChat", "arn:aws:secretsmanager:eu-central-1:1:secret:a"])
def test_a_note_is_shown_as_it_is(steps: Steps, out: io.StringIO, terminal: Console, note: str) -> None:
    assert raised(lambda: steps.run(Step("build", lambda: note))) is None
    assert f"({note})" in out.getvalue()
    assert raised(lambda: Steps(terminal).run(Step("build", lambda: note))) is None
    assert f"({note})" in terminal.rich.file.getvalue()  # type: ignore[attr-defined]


def test_a_subprocess_that_does_not_stop_when_asked_is_killed_with_its_children(
    steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps_module, "_STOP_SECONDS", 0.1)
    begun = threading.Event()
    pids: list[int] = []

    def on_line(line: str) -> None:
        pids.extend(map(int, line.split()))
        begun.set()

    def stubborn() -> None:
        command = ["/bin/sh", "-c", "trap '' INT TERM; sleep 600 & echo $$ $!; wait"]
        processes.stream(command, cwd=tmp_path, environment=os.environ, on_line=on_line)

    def fail() -> None:
        assert begun.wait(120)
        raise LookupError

    try:
        with pytest.raises(LookupError):
            steps.run(Step("stubborn", stubborn), Step("broken", fail))
        assert [ends(pid) for pid in pids] == [True, True]
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def plan_that_is_ended_at_once(place: Path, begun: Callable[[], None]) -> None:
    """As `Terraform.plan` does it."""
    command = ["/bin/sh", "-c", "trap '' INT TERM; echo begun; exec sleep 600"]
    try:
        processes.stream(command, cwd=place, environment=os.environ, on_line=lambda _: begun())
    except processes.Forced as error:
        raise DeployError(
            "Ended at once", "It may be locked.", "Try inv unlock.", status=ExitStatus.INTERRUPTED
        ) from error


def interrupt_after(*seconds: float) -> None:
    for after in seconds:
        threading.Timer(after, os.kill, [os.getpid(), signal.SIGINT]).start()


def test_what_is_left_to_do_after_an_end_at_once_is_said_instead_of_only_interrupted(
    steps: Steps, tmp_path: Path
) -> None:
    plan = partial(plan_that_is_ended_at_once, tmp_path, lambda: interrupt_after(0.3, 0.6))
    with processes.interruptible(), pytest.raises(DeployError, match="Ended at once"):
        steps.run(Step("terraform plan", plan))


def test_beside_a_failure_it_is_a_warning(out: io.StringIO, tmp_path: Path) -> None:
    begun = threading.Event()

    def fail() -> None:
        assert begun.wait(120)
        interrupt_after(0.3)  # somebody who does not wait for the plan to end
        raise LookupError

    plan = partial(plan_that_is_ended_at_once, tmp_path, begun.set)
    with processes.interruptible(), pytest.raises(LookupError):
        Steps(Console(stdout=out, stderr=out)).run(Step("terraform plan", plan), Step("build image", fail))
    assert "Warning: It may be locked. Try inv unlock." in out.getvalue()


def test_a_step_that_finds_itself_not_needed_is_not_shown(steps: Steps, out: io.StringIO) -> None:
    def skip() -> None:
        raise NothingToDo

    ran: list[str] = []
    steps.run(Step("smoke", skip), Step("after", lambda: ran.append("after"), after=("smoke",)))
    assert ran == ["after"]
    assert "smoke" not in out.getvalue()


def test_a_circle_is_an_error_and_not_a_standstill(steps: Steps) -> None:
    with pytest.raises(ValueError, match="wait for each other"):
        steps.run(Step("a", lambda: None, after=("b",)), Step("b", lambda: None, after=("a",)))


def test_a_misspelt_predecessor_is_an_error(steps: Steps) -> None:
    with pytest.raises(ValueError, match="bild"):
        steps.run(Step("a", lambda: None, after=("bild",)))


def test_the_summary_says_which_steps_ran_side_by_side() -> None:
    build, init, apply = Timing("build", 0, 4), Timing("init", 1, 2), Timing("apply", 4, 9)
    assert build.beside(init) and init.beside(build)
    assert not build.beside(apply)


def test_the_times_say_what_a_step_waited_for(steps: Steps) -> None:
    steps.run(Step("init", lambda: None), Step("plan", lambda: None, after=("init",)))

    shown = Times(tuple(steps.timings), steps.total).to_json()["steps"]
    assert {step["name"]: step["after"] for step in shown} == {"init": [], "plan": ["init"]}


def test_on_a_terminal_the_times_of_several_runs_add_up_in_one_table(terminal: Console) -> None:
    steps = Steps(terminal)
    steps.run(
        Step("plan", lambda: "cached, and a note that is longer than what is left of the line, but wraps")
    )
    with steps.step("apply"):
        pass
    before = terminal.rich.file.getvalue()  # type: ignore[attr-defined]
    steps.show()
    table = terminal.rich.file.getvalue().removeprefix(before)  # type: ignore[attr-defined]
    assert table.index("plan") < table.index("cached") < table.index("apply") < table.index("Total")


def test_a_log_has_each_step_once_and_then_the_total(steps: Steps, out: io.StringIO) -> None:
    steps.run(Step("plan", lambda: None))
    steps.show()
    assert out.getvalue().count("plan") == 1
    assert out.getvalue().splitlines()[-1].startswith("Total ")


def test_json_mode_has_one_event_a_step_with_its_seconds(out: io.StringIO) -> None:
    steps = Steps(Console(stdout=out, json_lines=True))
    steps.run(Step("plan", lambda: "cached"))
    event = json.loads(out.getvalue())
    assert event["type"] == "step"
    assert event["name"] == "plan"
    assert event["note"] == "cached"
    assert event["took"] >= 0
