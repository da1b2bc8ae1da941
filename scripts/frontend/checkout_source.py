"""A checkout of LibreChat on this machine (`librechat.source`), with whatever its owner changed in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from scripts import git
from scripts.content import content_lines, exclusive_use, files_below
from scripts.errors import DeployError, ExitStatus
from scripts.frontend import librechat
from scripts.frontend.source import Identity, hash_of_build
from scripts.progress import Progress

# What a build writes, and what never goes into one.
_NOT_SOURCES = {"node_modules", "dist", ".git", ".vite", ".turbo", ".rollup.cache", "coverage"}


@dataclass(frozen=True)
class CheckoutSource:
    """The checkout whose top is `directory`."""

    directory: Path

    def identify(self, progress: Progress) -> Identity:
        """By the content of the files that the client is made from."""
        self._check()
        root = self.directory
        # Not api/: the server comes from its own image, and editing it must not rebuild the client.
        top = [
            path for name in ("package.json", "package-lock.json", ".env") if (path := root / name).is_file()
        ]
        trees = (files_below(root / name, skip=_NOT_SOURCES) for name in ("client", "packages"))
        lines = content_lines(root, [*top, *(path for tree in trees for path in tree)])
        # A copy without git has no commit; git would find that of the repository around it.
        commit = git.described(root) if (root / ".git").exists() else ""
        return Identity("checkout", hash_of_build(*lines), str(root), commit)

    def make(self, identity: Identity, dist: Path, progress: Progress) -> None:
        """LibreChat's own build, in the checkout itself."""
        librechat.install(self.directory, progress)
        # The build writes into the checkout, which two builds must not do at once.
        with exclusive_use(self.directory):
            librechat.build(self.directory, dist, progress)
        if self.identify(progress).content_hash != identity.content_hash:
            raise DeployError(
                "The checkout was changed while it was built",
                f"Sources in {self.directory} are not what they were at the start; nobody can say which of "
                "them are in this build.",
                "Run the same command again.",
            )

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
