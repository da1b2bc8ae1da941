"""docs/ci.md and the workflow beside it name only what exists."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import tasks
from scripts.errors import ExitStatus
from scripts.settings import Settings, _paths, _variable
from tests.events import TYPES

ROOT = Path(__file__).parent.parent.parent
GUIDE = (ROOT / "docs" / "ci.md").read_text()
SOURCE = (ROOT / "docs" / "github-actions.yml").read_text()
WORKFLOW = yaml.safe_load(SOURCE)


def commands() -> Iterator[tuple[str, str]]:
    """Each ``inv`` command line of both files: the task, and the rest of the line."""
    code = "\n".join(re.findall(r"`(inv [^`]+)`", GUIDE) + re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL))
    for line in (code + "\n" + SOURCE).splitlines():
        for found in re.finditer(r"\binv ([a-z][a-z._]*)([^|>)#]*)", line.split(" # ")[0]):
            yield found[1], found[2]


def steps(job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = WORKFLOW["jobs"][job]["steps"]
    return found


def flags(task: str) -> set[str]:
    """Long flags, from the signature: Invoke's get_arguments consumes the help texts that it is given."""
    parameters = inspect.signature(tasks.namespace[task].body).parameters.values()
    return {
        prefix + each.name.replace("_", "-")
        for each in parameters
        for prefix in (("", "no-") if each.default is True else ("",))
    }


@pytest.mark.parametrize(("task", "rest"), sorted(set(commands())))
def test_every_command_and_flag_exists(task: str, rest: str) -> None:
    assert set(re.findall(r"--([a-z-]+)", rest)) <= flags(task)


def test_every_exit_status_is_explained() -> None:
    for status in ExitStatus:
        assert f"\n| {int(status)} |" in GUIDE


def test_every_event_that_the_guide_selects_is_in_the_schema() -> None:
    named = set(re.findall(r'\.type == "([^"]+)"', GUIDE))
    assert named and named <= TYPES


def test_every_policy_is_json() -> None:
    policies = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    assert len(policies) == 1
    for policy in policies:
        assert json.loads(policy)["Version"] == "2012-10-17"


def test_every_task_with_a_summary_is_named() -> None:
    sentence = re.search(r"## `--summary FILE`\n\n(.*?) append", GUIDE, re.DOTALL)
    assert sentence
    with_summary = {name for name in tasks.namespace.task_names if "summary" in flags(name)}
    assert set(re.findall(r"`([a-z.]+)`", sentence[1])) == with_summary


def test_the_workflow_has_no_stored_key_and_grants_nothing_by_default() -> None:
    assert WORKFLOW["permissions"] == {}
    assert "AWS_SECRET_ACCESS_KEY" not in SOURCE and "secrets." not in SOURCE
    signing_in = {name for name, job in WORKFLOW["jobs"].items() if "id-token" in job["permissions"]}
    assert signing_in == {"plan", "deploy"}


def runs(job: str) -> str:
    return "\n".join(step.get("run", "") for step in steps(job))


def index(job: str, found: Callable[[dict[str, Any]], object]) -> int:
    return next(number for number, step in enumerate(steps(job)) if found(step))


def test_what_npm_installs_and_builds_runs_in_a_job_without_a_token() -> None:
    assert WORKFLOW["jobs"]["build"]["permissions"] == {"contents": "read"}
    for command in ("./bootstrap true", "inv image.build", "inv frontend.build"):
        assert command in runs("build")
    for job in ("plan", "deploy"):
        assert WORKFLOW["jobs"][job]["needs"] == "build"
        assert "inv image.build" not in runs(job) and "inv frontend.build" not in runs(job)


