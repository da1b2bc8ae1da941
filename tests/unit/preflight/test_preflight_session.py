"""How a deploy takes the checks: warnings are said, failures stop it."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from scripts import app_config, preflight
from scripts.aws import Aws
from scripts.console import Console
from scripts.errors import DeployError
from scripts.pipeline.stages import up_to_plan
from scripts.preflight import Check, Report, Status
from scripts.preflight.runner import Probe
from scripts.session import Session
from scripts.settings import Settings
from scripts.steps import Step
from scripts.target import Target

WARNING = Check("Tools", "git", Status.WARNING, "not on PATH", "Install git.")
FAILED = Check("Tools", "node", Status.FAILED, "not on PATH", "Install Node.js.")


def checked(settings: Settings, monkeypatch: pytest.MonkeyPatch, *checks: Check) -> str:
    """What a session says on stderr when these are the findings."""
    monkeypatch.setattr(preflight, "tools", lambda _: Report(checks))
    stderr = io.StringIO()
    try:
        Session(settings, Console(stdout=io.StringIO(), stderr=stderr)).check_tools()
    finally:
        said = stderr.getvalue()
    return said


def test_a_warning_is_said_and_the_deploy_goes_on(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checked(default_settings, monkeypatch, WARNING) == "Warning: git: not on PATH. Install git.\n"


def test_what_is_fine_or_not_checked_is_not_worth_a_word(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = Check("Tools", "npm", Status.OK, "11.0.0")
    unknown = Check("Machine", "memory", Status.NOT_CHECKED, "this system does not say")
    assert checked(default_settings, monkeypatch, fine, unknown) == ""


def test_a_failed_check_stops_the_deploy(default_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeployError, match="nothing was touched"):
        checked(default_settings, monkeypatch, WARNING, FAILED)


@pytest.mark.parametrize("to_deploy", [True, False])
def test_whether_the_caller_may_deploy_is_asked_by_a_deploy_and_not_by_a_plan(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch, to_deploy: bool
) -> None:
    looked_at: list[str] = []

    def run(probes: list[Probe], patience: float) -> Report:
        looked_at.extend(probe.name for probe in probes)
        return Report(())

    monkeypatch.setattr(preflight, "run", run)
    monkeypatch.setattr(app_config, "is_unpushed", lambda *_: False)
    session = Session(replace(default_settings, target="aws"), Console(stdout=io.StringIO()))
    session.target = Target("aws", {}, Aws(region="eu-west-1"))
    steps = {step.name: step for step in up_to_plan(session, to_deploy=to_deploy)}
    steps["check references"].run()
    assert "VPC" in looked_at and ("permissions" in looked_at) is to_deploy


def before(name: str, steps: dict[str, Step]) -> set[str]:
    """What has ended when a step begins."""
    after = set(steps[name].after)
    return after.union(*(before(other, steps) for other in after))


def test_a_plan_without_the_lock_has_no_step_that_writes(default_settings: Settings) -> None:
    session = Session(replace(default_settings, target="aws"), Console(stdout=io.StringIO()))
    steps = {step.name: step.run for step in up_to_plan(session, to_deploy=False, lock=False)}
    assert steps["prepare state"] == session.find_state_to_plan
    assert steps["terraform plan"] == session.plan_without_lock


@pytest.mark.parametrize("target", ["local", "aws"])
def test_nothing_is_made_before_everything_is_found(default_settings: Settings, target: str) -> None:
    session = Session(replace(default_settings, target=target), Console(stdout=io.StringIO()))
    steps = {step.name: step for step in up_to_plan(session, to_deploy=True)}
    assert {"check tools", "check references"} <= before("prepare state", steps)
