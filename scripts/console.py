"""The only place that prints, and so the one where text from outside is made harmless.

Two modes. For people: rich text on stdout, problems on stderr. With ``--json``: stdout holds
JSON lines only, one object an event with a ``type`` and the ``time`` (docs/events.schema.json describes
each), and everything meant for people is dropped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from scripts.errors import DeployError
from scripts.printable import printable
from scripts.redaction import redact, redact_json

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import RenderableType

_LOG_WIDTH = 1000
"""Columns of a log, which is any output but a terminal: rows are not wrapped or cut, to be searchable."""

_PAGE_WIDTH = 120
"""Columns there of what takes all the width it gets, such as panels and timelines."""


class Outcome(Protocol):
    """Something a task has to show: the same facts for people and for programs."""

    @property
    def type(self) -> str:
        """Name of the event in JSON mode, for example ``plan``."""

    def to_json(self) -> dict[str, Any]:
        """The facts, JSON-serialisable."""

    def __rich__(self) -> RenderableType:
        """The facts, drawn for a terminal."""


class Console:
    """Output and questions of one run.

    Args:
        json_lines: Write JSON lines instead of text.
        assume_yes: Answer every question with yes.
        value_only: Write nothing to stdout but a `value`: the run's output is taken by a script.
        listener: Gets every event, in both modes: what a summary of the run is made from.
        stdout: Instead of the process's own; the same for `stderr` and `stdin`.
    """

    def __init__(
        self,
        *,
        json_lines: bool = False,
        assume_yes: bool = False,
        value_only: bool = False,
        listener: Callable[[dict[str, Any]], None] | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        stdin: TextIO | None = None,
    ) -> None:
        self.json_lines = json_lines
        self.assume_yes = assume_yes
        self._value_only = value_only
        self._listener = listener
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        self._stdin = stdin or sys.stdin
        self._rich: RichConsole | None = None

    @property
    def rich(self) -> RichConsole:
        """The rich console for people. In JSON mode it writes nothing."""
        if self._rich is None:
            from scripts.rich_console import PrintableConsole

            self._rich = PrintableConsole(
                file=self._stdout,
                quiet=self.json_lines or self._value_only,
                emoji=False,  # an ARN that holds ":key:" is to stay one
                soft_wrap=False,
                width=None if self._stdout.isatty() else _LOG_WIDTH,
            )
        return self._rich

    @property
    def interactive(self) -> bool:
        """Whether a person watches: decides on live displays and questions."""
        watched = self._stdout.isatty() and self._stdin.isatty()
        return watched and not self.json_lines and not self._value_only

    def say(self, text: str) -> None:
        """A line for people; rich markup is allowed, so that text from outside is to be escaped."""
        self.rich.print(text, soft_wrap=True, markup=True)

    def say_plain(self, text: str) -> None:
        """A line for people as it is, such as the output of a tool."""
        self.rich.print(text, soft_wrap=True)

    def show(self, outcome: Outcome) -> None:
        """An outcome: drawn for people, or one JSON line."""
        self.event(outcome.type, **outcome.to_json())
        if not self.json_lines:
            from rich.console import Group
            from rich.table import Table
            from rich.text import Text

            drawn = outcome.__rich__()
            page = not self._stdout.isatty() and not isinstance(drawn, (Group, Table))
            # Text is not wrapped or cropped: it holds addresses that are copied.
            self.rich.print(drawn, soft_wrap=isinstance(drawn, Text), width=_PAGE_WIDTH if page else None)

    def event(self, type: str, **data: Any) -> None:
        """A JSON line; nothing in the mode for people."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = {"type": type, "time": now, **data}
        if self._listener:
            self._listener(event)
        if self.json_lines:
            # GitHub's runner takes ##[…] for a command wherever it stands; to JSON it is the same.
            self._stdout.write(json.dumps(event, default=str).replace("##[", "#\\u0023[") + "\n")
            self._stdout.flush()

    def value(self, value: Any) -> None:
        """One value for a script: a text as it is, anything else as JSON. Nothing in JSON mode."""
        if not self.json_lines:
            text = value if isinstance(value, str) else json.dumps(value)
            # What goes into a file or a variable must be the value itself.
            self._stdout.write(f"{printable(text) if self._stdout.isatty() else text}\n")

    def warn(self, text: str) -> None:
        """A warning, plain text."""
        text = redact(text)
        self.event("warning", message=text)
        if not self.json_lines:
            self._stderr.write(f"Warning: {printable(text)}\n")

    def error(self, error: DeployError) -> None:
        """The end of a failed run: what failed, why, and the next step. Secrets are taken out."""
        what, why, evidence = redact(error.what), redact(error.why), redact(error.evidence)
        self.event(
            "error",
            what=what,
            why=why,
            next_step=error.next_step,
            status=int(error.status),
            evidence=evidence,
            **redact_json(error.facts),
        )
        if self.json_lines:
            return
        from rich.text import Text

        from scripts.rich_console import PrintableConsole

        out = PrintableConsole(file=self._stderr, soft_wrap=True)
        out.print(Text.assemble(("✗ ", "bold red"), (what, "bold")))
        if why:
            out.print(Text(f"  Why:  {why}".replace("\n", "\n        ")))
        if error.next_step:
            out.print(Text(f"  Next: {error.next_step}".replace("\n", "\n        ")))
        if evidence:
            out.print(Text(evidence, style="dim"))

    def confirm(self, question: str) -> bool:
        """Ask for a plain yes. Without a person and without ``--yes`` the answer is an error.

        Raises:
            DeployError: when nobody can answer; with `ExitStatus.FAILED`, for by then the plan has been
                made, which is more than a check before the start.
        """
        if self.assume_yes:
            return True
        if not self.interactive:
            raise DeployError(
                "A confirmation is needed and nobody is there to give it",
                question,
                "Run the same command with --yes once you are sure.",
            )
        self._stdout.write(f"{printable(question)} [y/N] ")
        self._stdout.flush()
        return self._stdin.readline().strip().lower() in ("y", "yes")

    def confirm_by_name(self, question: str, name: str, *, given: str = "") -> bool:
        """Ask for a name to be typed, unless it was given beforehand. ``--yes`` does not stand for it.

        Raises:
            DeployError: when nobody can answer.
        """
        if given:
            return given == name
        if not self.interactive:
            raise DeployError(
                "A confirmation by name is needed and nobody is there to give it",
                question,
                f"Run the same command with --confirm {name} once you are sure; --yes alone is not enough.",
            )
        self._stdout.write(f"{printable(question)} Type the environment's name ({name}): ")
        self._stdout.flush()
        return self._stdin.readline().strip() == name
