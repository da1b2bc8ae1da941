"""``inv logs``."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from scripts import logs as cloudwatch
from scripts.errors import DeployError, ExitStatus
from scripts.pipeline import deployed
from scripts.pipeline.stages import connecting
from scripts.session import Session
from scripts.steps import Step


@dataclass(frozen=True)
class Wanted:
    """Which part of the log.

    Attributes:
        since: A span of time or a moment, as `scripts.logs.since` takes it.
        pattern: CloudWatch's filter syntax.
        lines: The newest so many; 0: all.
        request_id: Everything that was logged during this request, and nothing else.
        follow: Go on until Ctrl-C.
    """

    since: str = "10m"
    pattern: str = ""
    lines: int = 200
    request_id: str = ""
    follow: bool = False


def logs(session: Session, wanted: Wanted) -> ExitStatus:
    """Show the function's log.

    Raises:
        DeployError: nothing is deployed, there is no such log group, or what is wanted contradicts itself.
    """
    begin = _checked(wanted)
    with session.opened():
        deployed.require_worth_starting(session)
        session.steps.run(Step(connecting(session), session.connect))
        group = str(deployed.recorded_outputs(session).get("function_log_group", ""))
    if not group:
        raise DeployError(
            "The function is not deployed yet",
            "The state has no output function_log_group.",
            f"Go on with the deploy: inv deploy --target {session.settings.target}",
        )
    aws, console = session.target.aws, session.console

    def look(moment: datetime) -> Iterator[cloudwatch.Event]:
        return cloudwatch.read(aws, group, since=moment, pattern=wanted.pattern)

    if wanted.follow:
        console.say_plain(f"Following {group}; Ctrl-C ends it.")
        with contextlib.suppress(KeyboardInterrupt):  # the way to end it, not a failure
            for event in cloudwatch.follow(look, since=begin, lines=wanted.lines):
                console.show(event)
        return ExitStatus.OK
    if wanted.request_id:
        events = cloudwatch.of_request(aws, group, wanted.request_id, since=begin)
    else:
        events = cloudwatch.newest(look(begin), wanted.lines)
    for event in events:
        console.show(event)
    if not events:
        console.say_plain(f"No lines in {group} since {begin.astimezone():%Y-%m-%d %H:%M:%S}.")
    return ExitStatus.OK


def _checked(wanted: Wanted) -> datetime:
    """The moment to begin at, if all that is wanted goes together."""
    if wanted.request_id and (wanted.pattern or wanted.follow):
        raise DeployError(
            "--request-id goes neither with --filter nor with --follow",
            "It shows one whole request, which has ended.",
            "Leave one of them out.",
            status=ExitStatus.PREFLIGHT_FAILED,
        )
    if wanted.request_id and not re.fullmatch(r"[0-9a-f-]{8,36}", wanted.request_id):
        raise DeployError(
            f"{wanted.request_id} is no id of a request",
            "It has 36 characters, such as 40460b8a-d613-4c6e-b48b-86bce7a18158; its first 8 will do.",
            "inv logs shows them.",
            status=ExitStatus.PREFLIGHT_FAILED,
        )
    if wanted.lines < 0:
        raise DeployError(
            f"--lines {wanted.lines} is no number of lines",
            "It is how many of the newest to show.",
            "Use 0 for all of them.",
            status=ExitStatus.PREFLIGHT_FAILED,
        )
    return cloudwatch.since(wanted.since, datetime.now(UTC))
