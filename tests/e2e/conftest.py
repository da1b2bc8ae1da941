"""The deployment that the e2e tests share: deployed once, mutated in between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stack import Stack, make_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The shared deployment, deployed by ``inv deploy``."""
    stack = make_stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.life["deploy"] = stack.inv("deploy", "--json")
        assert stack.life["deploy"].status == 0, (
            stack.life["deploy"].stdout[-4000:] + stack.life["deploy"].stderr
        )
        yield stack
    finally:
        stack.inv("local.down")
