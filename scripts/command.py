"""The frame around every task: settings and console in, exit status out.

Here failures become exit statuses and signals become an orderly end. Imports nothing heavy: every
`inv --list` loads it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit

from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.printable import printable
from scripts.processes import interruptible
from scripts.redaction import redact
from scripts.settings import Settings, refuse_unknown

if TYPE_CHECKING:
    from scripts.session import Session
    from scripts.summary import Summary


@dataclass(frozen=True)
class Command:
    """What a task works with."""

    settings: Settings
    console: Console

    def session(self) -> Session:
        """A session of these settings; imported late, because listing tasks does not need it."""
        from scripts.session import Session

        return Session(self.settings, self.console)

    def end(self, status: ExitStatus) -> None:
        """End with a status that is not an error, such as `ExitStatus.CHANGES_PENDING`."""
        if status is not ExitStatus.OK:
            raise Exit(code=int(status))


@contextmanager
def command(
    config: Any,
    *,
    target: str = "",
    yes: bool = False,
    json: bool = False,
    debug: bool = False,
    lock_timeout: str = "",
    name: str = "",
    summary: str = "",
    where: str = "",
    value_only: bool = False,
) -> Iterator[Command]:
    """Run the body of a task.

    Args:
        config: Invoke's merged configuration (``ctx.config``).
        target: The flag ``--target``; empty: as configured.
        yes: Answer questions with yes.
        json: Write JSON lines instead of text.
        debug: Write the traceback to stderr, too.
        lock_timeout: The flag ``--lock-timeout``; empty: as configured.
        name: The task's, for the heading of its summary.
        summary: A file to append a Markdown summary of the run to; empty: none.
        where: What the run looks at, for the same heading; empty: the target and its environment.
        value_only: Write nothing to stdout but one value (`Console.value`).

    Raises:
        Exit: with the exit status of whatever went wrong; it has been shown by then.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a ✓ must not end a run whose log is ASCII
    report = _summary(summary, name)
    console = Console(
        json_lines=json, assume_yes=yes, value_only=value_only, listener=report.add if report else None
    )
    status = ExitStatus.OK
    try:
        with interruptible():
            if report:
                report.require_writable()
            refuse_unknown(config, os.environ)
            settings = Settings.load(config, **{"target": target, "state.lock_timeout": lock_timeout})
            if report:
                report.where = where or f"{settings.target}, environment {settings.environment}"
            yield Command(settings, console)
    except Exit as end:
        status = ExitStatus(end.code)
        raise
    except BaseException as error:
        status = ExitStatus.FAILED
        if debug:
            import traceback

            with _heard_or_not():
                sys.stderr.write(printable(redact("".join(traceback.format_exception(error)))))
        failure = _named(error)
        status = failure.status
        with _heard_or_not():
            console.error(failure)
        raise Exit(code=int(failure.status)) from error
    finally:
        if report and (problem := report.write(status)):
            with _heard_or_not():
                console.warn(problem)


@contextmanager
def _heard_or_not() -> Iterator[None]:
    """For last words: that nobody reads them (`inv … --json | head -1`) does not change the exit status."""
    try:
        yield
    except (OSError, SystemExit):  # the second is rich's answer to a closed pipe
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:  # the interpreter would try once more at its end, and make the status 120
                os.dup2(nowhere, stream.fileno())


def _summary(file: str, name: str) -> Summary | None:
    """What collects the run for `file`; imported late, because listing tasks does not need it."""
    if not file:
        return None
    from scripts.summary import Summary

    return Summary(Path(file), name)


def _named(error: BaseException) -> DeployError:
    """The failure as a user is meant to read it."""
    if isinstance(error, DeployError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return DeployError(
            "Interrupted",
            next_step="The same command goes on from here.",
            status=ExitStatus.INTERRUPTED,
        )
    if type(error).__module__.startswith("botocore"):
        return DeployError(
            "AWS refused a request, or was not reached",
            str(error),
            "Check credentials and network (inv doctor), then run the same command again.",
        )
    if isinstance(error, Exception):
        return DeployError(
            "This is a bug of ours",
            f"{type(error).__name__}: {error}",
            "Run the same command with --debug and report the traceback.",
        )
    raise error
