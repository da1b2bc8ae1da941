"""The argument lists: what python-terraform builds, and the traps of it that we avoid."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from scripts import processes
from scripts.terraform import Terraform


class Recorder(Terraform):
    """Builds and remembers the argument lists; runs nothing."""

    def __init__(self, directory: Path, **options: Any) -> None:
        super().__init__(directory, **options)
        self.argvs: list[list[str]] = []

    def _stream(self, argv: Sequence[str], on_line: Callable[[str], None]) -> processes.Finished:
        self.argvs.append(list(argv))
        if argv[1] in ("version", "show", "output"):
            on_line(json.dumps({"terraform_version": "1.11.4"} if argv[1] == "version" else {}))
        return processes.Finished(2 if argv[1] == "plan" else 0, "")


@pytest.fixture
def terraform(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path, variables={"secret": "hunter2"}, parallelism=7, lock_timeout="30s")


def test_init_configures_the_backend_without_asking(terraform: Recorder) -> None:
    terraform.init(["backend.hcl", "bucket=b"])
    argv = terraform.argvs[0]
    assert argv[:2] == ["terraform", "init"]
    assert argv.index("-backend-config=backend.hcl") < argv.index("-backend-config=bucket=b")
    assert {"-input=false", "-json", "-no-color", "-backend=true"} <= set(argv)


def test_init_never_leaves_a_state_behind_unless_it_is_told_to(terraform: Recorder) -> None:
    """python-terraform passes ``-reconfigure`` always."""
    terraform.init()
    terraform.init(reconfigure=True)
    assert "-reconfigure" not in terraform.argvs[0]
    assert "-reconfigure" in terraform.argvs[1]


def test_plan_writes_a_file_and_tells_changes_by_its_exit_status(terraform: Recorder) -> None:
    with terraform.plan() as saved:
        pass
    argv = terraform.argvs[0]
    assert argv[:2] == ["terraform", "plan"]
    assert sorted(argv[2:]) == sorted(
        [
            "-parallelism=7",
            "-no-color",
            "-input=false",
            f"-out={saved.file}",
            "-json",
            "-lock-timeout=30s",
            "-detailed-exitcode",
        ]
    )


def test_a_plan_that_nobody_applies_takes_no_lock(terraform: Recorder) -> None:
    with terraform.plan(lock=False):
        pass
    assert "-lock=false" in terraform.argvs[0]
    assert not [word for word in terraform.argvs[0] if word.startswith("-lock-timeout")]


def test_a_destroy_plan_never_has_the_force_flag_that_terraform_no_longer_knows(
    terraform: Recorder,
) -> None:
    with terraform.plan(destroy=True):
        pass
    argv = terraform.argvs[0]
    assert "-destroy" in argv
    assert "-force" not in argv


def test_a_destroy_plan_does_not_refresh_so_that_a_missing_image_cannot_stop_it(
    terraform: Recorder,
) -> None:
    with terraform.plan(destroy=True):
        pass
    assert "-refresh=false" in terraform.argvs[0]


def test_a_plan_of_some_resources_names_each(terraform: Recorder) -> None:
    with terraform.plan(targets=["module.a", "module.b"]):
        pass
    assert {"-target=module.a", "-target=module.b"} <= set(terraform.argvs[0])


def test_apply_takes_the_saved_plan_and_asks_nothing(terraform: Recorder, tmp_path: Path) -> None:
    terraform.apply(tmp_path / "plan")
    argv = terraform.argvs[0]
    assert argv[-1] == str(tmp_path / "plan")
    assert {"-json", "-input=false", "-lock-timeout=30s", "-parallelism=7"} <= set(argv)


def test_no_variable_reaches_an_argument_list_or_a_file(terraform: Recorder, tmp_path: Path) -> None:
    """python-terraform writes ``var`` to a temporary -var-file, even when there is none."""
    terraform.init()
    with terraform.plan() as saved:
        terraform.apply(saved.file)
    terraform.output()
    everything = " ".join(" ".join(argv) for argv in terraform.argvs)
    assert "hunter2" not in everything
    assert not any(argument.startswith("-var") for argv in terraform.argvs for argument in argv)
    assert terraform.temp_var_files.files == []


def test_no_option_meant_for_the_library_leaks_into_the_arguments(terraform: Recorder) -> None:
    """``synchronous``, ``capture_output`` and ``raise_on_error`` leak when they are used; they are not."""
    terraform.init()
    with terraform.plan() as saved:
        terraform.apply(saved.file)
    terraform.version()
    everything = " ".join(" ".join(argv) for argv in terraform.argvs)
    for option in ("synchronous", "capture-output", "raise-on-error", "skip-plan"):
        assert option not in everything


def test_nothing_is_written_to_debug_logs(terraform: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    """python-terraform logs arguments and output at DEBUG."""
    with caplog.at_level(logging.DEBUG):
        with terraform.plan() as saved:
            terraform.apply(saved.file)
        terraform.output()
    assert caplog.records == []


def test_a_relative_binary_is_where_the_caller_stands_and_not_in_the_root_module(tmp_path: Path) -> None:
    terraform = Recorder(tmp_path, binary="./bin/tf")
    terraform.version()
    assert terraform.argvs[0][0] == str(Path.cwd() / "bin" / "tf")


def test_arguments_and_places_that_were_meant_for_another_run_never_reach_terraform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``-target`` in it a plan of a part would pass for the whole."""
    foreign = {
        "TF_CLI_ARGS": "-lock=false",
        "TF_CLI_ARGS_plan": "-target=module.a",
        "TF_WORKSPACE": "other",
        "TF_DATA_DIR": "/elsewhere",
        "TF_VAR_project_root": "/another/checkout",
    }
    for name, value in (foreign | {"TF_CLI_CONFIG_FILE": "/home/ann/.tfrc", "TF_VAR_mine": "1"}).items():
        monkeypatch.setenv(name, value)
    environments: list[Mapping[str, str]] = []

    def stream(argv: Sequence[str], **options: Any) -> processes.Finished:
        environments.append(options["environment"])
        options["on_line"]('{"terraform_version": "1.11.4"}')
        return processes.Finished(0, "")

    monkeypatch.setattr(processes, "stream", stream)
    Terraform(tmp_path).version()
    Terraform(tmp_path, variables={"project_root": "/ours"}).version()
    assert not foreign.keys() & environments[0].keys()
    assert (environments[0]["TF_CLI_CONFIG_FILE"], environments[0]["TF_VAR_mine"]) == ("/home/ann/.tfrc", "1")
    assert environments[1]["TF_VAR_project_root"] == "/ours"


