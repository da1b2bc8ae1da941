"""The client of the stand-in app, which the local target has while no LibreChat is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scripts import npm
from scripts.content import content_lines, files_below
from scripts.frontend.source import Identity, hash_of_build
from scripts.progress import Progress, Stage

_NOT_SOURCES = {"node_modules", "dist", ".vite"}


@dataclass(frozen=True)
class StandinSource:
    """The stand-in's client, below `project_root`."""

    project_root: Path

    @property
    def directory(self) -> Path:
        """Where its sources are."""
        return self.project_root / "scripts" / "local" / "app" / "client"

    def identify(self, progress: Progress) -> Identity:
        """By the content of its files."""
        files = files_below(self.directory, skip=_NOT_SOURCES)
        return Identity("standin", hash_of_build(*content_lines(self.directory, files)), "the stand-in app")

    def make(self, identity: Identity, dist: Path, progress: Progress) -> None:
        """Vite writes straight into `dist`."""
        npm.install(self.directory, progress)
        progress(Stage("building the stand-in's client"))
        npm.run(self.directory, "build", ["--outDir", str(dist), "--emptyOutDir"], progress)
