"""Every FR and SC of the specification holds, shown by what was deployed. See `requirements.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.requirements import IDS, REQUIREMENTS, Evidence
from tests.e2e.stack import Stack, make_stack

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """One whole life: deployed, planned, destroyed. On a stack of its own, which nothing disturbs."""
    directory: Path = tmp_path_factory.mktemp("life")
    stack: Stack = make_stack(directory)
    try:
        deploy = stack.inv("deploy", "--json")
        assert deploy.status == 0, deploy.stdout[-4000:] + deploy.stderr
        plan = stack.plan_json()
        destroy = stack.inv("destroy", "--yes", "--json")
        assert destroy.status == 0, destroy.stdout[-4000:] + destroy.stderr
        return Evidence(plan, deploy.events, destroy.events)
    finally:
        stack.inv("local.down")


def test_every_requirement_has_its_assertion_and_no_assertion_lacks_a_requirement() -> None:
    assert set(REQUIREMENTS) == set(IDS)


@pytest.mark.parametrize("requirement", IDS)
def test_requirement(requirement: str, evidence: Evidence) -> None:
    REQUIREMENTS[requirement](evidence)
