"""State and locks with a real Terraform: in the embedded S3, in a directory, and from one to the other."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from scripts import pipeline
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.session import Session
from scripts.settings import Settings
from scripts.target import Target
from scripts.terraform import Plan, workspace
from tests.integration.conftest import Emulator

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parent.parent.parent

CONFIGURATION = 'terraform {\n  backend "s3" {}\n}\nresource "terraform_data" "a" {\n  input = 1\n}\n'

SLOW = CONFIGURATION + (
    'resource "terraform_data" "slow" {\n'
    '  provisioner "local-exec" {\n    command = "echo working; exec sleep 600"\n  }\n}\n'
)

BACKEND = """\
use_lockfile = true
use_path_style = true
skip_credentials_validation = true
skip_region_validation = true
skip_requesting_account_id = true
skip_metadata_api_check = true
"""


class Account(Session):
    """A session on the embedded S3 that takes it for the real account."""

    def __init__(self, settings: Settings, console: Console, emulator: Emulator) -> None:
        super().__init__(settings, console)
        self._emulator = emulator

    def connect(self) -> str | None:
        environment = {
            "AWS_ACCESS_KEY_ID": self._emulator.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self._emulator.credentials.secret_access_key,
            "AWS_REGION": self.settings.aws.region,
            "AWS_ENDPOINT_URL": self._emulator.endpoint,
        }
        self.target = Target("aws", environment, self._emulator.aws)
        return None

    def variables(self) -> dict[str, Any]:
        return {}

    _fixed_variables = variables


@dataclass
class Bench:
    """Makes sessions over one tree, with the state here or there."""

    settings: Settings
    emulator: Emulator
    out: io.StringIO

    def session(self, backend: str, *, yes: bool = False) -> Account:
        state = replace(self.settings.state, backend=backend)
        console = Console(stdout=self.out, stderr=self.out, assume_yes=yes)
        return Account(replace(self.settings, state=state), console, self.emulator)

    def configure(self, text: str) -> None:
        (self.settings.tfvars_path.parent / "main.tf").write_text(text)

    @contextmanager
    def prepared(self, backend: str) -> Iterator[Account]:
        """A session that is ready to plan."""
        session = self.session(backend)
        with session.opened():
            session.connect()
            session.workspace = workspace.in_place(session.settings)
            session.prepare_state()
            session.init()
            yield session

    def apply(self, backend: str) -> None:
        with self.prepared(backend) as session:
            session.plan()
            session.terraform.apply(session.planned.file)

    def plan(self, backend: str) -> Plan:
        with self.prepared(backend) as session:
            session.plan()
            return session.planned.plan

    def refusal(self, backend: str) -> DeployError:
        with pytest.raises(DeployError) as failure, self.prepared(backend):
            pass
        return failure.value

    def run(self, command: str) -> None:
        """A command that a message gave, answered with yes."""
        session = self.session("s3")
        session.connect()
        subprocess.run(
            shlex.split(command),
            env={**os.environ, **session.target.environment},
            input="yes\n",
            text=True,
            check=True,
            capture_output=True,
        )

    @contextmanager
    def holder(self, backend: str) -> Iterator[psutil.Process]:
        """A Terraform that holds the lock, in the middle of an apply."""
        with self.prepared(backend) as session:
            environment = {**os.environ, **session.target.environment, "TF_INPUT": "0"}
            process = subprocess.Popen(
                ["terraform", "apply", "-auto-approve", "-no-color"],
                cwd=session.workspace.directory,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                process_group=0,
            )
        assert process.stdout is not None
        try:
            assert any("working" in line for line in process.stdout)
            yield psutil.Process(process.pid)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()


@pytest.fixture
def bench(
    default_settings: Settings, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", os.devnull)
    settings = replace(
        default_settings,
        target="aws",
        project_root=tmp_path,
        state=replace(
            default_settings.state, bucket=f"b-{abs(hash(tmp_path))}", key="app/dev/tf", lock_timeout="0s"
        ),
    )
    settings.tfvars_path.parent.mkdir(parents=True)
    (settings.tfvars_path.parent / "backend.hcl").write_text(BACKEND)
    bench = Bench(settings, emulator, io.StringIO())
    bench.configure(CONFIGURATION)
    return bench


BACKENDS = pytest.mark.parametrize("backend", ["s3", "local"])


@BACKENDS
def test_the_state_lives_where_the_setting_says(bench: Bench, backend: str) -> None:
    bench.apply(backend)
    assert bench.plan(backend).empty
    session = bench.session(backend)
    session.connect()
    head = session.state.head()
    assert head is not None
    assert head.resources == 1
    assert not list(bench.settings.tfvars_path.parent.glob("*.tfstate"))


@pytest.mark.parametrize(("first", "second"), [("s3", "local"), ("local", "s3")])
def test_switching_the_backend_is_refused_until_the_state_has_been_taken_along(
    bench: Bench, first: str, second: str
) -> None:
    bench.apply(first)
    error = bench.refusal(second)
    assert error.status is ExitStatus.PREFLIGHT_FAILED
    assert f"INVOKE_STATE_BACKEND={first}" in error.next_step
    bench.run(error.next_step.splitlines()[-1])
    assert bench.plan(second).empty
    bench.configure(CONFIGURATION.replace("input = 1", "input = 2"))
    bench.apply(second)
    assert bench.refusal(first).what.startswith("The state is in the other backend")
    assert bench.plan(second).empty, "the refusal has changed nothing"


def test_a_backend_that_was_only_planned_with_is_left_without_a_question(bench: Bench) -> None:
    bench.plan("s3")
    bench.apply("local")
    assert bench.plan("local").empty


@BACKENDS
def test_a_second_run_ends_with_5_and_says_who_since_when_and_how_to_unlock(
    bench: Bench, backend: str
) -> None:
    bench.configure(SLOW)
    with bench.holder(backend), pytest.raises(DeployError) as failure:
        bench.plan(backend)
    error = failure.value
    assert error.status is ExitStatus.LOCKED
    assert "The state is locked by" in bench.out.getvalue(), "said before waiting"
    assert "terraform apply" in error.why
    assert " ago)" in error.why
    lock = error.facts["lock"]
    assert error.next_step.endswith(f"inv unlock --target aws --id {lock['id']}")
    assert lock["since"]


@BACKENDS
def test_unlock_refuses_while_the_holder_runs_and_clears_up_once_it_was_killed(
    bench: Bench, backend: str
) -> None:
    bench.configure(SLOW)
    with bench.holder(backend) as holder:
        with pytest.raises(DeployError, match="still runs") as failure:
            pipeline.unlock(bench.session(backend, yes=True))
        assert failure.value.status is ExitStatus.LOCKED
        assert f"kill -INT {holder.pid}" in failure.value.next_step
    assert pipeline.unlock(bench.session(backend, yes=True)) is ExitStatus.OK
    bench.plan(backend)  # the lock is free


def test_unlock_says_when_nothing_is_locked(bench: Bench) -> None:
    assert pipeline.unlock(bench.session("s3")) is ExitStatus.OK
    assert "Nobody holds the state lock" in bench.out.getvalue()


def locked_by(bench: Bench, who: str, id: str = "1") -> Account:
    session = bench.session("s3")
    session.connect()
    session.state.ensure()
    record = {"ID": id, "Who": who, "Operation": "OperationTypeApply", "Created": "2026-11-23T03:21:15Z"}
    bench.emulator.aws.client("s3").put_object(
        Bucket=bench.settings.state.bucket, Key="app/dev/tf.tflock", Body=json.dumps(record).encode()
    )
    return session


def test_unlock_asks_when_the_holder_is_on_another_host(bench: Bench) -> None:
    session = locked_by(bench, "ann@build-7")
    with pytest.raises(DeployError, match="confirmation is needed") as failure:
        pipeline.unlock(bench.session("s3"))
    assert failure.value.status is ExitStatus.LOCKED
    assert failure.value.facts["lock"]["id"] == "1"
    assert session.state.lock() is not None
    assert pipeline.unlock(bench.session("s3", yes=True), "1") is ExitStatus.OK
    assert session.state.lock() is None
    assert "ann on the host build-7" in bench.out.getvalue()


def test_unlock_leaves_a_lock_that_somebody_else_has_taken_since(bench: Bench) -> None:
    session = locked_by(bench, "bob@build-8", "2")
    with pytest.raises(DeployError, match="The lock 1 is gone") as failure:
        pipeline.unlock(bench.session("s3", yes=True), "1")
    assert failure.value.status is ExitStatus.LOCKED
    assert "bob on the host build-8" in failure.value.why
    assert session.state.lock() is not None


INTERRUPTED = """
import os, sys
sys.path.insert(0, {project!r})
from pathlib import Path
from scripts.processes import interruptible
from scripts.terraform import Terraform

try:
    with interruptible():
        terraform = Terraform(Path({directory!r}), lock_timeout="600s")
        print("waiting", flush=True)
        with terraform.plan():
            pass
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_waiting_for_a_lock_can_be_interrupted(bench: Bench) -> None:
    bench.configure(SLOW)
    with bench.holder("s3"):
        session = bench.session("s3")
        session.connect()
        directory = bench.settings.tfvars_path.parent
        script = INTERRUPTED.format(project=str(ROOT), directory=str(directory))
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            env={**os.environ, **session.target.environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        process.stdout.close()
        lock = session.state.lock()
        assert lock is not None, "it is still the holder's"