@pytest.mark.parametrize("job", ["plan", "deploy"])
def test_everything_is_installed_and_unpacked_before_the_sign_in(job: str) -> None:
    sign_in = index(job, lambda step: "role-to-assume" in step.get("with", {}))
    unpacked = index(job, lambda step: "container/node_modules" in step.get("run", ""))
    assert unpacked < sign_in and "./bootstrap true" in steps(job)[unpacked]["run"]
    for step in steps(job)[sign_in:]:
        assert not re.search(r"\b(tar|docker|npm|pip|apt-get)\b", step.get("run", ""))
    for step in steps(job)[:sign_in]:
        assert "./bootstrap inv" not in step.get("run", "")


def test_an_archive_of_the_build_overwrites_nothing_but_what_was_built() -> None:
    for job in ("plan", "deploy"):
        for line in re.findall(r"tar --extract .*", runs(job)):
            members = line.partition("built.tar.gz")[2].split()
            assert members and set(members) <= {"container/node_modules", ".build/frontend", ".build/image"}


def test_every_job_has_the_node_that_is_part_of_the_hash_of_what_is_built() -> None:
    versions = {step["with"]["node-version"] for job in WORKFLOW["jobs"] for step in steps(job)
                if step.get("uses", "").startswith("actions/setup-node")}  # fmt: skip
    assert len(versions) == 1 and re.fullmatch(r"20\.\d+\.\d+", versions.pop())


def test_a_plan_of_a_pull_request_writes_nothing_to_the_account() -> None:
    (line,) = [line for line in runs("plan").splitlines() if "inv plan" in line]
    assert "--no-lock" in line
    assert "permissions.md#a-plan-of-a-pull-request" in GUIDE


def test_the_job_that_comments_runs_nothing_of_the_repository() -> None:
    job = WORKFLOW["jobs"]["comment"]
    assert job["permissions"] == {"pull-requests": "write"}
    assert not [step for step in steps("comment") if "checkout" in step.get("uses", "")]
    assert "bootstrap" not in runs("comment")
    others = [name for name, each in WORKFLOW["jobs"].items() if "pull-requests" in each["permissions"]]
    assert others == ["comment"]


def test_no_checkout_leaves_its_token_for_what_runs_later() -> None:
    checkouts = [
        step for job in WORKFLOW["jobs"] for step in steps(job) if "checkout" in step.get("uses", "")
    ]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_every_action_is_pinned_by_commit_and_names_its_version() -> None:
    uses = re.findall(r"uses: (.*)", SOURCE)
    assert len(uses) == sum("uses" in step for job in WORKFLOW["jobs"] for step in steps(job))
    pins: dict[str, str] = {}
    for use in uses:
        found = re.fullmatch(r"([\w-]+/[\w-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+", use)
        assert found, use
        assert pins.setdefault(found[1], use) == use


def test_a_pull_request_never_gets_the_role_that_deploys() -> None:
    roles = {job: [s["with"]["role-to-assume"] for s in steps(job) if "role-to-assume" in s.get("with", {})]
             for job in WORKFLOW["jobs"]}  # fmt: skip
    assert roles == {
        "build": [],
        "comment": [],
        "plan": ["${{ vars.AWS_PLAN_ROLE }}"],
        "deploy": ["${{ vars.AWS_DEPLOY_ROLE }}"],
    }
    assert "pull_request'" in WORKFLOW["jobs"]["plan"]["if"]
    assert WORKFLOW["jobs"]["deploy"]["environment"] == "dev"


def test_every_setting_of_the_workflow_exists() -> None:
    known = {_variable(path) for path in _paths(Settings)}
    assert set(WORKFLOW["env"]) <= known


def test_variables_that_the_workflow_takes_are_in_the_guide() -> None:
    for name in set(re.findall(r"vars\.(\w+)", SOURCE)):
        assert f"`{name}`" in GUIDE


def test_terraform_is_not_wrapped_for_a_wrapper_takes_its_exit_status() -> None:
    wrapped = [step["with"]["terraform_wrapper"] for job in WORKFLOW["jobs"] for step in steps(job)
               if step.get("uses", "").startswith("hashicorp/setup-terraform")]  # fmt: skip
    assert wrapped == [False, False]
