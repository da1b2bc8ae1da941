"""What a deploy decides: what it builds, proves, asks and remembers."""

from __future__ import annotations

import json

import pytest

from scripts import pipeline
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from tests.events import require_documented
from tests.integration.pipeline.rehearsal import CHANGED, FIRST, REPLACED, Bench, Rehearsal, report

pytestmark = pytest.mark.integration


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


def test_with_json_every_line_is_an_event_and_the_last_names_the_url(bench: Bench) -> None:
    bench.deploy(json_lines=True)
    events = [json.loads(line) for line in bench.out.getvalue().splitlines()]
    require_documented(event for event in events if event["type"] != "smoke")  # here a fake report
    assert {"step", "plan", "resource", "smoke", "times", "deployed"} <= {event["type"] for event in events}
    assert events[-1]["url"] == "http://localhost:1"
    beside = {step["name"]: step["beside"] for step in events[-2]["steps"]}
    assert set(beside) >= {"build frontend", "terraform plan", "terraform apply"}