def test_a_misspelt_method_is_an_error_and_not_a_terraform_command(terraform: Recorder) -> None:
    with pytest.raises(AttributeError, match="aply"):
        terraform.aply()


def test_the_local_state_file_of_the_backend_is_not_read(tmp_path: Path) -> None:
    """python-terraform reads ``.terraform/terraform.tfstate`` when it is made."""
    (tmp_path / ".terraform").mkdir()
    (tmp_path / ".terraform" / "terraform.tfstate").write_text("not JSON")
    Terraform(tmp_path)


def test_the_plan_file_is_private_and_gone_afterwards(terraform: Recorder) -> None:
    with terraform.plan() as saved:
        assert saved.file.stat().st_mode & 0o777 == 0o600
        assert saved.file.parent.stat().st_mode & 0o777 == 0o700
    assert not saved.file.parent.exists()


def test_the_plan_of_a_killed_run_is_removed_and_that_of_a_running_one_is_not(
    terraform: Recorder, tmp_path: Path
) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    # Not the parent: in a container that is 0 for the first process.
    killed, running = (tmp_path / ".terraform" / f"plan-{pid}-x" for pid in (ended.pid, 1))
    for directory in (killed, running):
        directory.mkdir(parents=True)
        (directory / "plan").write_text("hunter2")
    with terraform.plan():
        assert running.exists()
        assert not killed.exists()


def test_the_plan_file_is_gone_after_an_interruption(terraform: Recorder) -> None:
    with pytest.raises(KeyboardInterrupt), terraform.plan() as saved:
        raise KeyboardInterrupt
    assert not saved.file.parent.exists()
