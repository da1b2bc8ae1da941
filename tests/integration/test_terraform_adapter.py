"""The adapter against the real binary, with resources that need no provider."""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from scripts.errors import DeployError, ExitStatus
from scripts.terraform import Action, Plan, Terraform, events

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_cli_configuration")]

PROJECT_ROOT = Path(__file__).parent.parent.parent
SECRET = "correct-horse-battery"

SLOW = """
resource "terraform_data" "slow" {
  provisioner "local-exec" { command = "echo working; exec sleep 60" }
}
"""


def root(directory: Path, configuration: str) -> Path:
    (directory / "main.tf").write_text(configuration)
    Terraform(directory).init()
    return directory


def apply(terraform: Terraform) -> list[events.Event]:
    seen: list[events.Event] = []
    with terraform.plan() as saved:
        terraform.apply(saved.file, on_event=seen.append)
    return seen


def test_what_the_events_of_a_plan_say_is_what_its_file_says(tmp_path: Path) -> None:
    directory = root(
        tmp_path,
        """
        resource "terraform_data" "a" { for_each = toset(["x.y", "z"]) }
        resource "terraform_data" "b" {}
        output "id" { value = terraform_data.b.id }
        """,
    )
    terraform = Terraform(directory)
    for destroy in (False, True):
        seen: list[events.Event] = []
        with terraform.plan(destroy=destroy, on_event=seen.append) as saved:
            told, read = Plan.from_events(seen), terraform.show(saved.file)
            assert told == read == saved.plan
            assert len(read.changes) == 3 and read.outputs == ("id",)
            terraform.apply(saved.file)


def test_a_life_from_plan_to_destroy(tmp_path: Path) -> None:
    directory = root(
        tmp_path,
        """
        variable "size" { type = number }
        variable "secret" {
          type      = string
          sensitive = true
        }
        resource "terraform_data" "a" {
          count = 2
          input = var.size
        }
        output "size" { value = var.size }
        output "secret" {
          value     = var.secret
          sensitive = true
        }
        """,
    )
    terraform = Terraform(directory, variables={"size": 3, "secret": SECRET})
    with terraform.plan() as saved:
        assert [change.action for change in saved.plan.changes] == [Action.ADD, Action.ADD]
        assert SECRET not in repr(saved.plan)
        assert saved.file.stat().st_mode & 0o777 == 0o600
        assert terraform.apply(saved.file) == {"size": 3}
    with terraform.plan() as saved:
        assert saved.plan.empty
    assert terraform.output() == {"size": 3}

    with Terraform(directory, variables={"size": 4, "secret": SECRET}).plan() as saved:
        assert saved.plan.outputs == ("size",)
        assert {change.action for change in saved.plan.changes} == {Action.CHANGE}

    with terraform.plan(destroy=True) as saved:
        assert saved.plan.count(Action.DESTROY) == 2
        terraform.apply(saved.file)
    assert terraform.output() == {}


def test_the_version_is_a_version() -> None:
    assert Terraform(PROJECT_ROOT).version().split(".")[0] == "1"


def test_work_on_resources_and_the_output_of_provisioners_arrive_as_events(tmp_path: Path) -> None:
    directory = root(
        tmp_path,
        """
        resource "terraform_data" "a" {
          provisioner "local-exec" { command = "echo one; echo two" }
        }
        """,
    )
    seen = apply(Terraform(directory))
    assert events.ApplyStart("terraform_data.a", "create") in seen
    assert events.ProvisionOutput("terraform_data.a", "two") in seen
    assert any(isinstance(event, events.ApplyComplete) for event in seen)


def test_events_arrive_while_terraform_runs(tmp_path: Path) -> None:
    """Line by line: the provisioner waits for a file that we make when its first line has come."""
    go = tmp_path / "go"
    command = f"echo waiting; while [ ! -e {go} ]; do sleep 0.05; done"
    directory = root(
        tmp_path,
        f'resource "terraform_data" "a" {{\n  provisioner "local-exec" {{ command = "{command}" }}\n}}\n',
    )

    def listen(event: events.Event) -> None:
        if event == events.ProvisionOutput("terraform_data.a", "waiting"):
            go.touch()

    with Terraform(directory).plan() as saved:
        Terraform(directory).apply(saved.file, on_event=listen)
    assert go.exists()


def test_a_failing_apply_shows_the_diagnostic_whole_and_what_the_provisioner_said(
    tmp_path: Path,
) -> None:
    directory = root(
        tmp_path,
        """
        resource "terraform_data" "a" {
          provisioner "local-exec" { command = "echo the disk is full; exit 3" }
        }
        """,
    )
    with pytest.raises(DeployError) as failure:
        apply(Terraform(directory))
    error = failure.value
    assert error.status is ExitStatus.FAILED
    assert "local-exec provisioner error" in error.why
    assert "with terraform_data.a," in error.evidence
    assert "the disk is full" in error.evidence
    assert "main.tf line 3" in error.evidence
    assert "goes on from here" in error.next_step


def test_what_failed_half_way_is_replaced_by_the_next_apply(tmp_path: Path) -> None:
    directory = root(
        tmp_path,
        """
        resource "terraform_data" "a" {
          provisioner "local-exec" { command = "test -e repaired" }
        }
        """,
    )
    with pytest.raises(DeployError):
        apply(Terraform(directory))
    (directory / "repaired").touch()
    with Terraform(directory).plan() as saved:
        assert saved.plan.changes[0].forced_by == ("because_tainted",)
        Terraform(directory).apply(saved.file)
    with Terraform(directory).plan() as saved:
        assert saved.plan.empty


