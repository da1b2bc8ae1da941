"""The image that ours starts from: pinned by its digest, or named by a tag, which its owner may move.

The content tag of our image hashes the reference as it is written, so a tag that has moved changes nothing by
itself: what is deployed stays built from the old image, until something else leads to another build. A run
says so when the engine can ask the registry; a reference with ``@sha256:…`` is never asked about.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping

from scripts.image import engine

NAME_LABEL = "org.opencontainers.image.base.name"
DIGEST_LABEL = "org.opencontainers.image.base.digest"
"""https://github.com/opencontainers/image-spec/blob/main/annotations.md"""


def pinned_digest(reference: str) -> str:
    """``sha256:…`` of a reference that has one; else empty."""
    return reference.partition("@")[2]


def current_digest(reference: str) -> str:
    """The digest that the reference stands for now; empty when nobody can be asked quickly."""
    if pinned := pinned_digest(reference):
        return pinned
    with contextlib.suppress(engine.NoEngine):
        return engine.registry_digest(reference)
    return ""


def built_from(labels: Mapping[str, str] | None, reference: str) -> str:
    """The digest of the base that an image was built from, by its labels; empty when they do not say it."""
    labels = labels or {}
    return labels.get(DIGEST_LABEL, "") if labels.get(NAME_LABEL) == reference else ""


def moved(reference: str, before: str, now: str) -> str:
    """What to say when a tag has moved; empty when it has not, or nobody knows."""
    if not before or not now or before == now:
        return ""
    name = re.sub(r"@.*", "", reference)
    return (
        f"The tag {name} has moved: the image was built from {before}, and the registry has {now} now. "
        f"Pin one of them in librechat.base_image: {name}@{before}, or {name}@{now} for what is new."
    )
