"""docs/ci.md and the workflow beside it name only what exists."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
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
    return {name.replace("_", "-") for name in inspect.signature(tasks.namespace[task].body).parameters}


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
    assert len(policies) == 2
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
    for job in WORKFLOW["jobs"].values():
        assert job["permissions"]["id-token"] == "write"


def test_a_pull_request_never_gets_the_role_that_deploys() -> None:
    roles = {job: [s["with"]["role-to-assume"] for s in steps(job) if "role-to-assume" in s.get("with", {})]
             for job in WORKFLOW["jobs"]}  # fmt: skip
    assert roles == {"plan": ["${{ vars.AWS_PLAN_ROLE }}"], "deploy": ["${{ vars.AWS_DEPLOY_ROLE }}"]}
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
