"""The command surface: help, flags, exit statuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from invoke.exceptions import Exit

import tasks
from scripts.command import command
from scripts.errors import DeployError, ExitStatus
from tests.events import require_documented

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parent.parent.parent
CONFIG = yaml.safe_load((ROOT / "invoke.yaml").read_text())

EVERY_TASK = sorted(tasks.namespace.task_names)


def ended(body: Callable[[], Any], **flags: Any) -> int:
    """The exit status of a task with this body."""
    try:
        with command(CONFIG, **flags):
            body()
    except Exit as end:
        return int(end.code)
    return 0


def failing(error: BaseException) -> Callable[[], Any]:
    def body() -> None:
        raise error

    return body


@pytest.mark.parametrize("name", EVERY_TASK)
def test_every_task_explains_itself_and_each_of_its_flags(name: str) -> None:
    task = tasks.namespace[name]
    assert task.__doc__ and task.__doc__.strip().splitlines()[0].endswith(".")
    undescribed = [argument.name for argument in task.get_arguments() if not argument.help]
    assert undescribed == []


@pytest.mark.parametrize("name", EVERY_TASK)
def test_every_task_speaks_json_and_shows_tracebacks_on_demand(name: str) -> None:
    flags = {argument.name for argument in tasks.namespace[name].get_arguments()}
    assert {"json", "debug"} <= flags


@pytest.mark.parametrize("name", ["deploy", "destroy", "rollback"])
def test_what_asks_can_be_answered_beforehand(name: str) -> None:
    assert "yes" in {argument.name for argument in tasks.namespace[name].get_arguments()}


def test_a_task_without_trouble_ends_with_zero() -> None:
    assert ended(lambda: None) == 0


@pytest.mark.parametrize("status", list(ExitStatus))
def test_a_named_failure_ends_with_its_status(status: ExitStatus) -> None:
    assert ended(failing(DeployError("It failed", status=status))) == int(status)


def test_an_interruption_says_that_the_same_command_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(failing(KeyboardInterrupt())) == 130
    assert "goes on from here" in capsys.readouterr().err


def test_termination_ends_like_an_interruption() -> None:
    assert ended(lambda: os.kill(os.getpid(), signal.SIGTERM)) == 130


def test_a_bug_is_called_a_bug_and_shows_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(failing(ZeroDivisionError("division by zero"))) == 1
    text = capsys.readouterr().err
    assert "a bug of ours" in text
    assert "ZeroDivisionError: division by zero" in text
    assert "Traceback" not in text


def test_debug_shows_the_traceback_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(failing(ZeroDivisionError()), debug=True) == 1
    text = capsys.readouterr().err
    assert "Traceback" in text
    assert "a bug of ours" in text


def test_a_refusal_of_aws_is_no_bug_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    from botocore.exceptions import NoCredentialsError

    assert ended(failing(NoCredentialsError())) == 1
    assert "AWS refused" in capsys.readouterr().err


def test_with_json_a_failure_is_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(failing(DeployError("It failed", "why")), json=True) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["what"] == "It failed"
    assert captured.err == ""


@pytest.mark.parametrize(("flags", "unread"), [(["--json"], "stdout"), ([], "stderr")])
def test_a_failure_that_nobody_reads_keeps_its_status(flags: list[str], unread: str) -> None:
    """As `inv … --json | head -1` does it; buffered, as Python is by default."""
    reading, writing = os.pipe()
    os.close(reading)
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, unread: writing}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "invoke", "releases", "--limit", "0", *flags]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, text=True, **streams)
    os.close(writing)
    assert done.returncode == ExitStatus.PREFLIGHT_FAILED
    assert "Traceback" not in (done.stderr or "")


def test_a_sign_that_a_log_cannot_hold_does_not_end_the_run() -> None:
    program = (
        "import yaml; from scripts.command import command\n"
        "with command(yaml.safe_load(open('invoke.yaml'))) as run: run.console.say('✓ done')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"? done\n", b"")


def test_the_summary_of_a_run_whose_reader_left_does_not_say_ok(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"

    def left() -> None:
        raise SystemExit(1)  # rich's answer to a closed pipe

    with pytest.raises(SystemExit):
        ended(left, name="plan", summary=str(file))
    assert "exit status 1" in file.read_text()


def test_a_bad_setting_ends_before_anything_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[str] = []
    assert ended(lambda: ran.append("ran"), target="moon") == 3
    assert ran == []
    assert "target" in capsys.readouterr().err


def test_signals_are_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    ended(lambda: None)
    assert signal.getsignal(signal.SIGTERM) is before


def test_invoke_passes_settings_flags_and_variables_on() -> None:
    """The whole way: `inv`, invoke.yaml, an environment variable, an exit status."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "inv"), "plan", "--json"],
        cwd=ROOT,
        env={**os.environ, "INVOKE_STATE_BUCKET": "NOT A BUCKET"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "state.bucket" in json.loads(done.stdout)["what"]


@pytest.mark.parametrize(("name", "value"), [("INVOKE_LOCAL_PORT", "abc"), ("INVOKE_SMOKE_TIMEOUT", "nan")])
def test_a_variable_that_is_no_number_is_explained_and_no_traceback(name: str, value: str) -> None:
    """Invoke casts a variable to its default's type, and a failure of that is a traceback."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "inv"), "local.status"],
        cwd=ROOT,
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert name in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("task", ["status", "outputs", "destroy"])
def test_without_credentials_no_task_goes_on_to_the_real_account(task: str) -> None:
    """Also those that only read: the account is checked before anything is asked of it."""
    nobody = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}
    nobody |= {"AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [str(Path(sys.executable).parent / "inv"), task, "--target", "aws"],
        cwd=ROOT,
        env=nobody,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "Unable to locate credentials" in done.stderr
    assert "Sign in" in done.stderr


def test_the_flag_target_is_known_to_invoke() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "inv"), "deploy", "--target", "moon"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "moon" in done.stderr


def test_the_summary_of_a_failed_run_says_why_and_with_which_status(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    failed = failing(DeployError("It failed", "why", status=ExitStatus.LOCKED))
    assert ended(failed, name="deploy", summary=str(file)) == 5
    text = file.read_text()
    assert text.startswith("## ❌ `inv deploy` → local, environment dev: ")
    assert "(exit status 5)" in text
    assert "**It failed**" in text


def test_the_summary_of_a_run_that_never_began_says_so_too(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    assert ended(lambda: None, target="moon", name="plan", summary=str(file)) == 3
    assert "(exit status 3)" in file.read_text()


def test_a_status_that_is_no_failure_is_in_the_summary_as_well(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    assert ended(failing(Exit(code=2)), name="plan", summary=str(file)) == 2
    assert file.read_text().startswith("## 🔶 `inv plan`")


def test_a_summary_that_cannot_be_written_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    ran: list[str] = []
    assert ended(lambda: ran.append("ran"), name="plan", summary=str(tmp_path / "no" / "s.md")) == 3
    assert ran == []


@pytest.mark.parametrize("name", ["deploy", "plan", "smoke", "doctor", "destroy", "rollback", "drift"])
def test_what_ci_runs_can_leave_a_summary(name: str) -> None:
    assert "summary" in {argument.name for argument in tasks.namespace[name].get_arguments()}


def inv(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "inv"), *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("task", ["outputs", "logs", "drift", "smoke"])
def test_what_only_reads_does_not_start_the_embedded_aws_when_nothing_was_deployed_there(
    task: str, tmp_path: Path
) -> None:
    done = inv(task, "--json", INVOKE_LOCAL_DIRECTORY=str(tmp_path / "local"))
    assert done.returncode == 1
    [event] = map(json.loads, done.stdout.splitlines())
    assert event["what"] == "Nothing is deployed on the target local"
    require_documented([event])
    assert not (tmp_path / "local").exists()


def test_status_of_a_machine_that_never_deployed_starts_nothing_and_is_no_failure(tmp_path: Path) -> None:
    done = inv("status", "--drift", "--json", INVOKE_LOCAL_DIRECTORY=str(tmp_path / "local"))
    assert done.returncode == 0, done.stderr
    [event] = map(json.loads, done.stdout.splitlines())
    require_documented([event])
    assert (event["deployed"], event["embedded_aws"]["state"]) == (False, "stopped")
    assert event["drift"]["status"] == "not checked"
    assert not (tmp_path / "local").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_for_every_usual_shell(shell: str) -> None:
    done = inv(f"--print-completion-script={shell}")
    assert done.returncode == 0
    assert "invoke" in done.stdout and "--complete" in done.stdout


def test_bash_completes_our_tasks_and_their_flags() -> None:
    """The script that --print-completion-script prints, in a real bash, for a line as a person types it."""

    def completed(*words: str) -> set[str]:
        line = " ".join(f"'{word}'" for word in words)
        program = (
            f'eval "$(inv --print-completion-script=bash)"; COMP_WORDS=({line}); '
            f'COMP_CWORD={len(words) - 1}; _complete_invoke inv "{words[-1]}" "{words[-2]}"; '
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            ["bash", "-c", program],
            cwd=ROOT,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=True,
        )
        return set(done.stdout.split())

    assert completed("inv", "de") == {"deploy", "destroy"}
    assert "--summary" in completed("inv", "deploy", "--su")
