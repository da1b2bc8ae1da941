"""The deployment that the e2e tests share: deployed once, looked at, operated, and destroyed at last."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.evidence import Evidence
from tests.e2e.stack import MUTATIONS_TABLE, Stack, deployed

_ORDER = (
    "test_deploy",
    "test_browser",
    "test_operate",
    "test_smoke_command",
    "test_releases",
    "test_mutations",
    "test_secrets",
    "test_requirements",
)
"""The requirements need the end of the deployment as evidence, so they come last."""

_BEGAN = time.time()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the mutations showed, if they ran."""
    if MUTATIONS_TABLE.exists() and MUTATIONS_TABLE.stat().st_mtime > _BEGAN:
        terminalreporter.section("mutations")
        terminalreporter.write_line(MUTATIONS_TABLE.read_text())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the e2e tests in the order of the deployment's life; all others keep theirs, before them."""
    place = {Path(__file__).with_name(f"{name}.py"): number for number, name in enumerate(_ORDER, 1)}
    items.sort(key=lambda item: place.get(item.path, 0))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The shared deployment, deployed by ``inv deploy``."""
    with deployed(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def evidence(stack: Stack) -> Evidence:
    """What the deployment shows of itself at its end: planned once more, then destroyed."""
    plan = stack.plan_json()
    destroyed = stack.inv("destroy", "--yes", "--json")
    assert destroyed.status == 0, destroyed.stdout[-4000:] + destroyed.stderr
    return Evidence(plan, stack.deployed.events, destroyed.events)
