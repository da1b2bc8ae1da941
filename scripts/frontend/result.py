"""What a publication tells when it has ended. How it came about is `publication`'s."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class PublishResult:
    """What a publication did. An `Outcome` of the console.

    Attributes:
        release: The one that is live now.
        restored: Whether its files were in the bucket already, and nothing of this machine was read.
        uploaded: Files sent.
        copied: Unhashed files put live by a copy within S3; others were sent straight there.
        unchanged: Files of the release that were neither sent nor copied.
        deleted: Unhashed files of the release before that are gone.
        pruned: Objects that no kept release needed any more.
        bytes: Of the files sent.
        invalidated: Paths that CloudFront was told to forget.
        warning: What went wrong without harm to the site.
    """

    release: str
    restored: bool
    uploaded: int
    copied: int
    unchanged: int
    deleted: int
    pruned: int
    bytes: int
    seconds: float
    invalidated: tuple[str, ...] = ()
    warning: str = ""

    type = "frontend.publish"

    def to_json(self) -> dict[str, Any]:
        """The facts; ``invalidated`` is a list of paths."""
        return {**asdict(self), "invalidated": list(self.invalidated)}

    def __rich__(self) -> RenderableType:
        """One line, and the warning below it."""
        from rich.text import Text

        if not (self.uploaded or self.copied or self.deleted):
            line = f"nothing to publish, {self.unchanged} files unchanged"
        else:
            sent = f"{self.uploaded} files uploaded ({self.bytes / 1e6:.1f} MB)"
            line = (
                f"{'restored, no file sent' if self.restored else sent}, {self.copied} put live, "
                f"{self.unchanged} unchanged, {self.deleted} deleted"
            )
        warning = Text(f"\nWarning: {self.warning}", "yellow") if self.warning else ""
        return Text.assemble(f"Frontend {self.release}: {line} ({self.seconds:.1f} s)", warning)
