"""What the client is made from: the interface of all sources, and what counts as their content.

The kinds are in modules of their own (`standin_source`, `checkout_source`, `git_source`, `image_source`);
`sources` chooses. A source knows its content before it is built: Terraform's plan needs the hash.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from scripts import npm
from scripts.child_environment import BUILD_VARIABLES
from scripts.content import sha256_text
from scripts.progress import Progress

Kind = Literal["standin", "checkout", "git", "image"]


@dataclass(frozen=True)
class Identity:
    """A source's content at this moment.

    Attributes:
        kind: Where it comes from.
        content_hash: Hash of everything that decides what the client will be.
        name: The same for people: a release, a directory, an image.
        commit: Commit of LibreChat as far as it is known, marked ``-dirty`` for a changed checkout; or empty.
    """

    kind: Kind
    content_hash: str
    name: str
    commit: str = ""


class Source(Protocol):
    """Something that a client can be made from."""

    def identify(self, progress: Progress) -> Identity:
        """The content, fetched first where it is not here.

        Raises:
            DeployError: with `ExitStatus.PREFLIGHT_FAILED`, when the source cannot be had.
        """

    def make(self, identity: Identity, dist: Path, progress: Progress) -> None:
        """Fill the empty directory `dist` with the client of exactly that content.

        Raises:
            DeployError: when it cannot be made.
        """


def hash_of_build(*content: str) -> str:
    """Hash of sources that npm builds: with them go Node's version and the variables that Vite reads.

    Not npm's own version: `npm ci` installs what the lock file says, whatever its version.
    """
    variables = sorted(
        f"{name}={value}" for name, value in os.environ.items() if name.startswith(BUILD_VARIABLES)
    )
    return sha256_text([npm.node_version(), *variables, *content])[:16]
