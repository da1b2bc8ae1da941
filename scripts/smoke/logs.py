"""The function's log lines that belong to a run, as evidence of a failure. Not a log viewer (`scripts.logs`).

A report is meant to be passed on, and what LibreChat logs may name its users. So only what was written for
requests of the run itself is taken, and what belongs to no request at all: a start that failed.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice

from scripts import logs
from scripts.aws import Aws, error_code
from scripts.errors import DeployError
from scripts.redaction import redact

_MOST_EVENTS = 100_000
_PAUSE_SECONDS = 0.5
_BEGIN = re.compile(r"START RequestId:")
_END = re.compile(r"(?:END|REPORT) RequestId:")
_INIT = re.compile(r"INIT_(?:START|REPORT)\b")
_ENDED_BY_LAMBDA = re.compile(r"Task timed out after|Runtime exited|Runtime\.\w+Error")


def tail(
    aws: Aws,
    log_group: str,
    *,
    since: float,
    requests: Iterable[str] = (),
    lines: int = 20,
    patience: float = 0.0,
) -> tuple[str, ...]:
    """The newest lines that tell of the run, oldest of them first.

    Args:
        aws: The account.
        log_group: Name of the group.
        since: Seconds since the epoch; older lines are not looked at.
        requests: Ids of the run's own requests, Lambda's or API Gateway's, as far as the answers named them.
        lines: At most this many.
        patience: Seconds to go on looking for a line of one of those requests: CloudWatch shows lines seconds
            after they were written, and a run that fails at its first check is quicker.

    Returns:
        The lines with their time; or one line that says why there are none. Never raises for an
        answer of AWS: this is called when something else has failed already.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    given_up = time.monotonic() + patience
    try:
        while True:
            events = _read(aws, log_group, since)
            own, written_for = _own(events, requests), _requests(events)
            if own.intersection(written_for) or time.monotonic() >= given_up:
                break
            time.sleep(_PAUSE_SECONDS)
    except (BotoCoreError, ClientError, DeployError) as error:
        cause = error.__cause__ or error
        return (f"(the log group {log_group} cannot be read: {error_code(cause) or cause})",)
    if not events:
        return (f"(no lines in {log_group}: the function was not invoked, or may not log)",)
    ours = [
        event
        for event, request in zip(events, written_for, strict=True)
        if request == "" or request in own or _by_lambda(event.message)
    ]
    if not ours:
        return (f"(no line in {log_group} is known to be of this run; inv logs shows all of them)",)
    return tuple(
        f"{event.moment:%H:%M:%S}.{event.timestamp % 1000:03d} {redact(event.message.rstrip())}"
        for event in ours[-lines:]
    )


def _read(aws: Aws, log_group: str, since: float) -> list[logs.Event]:
    found = logs.read(aws, log_group, since=datetime.fromtimestamp(since, UTC))
    return list(islice(found, _MOST_EVENTS))


def _own(events: Sequence[logs.Event], requests: Iterable[str]) -> set[str]:
    """Lambda's ids of the run's own requests: the handler's last line of a request holds both ids."""
    own = set(requests)
    lines = (logs.parse(event.message) for event in events)
    return own | {line.request_id for line in lines if line.gateway_request_id in own}


def _by_lambda(message: str) -> bool:
    """Whether Lambda itself says that a request ended badly; that names nobody."""
    return not message.startswith("{") and bool(_ENDED_BY_LAMBDA.search(message[:200]))


def _requests(events: Sequence[logs.Event]) -> list[str | None]:
    """For each event the request for which it was written: empty for none, None when that is not known.

    An environment serves one request at a time, so what its stream holds between START and END belongs to
    that request: LibreChat's own lines do not say it.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
    """
    found: list[str | None] = []
    serving: dict[str, str | None] = {}
    first: dict[str, list[int]] = defaultdict(list)
    for number, event in enumerate(events):
        stream, request = event.stream, logs.parse(event.message).request_id
        if _BEGIN.match(event.message):
            serving[stream] = request
        elif _INIT.match(event.message):
            serving[stream] = ""
        if stream not in serving:
            first[stream].append(number)
        elif not _END.match(event.message):
            for earlier in first.pop(stream, ()):  # nothing had begun yet, or this would be its END
                found[earlier] = found[earlier] or ""
        found.append(request or serving.get(stream))
        if _END.match(event.message):
            serving[stream] = None  # what it does after an answer may be anybody's
            first.pop(stream, None)
    return found
