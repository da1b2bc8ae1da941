"""Each item of the specification has a smoke check, or a reason why it has none; docs/smoke.md says which."""

from __future__ import annotations

import re
from pathlib import Path

from scripts.smoke import ALL
from scripts.smoke.coverage import ELSEWHERE
from tests.e2e.requirements import IDS

SCENARIOS = tuple(f"US{story}.{number}" for story in (1, 2, 3) for number in (1, 2, 3))
ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "smoke.md").read_text()
CHECKED = {id for check in ALL for id in check.ids}


def rows(columns: int) -> list[tuple[str, ...]]:
    """The rows of the tables of the section on checks that have so many columns."""
    section = GUIDE.split("\n## Checks\n")[1].split("\n## ")[0]
    lines = (line.strip("|").split("|") for line in section.splitlines() if line.startswith("| "))
    cells = (tuple(cell.strip() for cell in line) for line in lines)
    return [row for row in cells if len(row) == columns and row[0] != "Item"]


def test_every_item_is_checked_or_explained_and_none_is_both() -> None:
    assert CHECKED | set(ELSEWHERE) == {*SCENARIOS, *IDS}
    assert not CHECKED & set(ELSEWHERE)


def test_the_guide_has_a_row_for_each_check() -> None:
    assert [row[:2] for row in rows(3)] == [(", ".join(check.ids), check.title) for check in ALL]


def test_the_guide_gives_the_reason_for_each_item_without_a_check() -> None:
    assert dict(rows(2)) == dict(ELSEWHERE)


def test_a_test_that_a_reason_names_exists() -> None:
    named = {path for reason in ELSEWHERE.values() for path in re.findall(r"tests/[\w/]+\.py", reason)}
    assert named
    assert not [path for path in named if not (ROOT / path).exists()]
