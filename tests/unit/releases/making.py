"""Releases for tests: a record with what a test does not care about filled in."""

from __future__ import annotations

from typing import Any

from scripts.releases import Ending, Kind, Release
from scripts.releases.record import Actor, Image, Place, Revision

PLACE = Place("api", "client-bucket", "515966504419.dkr.ecr.eu-west-1.amazonaws.com/api")


def id_of(number: int) -> str:
    """Ids that sort by their number."""
    return f"20260102T{number:06d}000Z-abcdef"


def release(number: int, image: str = "", client: str = "", **more: Any) -> Release:
    """The deploy of this number; image and client are named after it unless they are given."""
    tag = image or f"image{number}"
    values: dict[str, Any] = {
        "ending": Ending.SUCCEEDED,
        "image": Image(tag, f"sha256:{tag}", f"{PLACE.repository}@sha256:{tag}", "linux/amd64"),
        "client": client or f"client{number}",
        "place": PLACE,
        "revision": Revision(f"{number}" * 40, "main", False),
        "by": Actor("ann@box"),
        "infrastructure": "tree",
    }
    return Release(id_of(number), **(values | more))


def rolled_back(number: int, to: Release, **more: Any) -> Release:
    """The rollback of this number."""
    return release(
        number,
        to.image.tag,
        to.client,
        **({"kind": Kind.ROLLBACK, "rollback_of": to.origin, "revision": to.revision} | more),
    )
