"""The last log lines of the function, as evidence of a failure. Not a log viewer."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime

from scripts.aws import Aws, error_code

_PAGES = 10


def tail(aws: Aws, log_group: str, *, since: float, lines: int = 20) -> tuple[str, ...]:
    """The newest lines of a log group, oldest of them first.

    Args:
        aws: The account.
        log_group: Name of the group.
        since: Seconds since the epoch; older lines are not looked at.
        lines: At most this many.

    Returns:
        The lines with their time; or one line that says why there are none. Never raises for an
        answer of AWS: this is called when something else has failed already.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    newest: deque[str] = deque(maxlen=lines)
    try:
        pages = aws.client("logs").get_paginator("filter_log_events")
        for number, page in enumerate(pages.paginate(logGroupName=log_group, startTime=int(since * 1000))):
            newest.extend(_line(event["timestamp"], event["message"]) for event in page["events"])
            if number + 1 == _PAGES:
                break
    except (BotoCoreError, ClientError) as error:
        return (f"(the log group {log_group} cannot be read: {error_code(error) or error})",)
    return tuple(newest) or (f"(no lines in {log_group}: the function was not invoked, or may not log)",)


def _line(milliseconds: int, message: str) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%H:%M:%S}.{milliseconds % 1000:03d} {message.rstrip()}"
