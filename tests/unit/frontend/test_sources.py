"""What the client is made from, by the settings."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from scripts.frontend import sources
from scripts.frontend.checkout_source import CheckoutSource
from scripts.frontend.git_source import GitSource
from scripts.frontend.image_source import ImageSource
from scripts.frontend.standin_source import StandinSource
from scripts.settings import Settings, TargetName


def given(settings: Settings, target: TargetName, source: str, from_image: bool) -> Settings:
    return dataclasses.replace(
        settings,
        target=target,
        librechat=dataclasses.replace(settings.librechat, source=source),
        frontend=dataclasses.replace(settings.frontend, from_image=from_image),
        project_root=Path("/project"),
    )


@pytest.mark.parametrize(
    ("target", "source", "from_image", "expected"),
    [
        ("local", "", False, StandinSource(Path("/project"))),
        ("local", "", True, ImageSource("ghcr.io/danny-avila/librechat-api:v0.8.2-rc1", "linux/amd64")),
        ("local", "../LibreChat", True, CheckoutSource(Path("/project/../LibreChat"))),
        ("aws", "/src/LibreChat", False, CheckoutSource(Path("/src/LibreChat"))),
        ("aws", "", True, ImageSource("ghcr.io/danny-avila/librechat-api:v0.8.2-rc1", "linux/amd64")),
        (
            "aws",
            "",
            False,
            GitSource("https://github.com/danny-avila/LibreChat.git", "v0.8.2-rc1", Path("/project")),
        ),
    ],
)
def test_a_checkout_comes_first_then_the_image_then_what_the_target_has(
    default_settings: Settings, target: TargetName, source: str, from_image: bool, expected: object
) -> None:
    assert sources.choose(given(default_settings, target, source, from_image)) == expected


def test_a_checkout_in_the_home_directory_is_found(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    found = sources.choose(given(default_settings, "aws", "~/LibreChat", False))

    assert found == CheckoutSource(Path("/home/me/LibreChat"))
