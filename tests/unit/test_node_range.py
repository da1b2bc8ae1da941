"""The ranges that a package.json asks for; the answers are those of npm's own semver."""

from __future__ import annotations

import pytest

from scripts import node_range


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        (">=20.19", "v20.20.2"),
        ("^20.19.0 || >=22.12.0", "v20.20.2"),
        ("^20.19.0 || >=22.12.0", "v23.0.0"),
        ("20.x", "v20.0.0"),
        ("20", "v20.20.2"),
        ("*", "v1.0.0"),
        ("", "v1.0.0"),
        (">=18 <23", "v22.1.0"),
        ("18 - 20", "v20.20.2"),
        ("~20.20", "v20.20.9"),
        ("<=20", "v20.20.2"),
        ("=20.20.2", "v20.20.2"),
        (">= 20.19.0", "v20.19.0"),
    ],
)
def test_versions_in_a_range(wanted: str, version: str) -> None:
    assert node_range.includes(wanted, version) is True


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        (">=20.19", "v20.18.3"),
        ("^20.19.0 || >=22.12.0", "v21.7.0"),
        ("20.x", "v22.0.0"),
        (">20", "v20.20.2"),
        ("<20.20.2", "v20.20.2"),
        ("18.2 - 20.1.3", "v20.1.4"),
        ("~20.20", "v20.21.0"),
        ("^18.0.0", "v20.0.0"),
    ],
)
def test_versions_outside_of_it(wanted: str, version: str) -> None:
    assert node_range.includes(wanted, version) is False


@pytest.mark.parametrize("wanted", ["lts/*", ">=20 or so", "20.19.0-nightly"])
def test_what_cannot_be_read_is_not_judged(wanted: str) -> None:
    assert node_range.includes(wanted, "v20.20.2") is None
