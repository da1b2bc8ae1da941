"""Builds the client with npm, once for each content of its sources.

Two kinds of sources: a checkout of LibreChat (`librechat.source`), and on the local target the client
of the stand-in app. A build is found again under the hash of everything that goes into it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scripts import npm
from scripts.content import build_once, content_lines, exclusive_use, files_below, sha256_text
from scripts.errors import DeployError, ExitStatus
from scripts.npm import Progress
from scripts.settings import Settings

# What a build writes, and what never goes into one.
_NOT_SOURCES = {"node_modules", "dist", ".git", ".vite", ".turbo", ".rollup.cache", "coverage"}
# LibreChat's client/vite.config.ts reads variables with these prefixes from the environment, too.
_BUILD_VARIABLES = ("VITE_", "SCRIPT_", "DOMAIN_", "ALLOW_")


@dataclass(frozen=True)
class Dist:
    """A finished build.

    Attributes:
        path: The directory that holds index.html.
        content_hash: Hash of the sources and the Node version it was built from.
        cached: Whether it was there already.
    """

    path: Path
    content_hash: str
    cached: bool


def source_hash(settings: Settings) -> str:
    """The content hash that `build` would return, without building.

    Raises:
        DeployError: when there is nothing to build from.
    """
    return _sources(settings).content_hash()


def build(settings: Settings, progress: Progress = lambda line: None) -> Dist:
    """Build the frontend of the settings, or find it built.

    Args:
        settings: Decide between LibreChat's client and the stand-in's.
        progress: Called with each line that npm prints.

    Raises:
        DeployError: when there is nothing to build from, or npm fails.
    """
    return _build(_sources(settings), settings.project_root, progress)


def standin_client(project_root: Path, progress: Progress) -> Dist:
    """The client of the stand-in app, which its image also holds, whatever is published."""
    return _build(_StandinClient(_standin_directory(project_root)), project_root, progress)


def _build(sources: _StandinClient | _LibreChat, project_root: Path, progress: Progress) -> Dist:
    content_hash = sources.content_hash()
    path = project_root / ".build" / "frontend" / content_hash
    cached = build_once(path, lambda unfinished: sources.make(unfinished, progress))
    return Dist(path, content_hash, cached)


def _sources(settings: Settings) -> _StandinClient | _LibreChat:
    if settings.librechat.source:
        return _LibreChat(settings.project_root / Path(settings.librechat.source).expanduser())
    if settings.target == "local":
        return _StandinClient(_standin_directory(settings.project_root))
    raise DeployError(
        "There is no frontend to deploy",
        "Only the local target has a stand-in; the real account gets LibreChat's own client.",
        f"Check out LibreChat {settings.librechat.version} and name it: INVOKE_LIBRECHAT_SOURCE=<path> "
        "(or librechat.source in invoke.yaml).",
        status=ExitStatus.PREFLIGHT_FAILED,
    )


def _standin_directory(project_root: Path) -> Path:
    return project_root / "scripts" / "local" / "app" / "client"


@dataclass(frozen=True)
class _StandinClient:
    directory: Path

    def content_hash(self) -> str:
        return _hash(self.directory, files_below(self.directory, skip=_NOT_SOURCES))

    def make(self, dist: Path, progress: Progress) -> None:
        npm.install(self.directory, progress)
        npm.run(self.directory, "build", ["--outDir", str(dist), "--emptyOutDir"], progress)


@dataclass(frozen=True)
class _LibreChat:
    directory: Path

    def content_hash(self) -> str:
        self._check()
        root = self.directory
        # Not api/: the server comes from its own image, and editing it must not rebuild the client.
        top = [
            path for name in ("package.json", "package-lock.json", ".env") if (path := root / name).is_file()
        ]
        trees = (files_below(root / name, skip=_NOT_SOURCES) for name in ("client", "packages"))
        return _hash(root, [*top, *(path for tree in trees for path in tree)])

    def make(self, dist: Path, progress: Progress) -> None:
        npm.install(self.directory, progress)
        # The build writes into the checkout, which two builds must not do at once.
        with exclusive_use(self.directory):
            npm.run(self.directory, "frontend", [], progress)
            built = self.directory / "client" / "dist"
            if not (built / "index.html").is_file():
                raise DeployError(
                    "LibreChat's frontend build left no index.html",
                    f"{built} is where `npm run frontend` is expected to put it.",
                    "Check that librechat.source is an unchanged checkout of a LibreChat release.",
                )
            shutil.copytree(built, dist, dirs_exist_ok=True)

    def _check(self) -> None:
        try:
            package = json.loads((self.directory / "package.json").read_text())
            if "frontend" not in package["scripts"]:
                raise KeyError("package.json has no script named frontend")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeployError(
                "librechat.source is not a checkout of LibreChat",
                f"{self.directory}: {error}",
                "Name the top directory of a checkout, the one that holds package.json and client/.",
                status=ExitStatus.PREFLIGHT_FAILED,
            ) from error


def _hash(root: Path, files: Iterable[Path]) -> str:
    variables = sorted(
        f"{name}={value}" for name, value in os.environ.items() if name.startswith(_BUILD_VARIABLES)
    )
    return sha256_text([npm.node_version(), *variables, *content_lines(root, files)])[:16]
