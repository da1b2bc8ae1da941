"""Which digest stands for an image's content."""

from __future__ import annotations

import pytest

from scripts.frontend.image_source import content_digest

IMAGE = {
    "Id": "sha256:of-this-engine",
    "RepoDigests": [
        "registry.example:5000/librechat-api@sha256:of-the-mirror",
        "ghcr.io/danny-avila/librechat-api@sha256:of-the-release",
    ],
}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("ghcr.io/danny-avila/librechat-api:v0.8.2-rc1", "sha256:of-the-release"),
        ("ghcr.io/danny-avila/librechat-api", "sha256:of-the-release"),
        ("ghcr.io/danny-avila/librechat-api@sha256:of-the-release", "sha256:of-the-release"),
        ("registry.example:5000/librechat-api", "sha256:of-the-mirror"),
        ("registry.example:5000/librechat-api:v1", "sha256:of-the-mirror"),
        ("localhost/built-here:v1", "sha256:of-this-engine"),
    ],
)
def test_the_digest_of_the_registry_counts_and_else_the_engines_own(reference: str, expected: str) -> None:
    assert content_digest(IMAGE, reference) == expected


def test_an_image_that_was_never_pulled_has_only_its_id() -> None:
    assert content_digest({"Id": "sha256:x", "RepoDigests": None}, "a:b") == "sha256:x"