def test_a_configuration_error_names_file_and_line(tmp_path: Path) -> None:
    directory = root(tmp_path, 'output "a" {\n  value = 1\n}\n')
    (directory / "main.tf").write_text('output "a" {\n  value = var.missing\n}\n')
    with pytest.raises(DeployError) as failure, Terraform(directory).plan():
        pass
    assert "main.tf line 2" in failure.value.evidence
    assert "var.missing" in failure.value.evidence


def test_warnings_are_handed_over_whole(tmp_path: Path) -> None:
    directory = root(
        tmp_path,
        """
        locals { a = 1 }
        check "a" {
          assert {
            condition     = local.a == 2
            error_message = "Odd."
          }
        }
        """,
    )
    seen: list[events.Event] = []
    with Terraform(directory).plan(on_event=seen.append):
        pass
    warnings = [event for event in seen if isinstance(event, events.Diagnostic)]
    assert [warning.severity for warning in warnings] == ["warning"]
    assert "Odd." in warnings[0].render()


def test_a_held_lock_says_who_holds_it_and_how_to_unlock(tmp_path: Path) -> None:
    directory = root(tmp_path, 'resource "terraform_data" "a" {}\n')
    with lock_held(directory), pytest.raises(DeployError) as failure, Terraform(directory).plan():
        pass
    error = failure.value
    assert error.status is ExitStatus.LOCKED
    lock = error.facts["lock"]
    assert lock["host"] == platform.node()
    assert lock["id"] in error.why
    assert f"inv unlock --id {lock['id']}" in error.next_step


def test_drift_is_not_what_the_configuration_would_change_and_leaves_everything_as_it_was(
    tmp_path: Path,
) -> None:
    directory = root(tmp_path, 'resource "terraform_data" "a" { input = 1 }\n')
    apply(Terraform(directory))
    state = (directory / "terraform.tfstate").read_bytes()
    (directory / "main.tf").write_text('resource "terraform_data" "a" { input = 2 }\n')
    found = Terraform(directory).drift()
    assert (found.found, found.checked, found.incomplete) == (False, 1, "")
    assert (directory / "terraform.tfstate").read_bytes() == state
    assert not list((directory / ".terraform").glob("plan-*"))


def test_drift_waits_for_nobodys_lock(tmp_path: Path) -> None:
    directory = root(tmp_path, 'resource "terraform_data" "a" {}\n')
    with lock_held(directory):
        assert not Terraform(directory).drift().found


def test_a_comparison_that_fails_half_way_says_why_it_is_incomplete(tmp_path: Path) -> None:
    directory = root(tmp_path, 'resource "terraform_data" "a" { input = 1 }\n')
    apply(Terraform(directory))
    with (directory / "main.tf").open("a") as configuration:
        configuration.write('data "terraform_remote_state" "gone" {\n  backend = "local"\n'
                            '  config  = { path = "/nowhere" }\n}\n')  # fmt: skip
    found = Terraform(directory).drift()
    assert "Unable to find remote state" in found.incomplete


def test_a_missing_binary_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DeployError) as failure:
        Terraform(tmp_path, binary="terraform-that-is-not-there").version()
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_no_secret_is_in_an_argument_list_or_in_a_file(tmp_path: Path) -> None:
    """While an apply with a secret variable runs: its command lines and every file but the state."""
    go = tmp_path / "go"
    command = f"echo waiting; while [ ! -e {go} ]; do sleep 0.05; done"
    directory = root(
        tmp_path,
        f"""
        variable "secret" {{
          type      = string
          sensitive = true
        }}
        resource "terraform_data" "a" {{
          provisioner "local-exec" {{ command = "{command}" }}
        }}
        output "used" {{ value = length(nonsensitive(var.secret)) }}
        """,
    )
    argvs: list[str] = []

    def listen(event: events.Event) -> None:
        if isinstance(event, events.ProvisionOutput) and event.text == "waiting":
            for child in psutil.Process().children(recursive=True):
                argvs.append(" ".join(child.cmdline()))
            go.touch()

    terraform = Terraform(directory, variables={"secret": SECRET})
    with terraform.plan() as saved:
        plan_directory = saved.file.parent
        terraform.apply(saved.file, on_event=listen)
    assert any("terraform apply" in argv for argv in argvs)
    assert not any(SECRET in argv for argv in argvs)
    assert not plan_directory.exists()
    holders = [path for path in directory.rglob("*") if path.is_file() and SECRET in path.read_text()]
    assert holders == []


@contextmanager
def lock_held(directory: Path) -> Iterator[None]:
    """Another Terraform in the middle of an apply of the same state."""
    (directory / "main.tf").write_text(SLOW)
    holding = threading.Event()
    terraform = Terraform(directory)

    def listen(event: events.Event) -> None:
        if isinstance(event, events.ProvisionOutput) and event.text == "working":
            holding.set()

    def hold() -> None:
        with terraform.plan() as saved:
            terraform.apply(saved.file, on_event=listen)

    def swallow() -> None:
        try:
            hold()
        except (DeployError, KeyboardInterrupt):
            return

    thread = threading.Thread(target=swallow)
    thread.start()
    try:
        assert holding.wait(20)
        yield
    finally:
        from scripts import processes

        processes.interrupt_background()
        thread.join(timeout=30)
