"""The index of kept releases: what is written is what is read, and damage is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.errors import DeployError
from scripts.frontend import releases
from scripts.frontend.bucket import Bucket, Document
from scripts.frontend.releases import Index, Kept, Release

ONE = Release("aa", "2025-01-02T03:04:05+00:00", 209, 18_900_000, "d1")
INDEX = Index((ONE,), "aa", "rules", "me@here 1f", ("/index.html",))
BUCKET = Bucket(None, "the-bucket")


def document(value: Any) -> Document:
    return Document(json.loads(json.dumps(value)), "etag", 0.0)


def test_an_index_is_read_as_it_was_written() -> None:
    assert releases.index_of(BUCKET, document(INDEX.to_json())) == INDEX


def test_a_bucket_without_an_index_has_no_release() -> None:
    assert releases.index_of(BUCKET, None) == Index()


@pytest.mark.parametrize(
    "damage",
    [
        {"schema": 2},
        {"releases": None},
        {"releases": [{"hash": "aa"}]},
        {"of a later version": True},
    ],
)
def test_an_index_that_is_not_ours_is_named_and_not_guessed_at(damage: dict[str, Any]) -> None:
    with pytest.raises(DeployError, match=r"s3://the-bucket/_releases/index\.json cannot be read"):
        releases.index_of(BUCKET, document(INDEX.to_json() | damage))


def test_the_listing_says_which_release_is_live() -> None:
    shown = Kept("the-bucket", "aa", (ONE, Release("bb", ONE.published, 1, 2, "d2"))).to_json()

    assert [(release["release"], release["live"]) for release in shown["releases"]] == [
        ("aa", True),
        ("bb", False),
    ]
