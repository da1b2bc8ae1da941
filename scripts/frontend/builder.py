"""Makes the client, once for each content of its sources.

A build is found again under the hash of everything that goes into it, and is whole or not there: an
interrupted, failed or broken one leaves only its log.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from scripts.content import KEPT_BUILDS, build_once
from scripts.errors import DeployError
from scripts.frontend import sources
from scripts.frontend.dist import Dist, require_whole
from scripts.frontend.git_source import GitSource
from scripts.frontend.source import Identity, Source
from scripts.frontend.standin_source import StandinSource
from scripts.progress import Progress, ignored
from scripts.settings import Settings


def source_hash(settings: Settings, progress: Progress = ignored) -> str:
    """The content hash that `build` would return, without building.

    A release that was never fetched is fetched, an image that the engine does not hold is pulled; after
    that it needs no network.

    Raises:
        DeployError: when the sources cannot be had.
    """
    return sources.choose(settings).identify(progress).content_hash


def build(settings: Settings, progress: Progress = ignored, *, refresh: bool = False) -> Dist:
    """Build the frontend of the settings, or find it built.

    Args:
        settings: Decide what it is made from.
        progress: Called with each line of the build; stages and notices are told apart by their type.
        refresh: Ask the repository again where the release's tag points.

    Raises:
        DeployError: when the sources cannot be had, the build fails, or its result is not whole.
    """
    source = sources.choose(settings)
    if refresh and isinstance(source, GitSource):
        source.refresh(progress)
    return _build(source, settings.project_root, progress)


def standin_client(project_root: Path, progress: Progress) -> Dist:
    """The client of the stand-in app, which its image also holds, whatever is published."""
    return _build(StandinSource(project_root), project_root, progress)


def _build(source: Source, project_root: Path, progress: Progress) -> Dist:
    identity = source.identify(progress)
    path = project_root / ".build" / "frontend" / identity.content_hash
    log = project_root / ".build" / "logs" / f"frontend-{identity.content_hash}.log"
    cached = build_once(
        path, lambda unfinished: _make(source, identity, unfinished, log, progress), keep=KEPT_BUILDS
    )
    return Dist(
        path,
        identity.content_hash,
        cached,
        identity.kind,
        identity.name,
        identity.commit,
        log if log.is_file() else None,
    )


def _make(source: Source, identity: Identity, unfinished: Path, log: Path, progress: Progress) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8", errors="replace") as file:

        def tell(line: str) -> None:
            file.write(f"{line}\n")
            file.flush()  # somebody may be following it
            progress(line)

        file.write(f"# {datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z {identity.name} {identity.content_hash}\n")
        try:
            source.make(identity, unfinished, tell)
            require_whole(unfinished, identity.name)
        except DeployError as error:
            file.write(f"{error}\n")
            error.facts["log"] = str(log)
            error.next_step = f"{error.next_step}\nThe whole output: {log}"
            raise
