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
from scripts.session import Session
from scripts.settings import Settings
from scripts.target import Target
from scripts.terraform import Terraform

pytestmark = pytest.mark.integration

FIRST = 'resource "terraform_data" "a" { input = 1 }\noutput "url" { value = "https://example.test" }\n'
CHANGED = FIRST.replace("input = 1", "input = 2")
REPLACED = FIRST + 'resource "terraform_data" "b" { triggers_replace = 1 }\n'


@dataclass(frozen=True)
class Report:
    """A smoke report."""

    ok: bool
    type: str = "smoke"

    def to_json(self) -> dict[str, Any]:
        return {"ok": self.ok}

    def __rich__(self) -> str:
        return "smoke passed" if self.ok else "smoke failed"


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
        self.target = Target(self.settings.target, {}, Aws(region="eu-west-1"), "http://localhost:1")
        return None

    def check_references(self) -> str | None:
        return None

    def prepare_state(self) -> str | None:
        self.deployed = (self.root / "terraform.tfstate").exists()
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

    def fingerprint(self) -> str:
        return (self.root / "main.tf").read_text()

    def smoke(self, outputs: Mapping[str, Any], console: Console | None = None) -> Any:
        self.calls.append("early smoke" if console else "smoke")
        return self.reports.pop(0) if self.reports else Report(True)

    def take_inventory(self) -> Inventory:
        return Inventory(self.left, {}, ("S3 bucket",))

    def end_local(self) -> None:
        self.calls.append("end")


@dataclass
class Bench:
    """Makes one session after another over the same folder."""

    settings: Settings
    root: Path
    out: io.StringIO

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
        default_settings, local=replace(default_settings.local, directory=str(tmp_path / "local"))
    )
    bench = Bench(settings, root, io.StringIO())
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
    session.reports = [Report(False), Report(True)]
    assert pipeline.deploy(session) is ExitStatus.OK
    assert [call for call in session.calls if "smoke" in call] == ["early smoke", "smoke"]


def test_checks_beside_a_plan_with_changes_do_not_count(bench: Bench) -> None:
    """Something outside the fingerprint has changed, such as the state."""
    bench.deploy()
    (bench.root / "terraform.tfstate").unlink()
    session = bench.deploy()
    assert [call for call in session.calls if "smoke" in call] == ["early smoke", "smoke"]


def test_a_deployment_that_does_not_behave_ends_with_its_own_status(bench: Bench) -> None:
    session = bench.session()
    session.reports = [Report(False)]
    with pytest.raises(DeployError) as failure:
        pipeline.deploy(session)
    assert failure.value.status is ExitStatus.SMOKE_FAILED


def test_a_broken_build_is_found_before_anything_is_applied(bench: Bench) -> None:
    class Broken(Rehearsal):
        def build_frontend(self) -> str | None:
            raise DeployError("npm failed")

    session = Broken(bench.settings, Console(stdout=bench.out), bench.root)
    with pytest.raises(DeployError, match="npm failed"):
        pipeline.deploy(session)
    assert not (bench.root / "terraform.tfstate").exists()


def test_the_real_account_is_never_touched_without_a_yes(bench: Bench) -> None:
    session = bench.session(target="aws")
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.deploy(session)
    assert not (bench.root / "terraform.tfstate").exists()


def test_the_flag_yes_confirms_for_the_real_account(bench: Bench) -> None:
    bench.deploy(target="aws", yes=True)
    assert (bench.root / "terraform.tfstate").exists()


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
    assert json.loads((bench.root / "terraform.tfstate").read_text())["resources"] == []
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
    session = bench.session(target="aws", yes=True)
    pipeline.destroy(session)
    assert "librechat-lambda-tfstate-dev stays" in bench.out.getvalue()
    assert session.calls == []


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
    assert {"step", "plan", "resource", "smoke", "times", "deployed"} <= {event["type"] for event in events}
    assert events[-1]["url"] == "http://localhost:1"
    beside = {step["name"]: step["beside"] for step in events[-2]["steps"]}
    assert set(beside) >= {"build frontend", "terraform plan", "terraform apply"}
