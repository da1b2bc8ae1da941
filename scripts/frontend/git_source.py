"""A release of LibreChat, fetched by tag: `librechat.version` of `librechat.repository`.

The repository is asked once. From then on the tag stands for the commit that it named that day, without
network: a plan does not change because somebody moved a tag. `refresh` asks again.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scripts import git
from scripts.content import build_once, sha256_text
from scripts.errors import DeployError
from scripts.frontend import librechat
from scripts.frontend.source import Identity, hash_of_build
from scripts.progress import Notice, Progress, Stage


@dataclass(frozen=True)
class GitSource:
    """The tag of a repository.

    Attributes:
        project_root: Copies are kept under its ``.build/sources``, each whole or not there.
    """

    repository: str
    tag: str
    project_root: Path

    def identify(self, progress: Progress) -> Identity:
        """By the commit; fetches the tag unless it is here."""
        commit = self._commit(progress)
        name = f"{PurePosixPath(self.repository).name.removesuffix('.git')} {self.tag} ({commit[:12]})"
        return Identity("git", hash_of_build("git", commit), name, commit)

    def make(self, identity: Identity, dist: Path, progress: Progress) -> None:
        """LibreChat's own build in a tree of its own.

        A failed build leaves the tree, so that the next one need not install again; what a success
        leaves is of no more use.
        """
        tree = self._sources / f"tree-{identity.commit}"
        for other in set(self._sources.glob("tree-*")) - {tree}:  # of a release that was given up
            shutil.rmtree(other, ignore_errors=True)
        if not tree.is_dir():
            progress(Stage(f"checking out {identity.commit[:12]}"))
            build_once(tree, lambda unfinished: git.check_out(self._bare, identity.commit, unfinished))
        librechat.install(tree, progress)
        librechat.build(tree, dist, progress)
        shutil.rmtree(tree, ignore_errors=True)

    def refresh(self, progress: Progress) -> None:
        """Ask the repository again where the tag points.

        Raises:
            DeployError: with `ExitStatus.PREFLIGHT_FAILED`, when it is not reached.
        """
        if not self._bare.is_dir():
            return
        now = git.commit_of_tag(self.repository, self.tag, self.project_root)
        before = git.tagged_commit(self._bare, self.tag)
        if now != before:
            progress(Notice(f"{self.tag} of {self.repository} was moved: {before[:12]} → {now[:12]}"))
            _discard(self._bare)

    @property
    def _sources(self) -> Path:
        return self.project_root / ".build" / "sources"

    @property
    def _bare(self) -> Path:
        return self._sources / f"{sha256_text([self.repository, self.tag])[:16]}.git"

    def _commit(self, progress: Progress) -> str:
        if not self._bare.is_dir():
            progress(Stage(f"fetching {self.tag} from {self.repository}"))
            build_once(self._bare, self._fetch)
        return git.tagged_commit(self._bare, self.tag)

    def _fetch(self, unfinished: Path) -> None:
        # Asked first: it tells a tag that does not exist from a repository that is not reached.
        announced = git.commit_of_tag(self.repository, self.tag, self.project_root)
        git.fetch_tag(self.repository, self.tag, unfinished, self.project_root)
        fetched = git.tagged_commit(unfinished, self.tag)
        if fetched != announced:
            raise DeployError(
                f"{self.tag} of {self.repository} was moved while it was fetched",
                f"It named {announced}, then {fetched}.",
                "Run the same command again.",
            )


def _discard(directory: Path) -> None:
    """Out of the way at once, then removed: no other run sees half of it."""
    grave = Path(tempfile.mkdtemp(prefix=".discarded.", dir=directory.parent))
    directory.rename(grave / directory.name)
    shutil.rmtree(grave, ignore_errors=True)
