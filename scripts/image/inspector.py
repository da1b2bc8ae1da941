"""What an image holds, as far as its builder can tell without a registry."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from scripts.errors import DeployError
from scripts.image import engine, pack
from scripts.image.builder import base_image, choose, image_tag
from scripts.image.buildx import LOCAL_REPOSITORY
from scripts.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Inspected:
    """A built image. Sizes are in megabytes (10^6 bytes), uncompressed for an image in an engine.

    Attributes:
        tag: Its content tag.
        reference: Where it is: a name in the engine, or a directory.
        base: What it was built from.
        platform: Such as ``linux/amd64``.
        size_mb: Of all layers.
        added_mb: What we add to the base; None for a packed image, which has none.
        layers: Number of layers.
        entry_point: Command with its arguments.
        labels: Of its configuration.
    """

    tag: str
    reference: str
    base: str
    platform: str
    size_mb: float
    added_mb: float | None
    layers: int
    entry_point: tuple[str, ...]
    labels: dict[str, str]
    type: str = "image.inspect"

    def to_json(self) -> dict[str, Any]:
        """Every attribute."""
        facts = asdict(self)
        facts.pop("type")
        return facts

    def __rich__(self) -> RenderableType:
        from scripts.outcomes import Values

        added = "" if self.added_mb is None else f", {self.added_mb:.1f} MB of them ours"
        facts = {
            "tag": self.tag,
            "image": self.reference,
            "base": self.base,
            "platform": self.platform,
            "size": f"{self.size_mb:.1f} MB in {self.layers} layers{added}",
            "command": " ".join(self.entry_point),
            **self.labels,
        }
        return Values(self.type, facts).__rich__()


def inspect(settings: Settings) -> Inspected:
    """Describe the image of the settings.

    Raises:
        DeployError: when it is not built.
    """
    tag = image_tag(settings)
    found = _packed(settings, tag) if choose(settings) == "pack" else _built(settings, tag)
    if found is None:
        raise DeployError(f"The image {tag} is not built", next_step="Build it: inv image.build")
    return found


def _packed(settings: Settings, tag: str) -> Inspected | None:
    image = pack.PackedImage(settings.project_root / ".build" / "image" / tag, cached=True)
    if not (image.directory / "manifest.json").is_file():
        return None
    manifest = json.loads(image.manifest)
    document = json.loads(image.blob(manifest["config"]["digest"]).read_bytes())
    return Inspected(
        tag=tag,
        reference=settings.shown(image.directory),
        base=base_image(settings),
        platform=f"{document['os']}/{document['architecture']}",
        size_mb=sum(layer["size"] for layer in manifest["layers"]) / _MEGABYTE,
        added_mb=None,
        layers=len(manifest["layers"]),
        entry_point=_command(document["config"]),
        labels=document["config"]["Labels"],
    )


def _built(settings: Settings, tag: str) -> Inspected | None:
    reference, base = f"{LOCAL_REPOSITORY}:{tag}", base_image(settings)
    try:
        image, base_facts = engine.image(reference), engine.image(base)
    except engine.NoEngine as error:
        raise DeployError("The image cannot be inspected", str(error), "Start Docker.") from error
    if image is None:
        return None
    return Inspected(
        tag=tag,
        reference=reference,
        base=base,
        platform=f"{image['Os']}/{image['Architecture']}",
        size_mb=image["Size"] / _MEGABYTE,
        added_mb=(image["Size"] - base_facts["Size"]) / _MEGABYTE if base_facts else None,
        layers=len(image["RootFS"]["Layers"]),
        entry_point=_command(image["Config"]),
        labels=image["Config"]["Labels"] or {},
    )


def _command(config: dict[str, Any]) -> tuple[str, ...]:
    return (*config["Entrypoint"], *(config["Cmd"] or ()))
