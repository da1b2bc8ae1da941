"""Chooses how an image is built, and names what was built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scripts.errors import DeployError, ExitStatus
from scripts.image import base as base_images
from scripts.image import buildx, engine, pack
from scripts.image.content_tag import content_tag
from scripts.image.engine import home
from scripts.npm import Progress
from scripts.settings import Settings


@dataclass(frozen=True)
class Built:
    """A built image.

    Attributes:
        tag: Its content tag.
        builder: Who built it, and so where it lives: in the engine, or in `directory`.
        directory: The packed image's files; None for an image in an engine.
        cached: Whether it was there already.
        base_digest: Of the image that it was built from; empty where nobody knows.
        warning: That the base's tag has moved since; empty when it has not.
    """

    tag: str
    builder: Literal["buildx", "pack"]
    directory: Path | None
    cached: bool
    base_digest: str = ""
    warning: str = ""


def base_image(settings: Settings) -> str:
    """The image that the handler is added to; the run passes it to Terraform as ``TF_VAR_base_image``.

    On the local target the stand-in app is in LibreChat's place: then it is the stand-in's reference,
    so that a changed stand-in is another tag.
    """
    if choose(settings) == "pack":
        return pack.standin_image(settings.project_root)
    return buildx.standin_base(settings) if settings.target == "local" else settings.librechat.base_image


def image_tag(settings: Settings, base: str = "") -> str:
    """The tag of the image that `build` makes; Terraform computes the same one.

    Args:
        base: What `base_image` has said, where that is known already: it reads the whole stand-in app.
    """
    container = settings.project_root / "container"
    return content_tag(container, base or base_image(settings), settings.image.platform)


def build(settings: Settings, progress: Progress = lambda line: None) -> Built:
    """Build the image of the settings, or find it built.

    Raises:
        DeployError: when the builder is missing or fails.
    """
    base = base_image(settings)
    tag = image_tag(settings, base)
    if choose(settings) == "pack":
        packed = pack.pack(settings, tag, progress)
        return Built(tag, "pack", packed.directory, packed.cached)
    if settings.target == "local":  # on a stand-in of ours, which no registry has
        return Built(tag, "buildx", None, buildx.build(settings, tag, base, progress))
    now = base_images.current_digest(base)
    cached = buildx.build(settings, tag, base, progress, now)
    before = base_images.built_from(_labels(tag), base) if cached else now
    return Built(tag, "buildx", None, cached, before, base_images.moved(base, before, now))


def _labels(tag: str) -> Mapping[str, str] | None:
    try:
        found = engine.image(f"{buildx.LOCAL_REPOSITORY}:{tag}") or {}
    except engine.NoEngine:  # one that is not on this machine's socket; docker itself has reached it
        return None
    labels: Mapping[str, str] | None = (found.get("Config") or {}).get("Labels")
    return labels


def choose(settings: Settings) -> Literal["buildx", "pack"]:
    """The builder for these settings.

    Raises:
        DeployError: for a packed image on the real account, which would deploy the stand-in.
    """
    if settings.image.builder == "auto":
        return "pack" if settings.target == "local" and home(settings).kind == "process" else "buildx"
    if settings.image.builder == "pack" and settings.target == "aws":
        raise DeployError(
            "A packed image cannot go to the real account",
            "It holds the stand-in app and the Node of this machine, not LibreChat.",
            "Set image.builder to buildx (INVOKE_IMAGE_BUILDER=buildx).",
            status=ExitStatus.PREFLIGHT_FAILED,
        )
    return settings.image.builder
