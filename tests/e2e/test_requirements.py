"""Every FR and SC of the specification holds, shown by what was deployed. See `requirements.py`."""

from __future__ import annotations

import pytest

from tests.e2e.evidence import Evidence
from tests.e2e.requirements import IDS, REQUIREMENTS

pytestmark = pytest.mark.e2e


def test_every_requirement_has_its_assertion_and_no_assertion_lacks_a_requirement() -> None:
    assert set(REQUIREMENTS) == set(IDS)


@pytest.mark.parametrize("requirement", IDS)
def test_requirement(requirement: str, evidence: Evidence) -> None:
    REQUIREMENTS[requirement](evidence)
