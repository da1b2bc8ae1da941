"""``--summary FILE``: what a run did, as Markdown for the page of a CI run or a comment.

Drawn from the very events that ``--json`` writes, so it can hold nothing that they do not, and no
secret. It is appended, because the file that ``$GITHUB_STEP_SUMMARY`` names is shared by the steps of a
job, and written when a run fails as well. Event types without a section here are left out.
"""

from __future__ import annotations

from pathlib import Path

from scripts.errors import DeployError, ExitStatus
from scripts.printable import printable
from scripts.summary import markdown, sections
from scripts.summary.sections import Event

_MARKS = {ExitStatus.OK: "✅", ExitStatus.CHANGES_PENDING: "🔶"}
_MEANINGS = {
    ExitStatus.OK: "done",
    ExitStatus.FAILED: "failed",
    ExitStatus.CHANGES_PENDING: "differences found",
    ExitStatus.PREFLIGHT_FAILED: "a check before the start failed; nothing was touched",
    ExitStatus.SMOKE_FAILED: "deployed, but a smoke check failed",
    ExitStatus.LOCKED: "somebody else holds the state lock",
    ExitStatus.INTERRUPTED: "interrupted",
}


class Summary:
    """Collects the events of one run and appends them to a file at its end.

    Args:
        file: Where to. Made when it is missing.
        name: The task (``deploy``).
    """

    def __init__(self, file: Path, name: str) -> None:
        self._file = file
        self._name = name
        self._events: list[Event] = []
        self.where = ""
        """Target and environment, once they are known."""

    def add(self, event: Event) -> None:
        """Take in an event as ``--json`` writes it."""
        self._events.append(event)

    def require_writable(self) -> None:
        """Fail before the run rather than lose its summary after it.

        Raises:
            DeployError: with `ExitStatus.PREFLIGHT_FAILED`.
        """
        try:
            with self._file.open("a"):
                pass
        except OSError as error:
            raise DeployError(
                f"The summary cannot be written to {self._file}",
                str(error),
                "Name another file with --summary.",
                status=ExitStatus.PREFLIGHT_FAILED,
            ) from error

    def write(self, status: ExitStatus) -> str:
        """Append the summary of a run that ended with `status`. Returns why it could not, or nothing.

        Never raises for a full disk: the run's own result counts for more than its summary.
        """
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(self.render(status))
        except OSError as error:
            return f"The summary was not written to {self._file}: {error}"
        return ""

    def render(self, status: ExitStatus) -> str:
        """The whole text, not longer than `LIMIT`."""
        mark, meaning = _MARKS.get(status, "❌"), _MEANINGS[status]
        where = f" → {self.where}" if self.where else ""
        blocks = [f"## {mark} `inv {self._name}`{where}: {meaning} (exit status {int(status)})"]
        blocks += sections.draw(self._events)
        return markdown.cut(printable("\n\n".join(blocks) + "\n\n"))
