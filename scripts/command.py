"""The frame around every task: settings and console in, exit status out.

Here failures become exit statuses and signals become an orderly end. Imports nothing heavy: every
`inv --list` loads it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit

from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.processes import interruptible
from scripts.settings import Settings, refuse_unknown

if TYPE_CHECKING:
    from scripts.session import Session


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
    config: Any, *, target: str = "", yes: bool = False, json: bool = False, debug: bool = False
) -> Iterator[Command]:
    """Run the body of a task.

    Args:
        config: Invoke's merged configuration (``ctx.config``).
        target: The flag ``--target``; empty: as configured.
        yes: Answer questions with yes.
        json: Write JSON lines instead of text.
        debug: Write the traceback to stderr, too.

    Raises:
        Exit: with the exit status of whatever went wrong; it has been shown by then.
    """
    console = Console(json_lines=json, assume_yes=yes)
    try:
        with interruptible():
            refuse_unknown(config, os.environ)
            yield Command(Settings.load(config, target=target), console)
    except Exit:
        raise
    except BaseException as error:
        if debug:
            import traceback

            traceback.print_exception(error)
        failure = _named(error)
        console.error(failure)
        raise Exit(code=int(failure.status)) from error


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
