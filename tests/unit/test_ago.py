"""How long ago something was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scripts.ago import ago

NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (7300, "2 h ago"), (200_000, "2 d ago"),
     (-5, "0 s ago")],
)  # fmt: skip
def test_it_is_said_in_the_largest_unit_that_fits(seconds: int, said: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said
