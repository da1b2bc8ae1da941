"""Reads in the output of LibreChat's build which stage it has reached.

npm announces each script with ``> package@version script``; Vite tells its own phases. A line that is not
known begins no stage: another release of LibreChat is at worst told less about.
"""

from __future__ import annotations

import re

from scripts.progress import Progress, Stage

_HEADER = re.compile(r"^> (?P<package>\S+)@\S+ (?P<script>[\w:.-]+)$")

_CLIENT = "@librechat/frontend"
"""Name of the package in client/, whose build is the last and longest stage."""

# https://vite.dev: what `vite build` prints where it is not on a terminal.
_PHASES = (
    (re.compile(r"^(?:vite v[\d.]+ building|transforming\b)"), "transforming"),
    (re.compile(r"^rendering chunks"), "rendering chunks"),
    (re.compile(r"^computing gzip size"), "compressing"),
    (re.compile(r"^PWA v\d"), "making the service worker"),
)


def told(progress: Progress) -> Progress:
    """`progress` that also gets the stages, each before the line that begins it."""
    reader = StageReader()

    def tell(line: str) -> None:
        if (stage := reader.read(line)) is not None:
            progress(Stage(stage))
        progress(line)

    return tell


class StageReader:
    """Remembers where the build is."""

    def __init__(self) -> None:
        self._current = ""
        self._in_client = False

    def read(self, line: str) -> str | None:
        """The stage that a line begins; None when it goes on with the one before."""
        stage = self._stage(line.strip())
        if stage is None or stage == self._current:
            return None
        self._current = stage
        return stage

    def _stage(self, line: str) -> str | None:
        if header := _HEADER.match(line):
            script, package = header["script"], header["package"]
            if package == _CLIENT and script == "build":
                self._in_client = True
                return "building client"
            # `build:data-provider` of the top package says which one; what runs inside it is its business.
            return f"building {script.removeprefix('build:')}" if script.startswith("build:") else None
        if self._in_client:
            for words, phase in _PHASES:
                if words.match(line):
                    return f"building client: {phase}"
        return None
