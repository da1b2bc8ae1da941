"""The content tag, the choice of a builder, and the command lines for the engine."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import image
from scripts.errors import DeployError, ExitStatus
from scripts.image import base, builder, buildx
from scripts.settings import ImageSettings, Settings

BASE = "ghcr.io/danny-avila/librechat-api:v0.8.2-rc1"


@pytest.fixture
def container(tmp_path: Path) -> Path:
    root = tmp_path / "container"
    (root / "src" / "http").mkdir(parents=True)
    (root / "test").mkdir()
    for name in (
        "Dockerfile",
        "package.json",
        "package-lock.json",
        "src/handler.mjs",
        "src/http/request.mjs",
    ):
        (root / name).write_text(f"content of {name}")
    return root


def with_builder(settings: Settings, target: str, name: str) -> Settings:
    chosen = ImageSettings(builder=name, platform=settings.image.platform)  # type: ignore[arg-type]
    return dataclasses.replace(settings, target=target, image=chosen)  # type: ignore[arg-type]


def test_the_tag_is_the_documented_hash_with_paths_in_byte_order(container: Path) -> None:
    # Terraform's order: capitals before small letters, the hyphen before the slash.
    for name in ("src/Zebra.mjs", "src/http-client.mjs"):
        (container / name).write_text(f"content of {name}")
    names = [
        "Dockerfile",
        "package-lock.json",
        "package.json",
        "src/Zebra.mjs",
        "src/handler.mjs",
        "src/http-client.mjs",
        "src/http/request.mjs",
    ]
    hashes = [f"{name} {hashlib.sha256(f'content of {name}'.encode()).hexdigest()}" for name in names]

    expected = hashlib.sha256("\n".join([BASE, "linux/amd64", *hashes]).encode()).hexdigest()[:16]
    assert image.content_tag(container, BASE, "linux/amd64") == expected


@pytest.mark.parametrize("path", ["test/handler.test.mjs", "README.md", "node_modules/aws4/index.js"])
def test_files_that_are_not_in_the_image_do_not_change_its_tag(container: Path, path: str) -> None:
    before = image.content_tag(container, BASE, "linux/amd64")
    (container / path).parent.mkdir(parents=True, exist_ok=True)
    (container / path).write_text("x")

    assert image.content_tag(container, BASE, "linux/amd64") == before


def test_base_image_and_platform_are_part_of_the_content(container: Path) -> None:
    tags = {
        image.content_tag(container, BASE, "linux/amd64"),
        image.content_tag(container, BASE, "linux/arm64"),
        image.content_tag(container, "another:base", "linux/amd64"),
    }

    assert len(tags) == 3


def test_missing_sources_are_found_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="sources are missing"):
        image.content_tag(tmp_path, BASE, "linux/amd64")


def test_the_local_target_packs_and_the_real_account_builds_by_default(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    assert builder.choose(with_builder(default_settings, "local", "auto")) == "pack"
    assert builder.choose(with_builder(default_settings, "aws", "auto")) == "buildx"


def test_the_stand_in_never_reaches_the_real_account(default_settings: Settings) -> None:
    with pytest.raises(DeployError, match="cannot go to the real account") as failure:
        image.image_tag(with_builder(default_settings, "aws", "pack"))

    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_the_real_account_gets_librechats_image_as_the_base(default_settings: Settings) -> None:
    assert image.base_image(with_builder(default_settings, "aws", "auto")) == BASE


def test_a_build_makes_no_attestations_because_lambda_refuses_an_index(default_settings: Settings) -> None:
    command = buildx.arguments(default_settings, "0123456789abcdef", BASE, Path("/metadata.json"))

    assert command[:3] == ["docker", "buildx", "build"]
    assert {"--provenance=false", "--sbom=false", "--load"} <= set(command)
    assert command[command.index("--platform") + 1] == "linux/amd64"
    assert command[command.index("--tag") + 1] == "librechat-lambda-api:0123456789abcdef"
    assert f"BASE_IMAGE={BASE}" in command


def test_without_git_the_revision_is_unknown_and_the_build_goes_on(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = dataclasses.replace(default_settings, project_root=tmp_path)

    command = buildx.arguments(settings, "0123456789abcdef", BASE, Path("/metadata.json"))

    assert "org.opencontainers.image.revision=unknown" in command


def test_a_machine_without_docker_is_told_what_to_install(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(DeployError, match="engine does not answer") as failure:
        buildx.build(default_settings, "0123456789abcdef", BASE, print)

    assert "docker version" in failure.value.next_step
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_a_docker_without_buildx_is_told_where_to_get_it(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(
        '#!/bin/sh\n[ "$1" = version ] && exit 0\necho "docker: unknown command: $1" >&2; exit 1\n'
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")

    with pytest.raises(DeployError, match="no buildx plugin") as failure:
        buildx.build(default_settings, "0123456789abcdef", BASE, print)

    assert "unknown command: buildx" in failure.value.why


OLD, NEW = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"


def test_a_tag_that_has_moved_is_said_with_both_digests_and_how_to_pin() -> None:
    said = base.moved(BASE, OLD, NEW)
    assert "has moved" in said
    assert f"{BASE}@{OLD}" in said
    assert f"{BASE}@{NEW}" in said


@pytest.mark.parametrize(("before", "now"), [(OLD, OLD), ("", NEW), (OLD, ""), ("", "")])
def test_a_tag_that_stayed_or_of_which_nobody_knows_is_not_mentioned(before: str, now: str) -> None:
    assert base.moved(BASE, before, now) == ""


def test_an_image_says_by_its_labels_what_it_was_built_from(default_settings: Settings) -> None:
    command = buildx.arguments(default_settings, "0123456789abcdef", BASE, Path("/metadata.json"), OLD)
    labels = dict(command[at + 1].split("=", 1) for at, word in enumerate(command) if word == "--label")
    assert base.built_from(labels, BASE) == OLD
    assert base.built_from(labels, f"{BASE}-other") == ""
    assert base.built_from(None, BASE) == ""


def test_a_base_pinned_by_its_digest_is_taken_as_it_is(default_settings: Settings) -> None:
    pinned = f"{BASE}@{OLD}"
    settings = with_builder(default_settings, "aws", "auto")
    settings = replace(settings, librechat=replace(settings.librechat, base_image=pinned))
    assert image.base_image(settings) == pinned
    assert image.image_tag(settings) != image.image_tag(with_builder(default_settings, "aws", "auto"))
    command = buildx.arguments(settings, "0123456789abcdef", pinned, Path("/metadata.json"))
    assert f"BASE_IMAGE={pinned}" in command
    assert f"BUILD_IMAGE={pinned}" in command


def test_the_stand_in_on_a_pinned_base_has_a_tag_that_docker_takes(default_settings: Settings) -> None:
    pinned = replace(default_settings.librechat, base_image=f"{BASE}@{OLD}")
    name = buildx.standin_base(replace(default_settings, librechat=pinned))
    tag = name.rpartition(":")[2]
    assert re.fullmatch(r"\w[\w.-]{0,127}", tag)
    assert tag.endswith("-on-librechat-api-v0.8.2-rc1-000000000000")
