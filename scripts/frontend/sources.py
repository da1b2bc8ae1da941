"""Chooses what the client is made from."""

from __future__ import annotations

from pathlib import Path

from scripts.frontend.checkout_source import CheckoutSource
from scripts.frontend.git_source import GitSource
from scripts.frontend.image_source import ImageSource
from scripts.frontend.source import Kind, Source
from scripts.frontend.standin_source import StandinSource
from scripts.settings import Settings


def kind(settings: Settings) -> Kind:
    """A checkout that was named, then the image, then what the target has by itself."""
    if settings.librechat.source:
        return "checkout"
    if settings.frontend.from_image:
        return "image"
    return "standin" if settings.target == "local" else "git"


def choose(settings: Settings) -> Source:
    """The source of these settings."""
    root, given = settings.project_root, settings.librechat
    match kind(settings):
        case "checkout":
            return CheckoutSource(root / Path(given.source).expanduser())
        case "image":
            return ImageSource(given.base_image, settings.image.platform)
        case "git":
            return GitSource(given.repository, given.version, root)
        case "standin":
            return StandinSource(root)
