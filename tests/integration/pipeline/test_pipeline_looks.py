"""The commands that change nothing: plan, smoke and outputs."""

from __future__ import annotations

import pytest

from scripts import pipeline
from scripts.errors import DeployError, ExitStatus
from tests.integration.pipeline.rehearsal import Bench

pytestmark = pytest.mark.integration


def test_plan_ends_with_two_when_changes_are_pending_and_with_zero_when_not(bench: Bench) -> None:
    before, after = bench.session(), bench.session()
    assert pipeline.plan(before) is ExitStatus.CHANGES_PENDING
    bench.deploy()
    assert pipeline.plan(after) is ExitStatus.OK
    assert before.calls == after.calls == [], "a plan builds nothing"


def test_smoke_and_outputs_of_nothing_say_that_nothing_is_deployed(bench: Bench) -> None:
    for command in (pipeline.smoke, pipeline.outputs):
        with pytest.raises(DeployError, match="Nothing is deployed"):
            command(bench.session())


def test_outputs_are_shown(bench: Bench) -> None:
    bench.deploy()
    assert pipeline.outputs(bench.session()) is ExitStatus.OK
    assert "https://example.test" in bench.out.getvalue()
