"""The decisions of deploy, plan and destroy, with a real Terraform and nothing else real."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from scripts import pipeline
from scripts.aws import Aws
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.inventory import Inventory, Leftover
from scripts.losses import Loss, Losses
from scripts.session import Session
from scripts.settings import Settings
from scripts.smoke import Finding, Report
from scripts.smoke.model import failed, passed
from scripts.state import LocalState
from scripts.target import Target
from scripts.terraform import Terraform
from scripts.terraform.workspace import Workspace
from tests.events import require_documented

pytestmark = pytest.mark.integration

FIRST = 'resource "terraform_data" "a" { input = 1 }\noutput "url" { value = "https://example.test" }\n'
CHANGED = FIRST.replace("input = 1", "input = 2")
REPLACED = FIRST + 'resource "terraform_data" "b" { triggers_replace = 1 }\n'


def report(ok: bool) -> Report:
    """A smoke report of one check."""
    crashed = failed("500", "200", reason="It crashed.", evidence="Set-Cookie: session=b1c2d3; Secure")
    found = passed("OK") if ok else crashed
    return Report("http://localhost:1", (Finding("SC-003", "/api/health answers OK", found, 0.1),), 0.1)


def state_of(settings: Settings) -> LocalState:
    """One for both targets, as there is only one Terraform configuration."""
    return LocalState(replace(settings, target="local"))


class NoAws(Aws):
    """Nobody to ask: what needs an account is replaced below, or does without."""

    def client(self, service: str, region: str | None = None) -> Any:
        raise ConnectionError(f"no {service} here")


class Rehearsal(Session):
    """A session whose account is a folder, and whose Terraform is real."""

    def __init__(self, settings: Settings, console: Console, root: Path) -> None:
        super().__init__(settings, console)
        self.root = root
        self.calls: list[str] = []
        self.reports: list[Report] = []
        self.left: tuple[Leftover, ...] = ()

    def check_tools(self) -> str | None:
        return None

    def connect(self) -> str | None:
        self.target = Target(self.settings.target, {}, NoAws(region="eu-west-1"), "http://localhost:1")
        return None

    def check_references(self, *, to_deploy: bool) -> str | None:
        return None

    @property
    def state(self) -> LocalState:
        return state_of(self.settings)

    def prepare_state(self) -> str | None:
        self.state.ensure()
        self.deployed = self.state.has_state()
        last = self.record.read()
        self.unchanged = last if last and last.fingerprint == self.fingerprint() else None
        return None

    find_state = prepare_state

    def build_frontend(self) -> str | None:
        self.calls.append("build frontend")
        return None

    def build_image(self) -> str | None:
        self.calls.append("build image")
        return None

    def prepare_configuration(self) -> str | None:
        self.workspace = Workspace(self.root, (), "bundled")
        return None

    def init(self) -> str | None:
        self.terraform = Terraform(self.root)
        self.terraform.init()
        return None

    init_to_read = init

    def plan(self) -> str | None:
        self.planned = self._stack.enter_context(self.terraform.plan())
        return None

    def plan_destroy(self) -> str | None:
        self.planned = self._stack.enter_context(self.terraform.plan(destroy=True))
        return None

    def variables(self) -> dict[str, Any]:
        return {"config_version": "", "frontend_hash": "client", "base_image": "base"}

    def fingerprint(self) -> str:
        return (self.root / "main.tf").read_text()

    def smoke(self, outputs: Mapping[str, Any], console: Console | None = None) -> Any:
        self.calls.append("early smoke" if console else "smoke")
        return self.reports.pop(0) if self.reports else report(True)

    def take_inventory(self) -> Inventory:
        return Inventory(self.left, {}, ("S3 bucket",))

    def count_losses(self, history: str) -> Losses:
        return Losses((Loss("the users' files", "files", 3, "object", 4_000_000),), history)

    def end_local(self) -> None:
        self.calls.append("end")


@dataclass
class Bench:
    """Makes one session after another over the same folder."""

    settings: Settings
    root: Path
    out: io.StringIO

    @property
    def state(self) -> LocalState:
        return state_of(self.settings)

    def configure(self, text: str) -> None:
        (self.root / "main.tf").write_text(text)

    def session(self, *, target: str = "local", yes: bool = False, json_lines: bool = False) -> Rehearsal:
        console = Console(stdout=self.out, stderr=self.out, assume_yes=yes, json_lines=json_lines)
        return Rehearsal(replace(self.settings, target=target), console, self.root)

    def deploy(self, **options: Any) -> Rehearsal:
        session = self.session(**options)
        assert pipeline.deploy(session) is ExitStatus.OK
        return session


@pytest.fixture
def bench(default_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", "/dev/null")
    root = tmp_path / "root"
    root.mkdir()
    settings = replace(
        default_settings,
        local=replace(default_settings.local, directory=str(tmp_path / "local")),
        state=replace(default_settings.state, backend="local", directory=str(tmp_path / "state")),
    )
    bench = Bench(settings, root, io.StringIO())
    backend = f'backend "local" {{\n    path = "{bench.state.file}"\n  }}'
    (root / "backend_override.tf").write_text(f"terraform {{\n  {backend}\n}}\n")
    bench.configure(FIRST)
    return bench


def test_a_deploy_builds_applies_proves_and_ends_with_the_url(bench: Bench) -> None:
    session = bench.deploy()
    assert sorted(session.calls[:2]) == ["build frontend", "build image"]
    assert session.calls[2:] == ["smoke"]
    text = bench.out.getvalue()
    assert "1 to add" in text
    assert "Total" in text
    assert text.rstrip().endswith("http://localhost:1")


def test_a_second_deploy_says_that_nothing_changes_and_applies_nothing(bench: Bench) -> None:
    bench.deploy()
    bench.out.truncate(0)
    session = bench.deploy()
    assert "No changes" in bench.out.getvalue()
    assert "terraform apply" not in bench.out.getvalue()
    assert session.calls.count("early smoke") == 1
    assert "smoke" not in session.calls


def test_checks_that_fail_beside_the_plan_are_repeated_before_they_count(bench: Bench) -> None:
    bench.deploy()
    session = bench.session()
    session.reports = [report(False), report(True)]
    assert pipeline.deploy(session) is ExitStatus.OK
    assert [call for call in session.calls if "smoke" in call] == ["early smoke", "smoke"]


def test_checks_beside_a_plan_with_changes_do_not_count(bench: Bench) -> None:
    """Something outside the fingerprint has changed, such as the state."""
    bench.deploy()
    bench.state.file.unlink()
    session = bench.deploy()
    assert [call for call in session.calls if "smoke" in call] == ["early smoke", "smoke"]


def test_a_deployment_that_does_not_behave_ends_with_its_own_status(bench: Bench) -> None:
    session = bench.session()
    session.reports = [report(False)]
    with pytest.raises(DeployError) as failure:
        pipeline.deploy(session)
    assert failure.value.status is ExitStatus.SMOKE_FAILED
    assert "✗ smoke" in bench.out.getvalue() and "✓ smoke" not in bench.out.getvalue()


def test_a_broken_build_is_found_before_anything_is_applied(bench: Bench) -> None:
    class Broken(Rehearsal):
        def build_frontend(self) -> str | None:
            raise DeployError("npm failed")

    session = Broken(bench.settings, Console(stdout=bench.out), bench.root)
    with pytest.raises(DeployError, match="npm failed"):
        pipeline.deploy(session)
    assert not bench.state.has_state()


def test_the_real_account_is_never_touched_without_a_yes(bench: Bench) -> None:
    session = bench.session(target="aws")
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.deploy(session)
    assert not bench.state.has_state()


def test_the_flag_yes_confirms_for_the_real_account(bench: Bench) -> None:
    bench.deploy(target="aws", yes=True)
    assert bench.state.has_state()


def test_destroying_something_asks_on_the_embedded_aws_as_well(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.deploy()
    monkeypatch.setattr("scripts.terraform.plan.Plan.destructive", True)
    bench.configure(CHANGED)
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.deploy(bench.session())


def test_changing_and_publishing_again_need_no_yes_on_the_embedded_aws(bench: Bench) -> None:
    bench.configure(REPLACED)
    bench.deploy()
    bench.configure(REPLACED.replace("triggers_replace = 1", "triggers_replace = 2"))
    bench.deploy()
    assert "1 to replace" in bench.out.getvalue()


def test_plan_ends_with_two_when_changes_are_pending_and_with_zero_when_not(bench: Bench) -> None:
    assert pipeline.plan(bench.session()) is ExitStatus.CHANGES_PENDING
    bench.deploy()
    assert pipeline.plan(bench.session()) is ExitStatus.OK
    assert not any("build" in call for call in bench.session().calls)


def test_destroy_asks(bench: Bench) -> None:
    bench.deploy()
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.destroy(bench.session())


def test_destroy_removes_everything_looks_for_leftovers_and_ends_the_embedded_aws(bench: Bench) -> None:
    bench.deploy()
    session = bench.session(yes=True)
    assert pipeline.destroy(session) is ExitStatus.OK
    head = bench.state.head()
    assert head is not None and head.resources == 0
    assert session.calls == ["end"]
    assert session.record.read() is None


def test_destroy_names_what_is_left_and_keeps_the_embedded_aws_for_a_look(bench: Bench) -> None:
    bench.deploy()
    session = bench.session(yes=True)
    session.left = (Leftover("S3 bucket", "librechat-lambda-files-dev"),)
    with pytest.raises(DeployError) as failure:
        pipeline.destroy(session)
    assert "S3 bucket librechat-lambda-files-dev" in failure.value.why
    assert session.calls == []


def test_destroy_of_nothing_still_looks_and_succeeds(bench: Bench) -> None:
    assert pipeline.destroy(bench.session()) is ExitStatus.OK


def test_the_state_of_the_real_account_stays_and_destroy_says_so(bench: Bench) -> None:
    bench.deploy(target="aws", yes=True)
    session = bench.session(target="aws")
    pipeline.destroy(session, confirm="dev")
    assert f"What stays: the state directory {bench.state.directory}" in bench.out.getvalue()
    assert bench.state.exists()
    assert session.calls == []


def test_destroy_says_which_data_is_lost_before_it_asks(bench: Bench) -> None:
    bench.deploy()
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.destroy(bench.session())
    said = bench.out.getvalue()
    assert "the users' files" in said
    assert "3 objects, 4.0 MB" in said
    assert "20 to 40 minutes" not in said, "the embedded AWS has no network interfaces to wait for"


def test_the_real_account_wants_the_environments_name_and_a_yes_is_not_enough(bench: Bench) -> None:
    bench.deploy(target="aws", yes=True)
    with pytest.raises(DeployError, match="by name") as failure:
        pipeline.destroy(bench.session(target="aws", yes=True))
    assert "--confirm dev" in failure.value.next_step
    assert "20 to 40 minutes" in bench.out.getvalue()
    head = bench.state.head()
    assert head is not None and head.resources == 1
    assert pipeline.destroy(bench.session(target="aws"), confirm="dev") is ExitStatus.OK


@pytest.mark.parametrize("target", ["local", "aws"])
def test_the_name_of_another_environment_ends_a_destroy_before_it_begins(bench: Bench, target: str) -> None:
    bench.deploy(target=target, yes=True)
    with pytest.raises(DeployError, match="not the one that --confirm names") as failure:
        pipeline.destroy(bench.session(target=target, yes=True), confirm="prod")
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_a_destroy_that_failed_half_way_goes_on(bench: Bench) -> None:
    gate = bench.root / "gate"
    provisioner = f'provisioner "local-exec" {{\n    when = destroy\n    command = "test -e {gate}"\n  }}'
    bench.configure(f'{FIRST}resource "terraform_data" "g" {{\n  {provisioner}\n}}\n')
    bench.deploy()
    with pytest.raises(DeployError, match="failed"):
        pipeline.destroy(bench.session(yes=True))
    head = bench.state.head()
    assert head is not None and head.resources == 1, "what could go is gone"
    gate.touch()
    session = bench.session(yes=True)
    assert pipeline.destroy(session) is ExitStatus.OK
    head = bench.state.head()
    assert head is not None and head.resources == 0
    assert session.calls == ["end"]


def test_a_purge_names_the_history_before_and_leaves_nothing_behind(bench: Bench) -> None:
    bench.deploy()
    assert pipeline.destroy(bench.session(yes=True), purge_state=True) is ExitStatus.OK
    said = bench.out.getvalue()
    assert "1 version of the state since" in said
    assert "Removed the state, its history and the releases" in said
    assert not bench.state.exists()
    assert pipeline.destroy(bench.session(yes=True), purge_state=True) is ExitStatus.OK


def test_a_purge_of_what_was_destroyed_before_asks_as_well(bench: Bench) -> None:
    bench.deploy()
    pipeline.destroy(bench.session(yes=True))
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.destroy(bench.session(), purge_state=True)
    assert bench.state.exists()
    assert pipeline.destroy(bench.session(yes=True), purge_state=True) is ExitStatus.OK
    assert not bench.state.exists()


def test_the_state_is_not_purged_while_anything_is_left(bench: Bench) -> None:
    bench.deploy()
    session = bench.session(yes=True)
    session.left = (Leftover("S3 bucket", "librechat-lambda-files-dev"),)
    with pytest.raises(DeployError, match="is left"):
        pipeline.destroy(session, purge_state=True)
    assert bench.state.exists()


def test_a_failed_apply_is_remembered_as_unfinished_and_the_same_command_goes_on(bench: Bench) -> None:
    gate = bench.root / "gate"
    provisioner = f'provisioner "local-exec" {{ command = "test -e {gate}" }}'
    bench.configure(f'{FIRST}resource "terraform_data" "g" {{\n  {provisioner}\n}}\n')
    with pytest.raises(DeployError, match="apply failed"):
        pipeline.deploy(bench.session())
    record = bench.session().record.read()
    assert record is not None and record.fingerprint == ""
    gate.touch()
    bench.deploy()


def test_smoke_and_outputs_of_nothing_say_that_nothing_is_deployed(bench: Bench) -> None:
    for command in (pipeline.smoke, pipeline.outputs):
        with pytest.raises(DeployError, match="Nothing is deployed"):
            command(bench.session())


def test_outputs_are_shown(bench: Bench) -> None:
    bench.deploy()
    assert pipeline.outputs(bench.session()) is ExitStatus.OK
    assert "https://example.test" in bench.out.getvalue()


def test_with_json_every_line_is_an_event_and_the_last_names_the_url(bench: Bench) -> None:
    bench.deploy(json_lines=True)
    events = [json.loads(line) for line in bench.out.getvalue().splitlines()]
    require_documented(event for event in events if event["type"] != "smoke")  # here a fake report
    assert {"step", "plan", "resource", "smoke", "times", "deployed"} <= {event["type"] for event in events}
    assert events[-1]["url"] == "http://localhost:1"
    beside = {step["name"]: step["beside"] for step in events[-2]["steps"]}
    assert set(beside) >= {"build frontend", "terraform plan", "terraform apply"}
