"""The README names everything that a user can set, call or get back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

import tasks
from scripts.errors import ExitStatus

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def paths(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from paths(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def test_every_setting_is_documented_with_its_default() -> None:
    for path, default in paths(yaml.safe_load((ROOT / "invoke.yaml").read_text())):
        row = re.search(rf"^\| `{re.escape(path)}` \|([^|]*)\|", README, re.MULTILINE)
        assert row, f"{path} is not in the README"
        assert row[1].strip("` ") == str(default), f"{path}: the README says {row[1]}, invoke.yaml {default}"


def test_every_task_is_documented() -> None:
    for name in tasks.namespace.task_names:
        short = name.rsplit(".", 1)[-1]
        assert f"`inv {name}`" in README or f"`local.{short}`" in README, f"{name} is not in the README"


def test_every_exit_status_is_documented() -> None:
    for status in ExitStatus:
        assert f"| {int(status)} |" in README


def test_every_deviation_names_its_requirement_and_its_reason() -> None:
    section = README.split("## Deviations from the specification")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) >= 8
    for row in rows:
        where, what, why = (cell.strip() for cell in row.strip("|").split(" | "))
        assert where and what and why
