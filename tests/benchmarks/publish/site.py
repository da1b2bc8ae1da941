"""A client like LibreChat's, of any size: two thirds hashed, most files small and some large."""

from __future__ import annotations

import random
from pathlib import Path

_LARGEST = 4_000_000
"""Bytes of a file at most; LibreChat's largest has 3.5 MB."""


def make_site(dist: Path, files: int, total: int) -> None:
    """Write a distribution directory of so many files and about so many bytes, the same every time."""
    chance = random.Random(files)
    average = total / files
    for number in range(files - 3):
        name = f"assets/chunk{number}.{number:08d}.js" if number % 3 else f"images/{number}.png"
        path = dist / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(min(int(chance.expovariate(1 / average)), _LARGEST)))
    for name in ("index.html", "sw.js", "robots.txt"):
        (dist / name).write_text(name)
