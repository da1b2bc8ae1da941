"""A second checkout of the project, to be edited: the next release comes from it.

Sources are copied. What is only installed or built is shared by links, so that a copy takes a second.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.stack import ROOT

_LINKED = (".venv", ".build")
_INSTALLED = ("container", "scripts/local/app/client", "scripts/local/app/server")
"""Folders with a node_modules. An image is packed from real files, so links to directories would not do."""

_LEFT_OUT = shutil.ignore_patterns(
    ".*_cache", ".artifacts", ".build", ".git", ".local", ".state", ".terraform*", ".venv", "__pycache__",
    "node_modules", "tests",
)  # fmt: skip


@dataclass(frozen=True)
class Checkout:
    """A copy of the project's working tree."""

    root: Path

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that occurs in a file, everywhere."""
        path = self.root / file
        text = path.read_text()
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new))


def make_checkout(root: Path) -> Checkout:
    """Copy the working tree to `root`, which does not exist yet."""
    shutil.copytree(ROOT, root, ignore=_LEFT_OUT)
    for name in _LINKED:
        (ROOT / name).mkdir(exist_ok=True)
        (root / name).symlink_to(ROOT / name)
    for folder in _INSTALLED:
        installed = Path(folder, "node_modules")
        if (ROOT / installed).is_dir():
            shutil.copytree(ROOT / installed, root / installed, symlinks=True, copy_function=_link)
    return Checkout(root)


def _link(source: str, target: str) -> None:
    """A hard link, or a copy on another file system."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
