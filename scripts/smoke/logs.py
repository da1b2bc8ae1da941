"""The last log lines of the function, as evidence of a failure. Not a log viewer (`scripts.logs`)."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from itertools import islice

from scripts import logs
from scripts.aws import Aws, error_code
from scripts.errors import DeployError

_MOST_EVENTS = 100_000


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

    events = logs.read(aws, log_group, since=datetime.fromtimestamp(since, UTC))
    try:
        newest = deque(islice(events, _MOST_EVENTS), maxlen=lines)
    except (BotoCoreError, ClientError, DeployError) as error:
        cause = error.__cause__ or error
        return (f"(the log group {log_group} cannot be read: {error_code(cause) or cause})",)
    if not newest:
        return (f"(no lines in {log_group}: the function was not invoked, or may not log)",)
    return tuple(
        f"{event.moment:%H:%M:%S}.{event.timestamp % 1000:03d} {event.message.rstrip()}" for event in newest
    )
