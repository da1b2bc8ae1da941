"""A built client: where it is, what it was made from, and whether it is whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from scripts.content import files_below
from scripts.errors import DeployError
from scripts.frontend.source import Kind


@dataclass(frozen=True)
class Dist:
    """A finished build.

    Attributes:
        path: The directory that holds index.html.
        content_hash: Hash of everything that it was made from.
        cached: Whether it was there already.
        kind: Where its sources came from.
        name: The sources for people.
        commit: Of LibreChat, as far as it is known.
        log: The whole output of its build; None where this machine has none.
    """

    path: Path
    content_hash: str
    cached: bool
    kind: Kind
    name: str
    commit: str
    log: Path | None

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file of it."""
        return tuple(files_below(self.path))


def require_whole(directory: Path, made_from: str) -> None:
    """Refuse a build that visitors could not load.

    Raises:
        DeployError: when index.html, or a file that it names, is missing.
    """
    # The same reading as after the deployment: what passes here is what smoke looks for there.
    from scripts.smoke.page import asset_paths

    index = directory / "index.html"
    if not index.is_file():
        raise _broken(made_from, "It has no index.html.")
    named = asset_paths(index.read_text(errors="replace"), "http://site.invalid/")
    missing = [path for path in named if not (directory / _file(path)).is_file()]
    if missing:
        raise _broken(made_from, f"index.html names files that are not there: {', '.join(missing)}")
    if not named:
        raise _broken(made_from, "index.html names no script or style: it is not a built page.")


def _file(path: str) -> str:
    return unquote(urlsplit(path).path).lstrip("/")


def _broken(made_from: str, why: str) -> DeployError:
    return DeployError(
        f"The client that was made from {made_from} is not whole",
        f"{why} Published, visitors would see an empty page.",
        "Nothing was published. Check the sources; the log of the build says what it did.",
    )
