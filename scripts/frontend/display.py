"""Shows a build while it runs, and what came of it.

On a terminal the current stage with its time and the last line; in a log a line for each stage that has
ended. With ``--json`` each stage is an event ``step``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.console import Console
from scripts.frontend.builder import build
from scripts.frontend.dist import Dist
from scripts.progress import Notice, Progress, Stage
from scripts.redaction import redact
from scripts.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class BuildResult:
    """A client that was built, or found built. An `Outcome` of the console.

    Attributes:
        seconds: That this call took.
        files: Number of files, compressed siblings included; `bytes` is their size.
        shows_log: Whether people are told where the log is.
    """

    dist: Dist
    seconds: float
    files: int
    bytes: int
    shows_log: bool = False

    type = "frontend.build"

    def to_json(self) -> dict[str, Any]:
        """The facts."""
        return {
            "directory": str(self.dist.path),
            "hash": self.dist.content_hash,
            "source": self.dist.kind,
            "made_from": self.dist.name,
            "commit": self.dist.commit,
            "cached": self.dist.cached,
            "seconds": round(self.seconds, 3),
            "files": self.files,
            "bytes": self.bytes,
            "log": str(self.dist.log or ""),
        }

    def __rich__(self) -> RenderableType:
        """What, from what, and where."""
        from rich.text import Text

        did = "found built" if self.dist.cached else f"built in {self.seconds:.1f} s"
        lines = [
            f"Frontend {self.dist.content_hash} {did}: {self.files} files, {self.bytes / 1e6:.1f} MB",
            f"from  {self.dist.name}",
            f"in    {self.dist.path}",
        ]
        if self.shows_log and self.dist.log:
            lines.append(f"log   {self.dist.log}")
        return Text("\n").join(Text(line) for line in lines)


def build_shown(
    settings: Settings, console: Console, *, refresh: bool = False, every_line: bool = False
) -> BuildResult:
    """Build as `build` does, shown as it goes.

    Args:
        every_line: Show all that the build prints, and where its log is.

    Raises:
        DeployError: from the build.
    """
    started = time.monotonic()
    display = _Display(console, every_line)
    with display.shown():
        dist = build(settings, display, refresh=refresh)
    files = dist.files
    size = sum(path.stat().st_size for path in files)
    return BuildResult(dist, time.monotonic() - started, len(files), size, every_line)


def notices(console: Console) -> Progress:
    """A `Progress` for a build among other steps: only what a person has to know."""
    return lambda line: console.warn(line) if isinstance(line, Notice) else None


class _Display:
    """A `Progress` that shows stages with their times."""

    def __init__(self, console: Console, every_line: bool) -> None:
        self._console = console
        self._every_line = every_line
        self._began = time.monotonic()
        self._stage: tuple[str, float] | None = None
        self._line = ""

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show live within the block, when somebody watches."""
        with self._live():
            try:
                yield
            except BaseException:
                self._end_stage(failed=True)
                raise
            self._end_stage()

    def __call__(self, line: str) -> None:
        if isinstance(line, Stage):
            self._end_stage(then=(line, time.monotonic()))
        elif isinstance(line, Notice):
            self._console.warn(line)
        else:
            self._line = line
            if self._every_line:
                self._console.say_plain(redact(line))

    def _live(self) -> AbstractContextManager[object]:
        if not self._console.interactive:
            return nullcontext()
        from rich.live import Live

        return Live(self, console=self._console.rich, transient=True, refresh_per_second=4)

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        name, since = self._stage or ("", self._began)
        now = time.monotonic()
        return Text.assemble(
            (f"… {name or 'looking for the sources'}  {now - since:.0f} s", "cyan"),
            (f"  {now - self._began:.0f} s in all  ", "dim"),
            (self._line, "dim"),
            no_wrap=True,
            overflow="ellipsis",
        )

    def _end_stage(self, *, then: tuple[str, float] | None = None, failed: bool = False) -> None:
        ended, self._stage = self._stage, then
        if ended is None:
            return
        name, since = ended
        took = time.monotonic() - since
        self._console.say_plain(f"{'✗' if failed else '✓'} {name}  {took:.1f} s")
        more = {"failed": True} if failed else {"note": "frontend.build"}
        self._console.event("step", name=name, took=round(took, 3), **more)
