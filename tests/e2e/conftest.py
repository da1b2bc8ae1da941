"""The deployment that the e2e tests share: deployed once, looked at, mutated, and destroyed at last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.requirements import Evidence
from tests.e2e.stack import Stack, make_stack

_ORDER = ("test_deploy", "test_mutations", "test_requirements")
"""The requirements need the end of the deployment as evidence, so they come last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the e2e tests in the order of the deployment's life; all others keep theirs, before them."""
    items.sort(key=lambda item: _ORDER.index(item.path.stem) + 1 if item.path.stem in _ORDER else 0)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The shared deployment, deployed by ``inv deploy``."""
    stack = make_stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.deployed = stack.inv("deploy", "--json")
        assert stack.deployed.status == 0, stack.deployed.stdout[-4000:] + stack.deployed.stderr
        yield stack
    finally:
        stack.inv("local.down")


@pytest.fixture(scope="session")
def evidence(stack: Stack) -> Evidence:
    """What the deployment shows of itself at its end: planned once more, then destroyed."""
    plan = stack.plan_json()
    destroyed = stack.inv("destroy", "--yes", "--json")
    assert destroyed.status == 0, destroyed.stdout[-4000:] + destroyed.stderr
    return Evidence(plan, stack.deployed.events, destroyed.events)
