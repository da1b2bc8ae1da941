"""Reads the function's log in CloudWatch Logs: a stretch of it, one request of it, or as it grows.

The same requests serve both targets: the local runtime writes to the embedded AWS's own CloudWatch
Logs. Not for the logs of the embedded AWS itself (``inv local.logs``).

Following polls FilterLogEvents. StartLiveTail would push, but it is a permission of its own
(``logs:StartLiveTail``) that readers of logs seldom have, costs by the minute, ends after three hours,
and cannot begin in the past.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatchLogs_LiveTail.html
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from scripts.aws import Aws, error_code
from scripts.errors import DeployError, ExitStatus
from scripts.printable import printable
from scripts.redaction import redact

if TYPE_CHECKING:
    from rich.console import RenderableType

POLL_SECONDS = 2.0
"""Pause between two looks of `follow`: FilterLogEvents allows 5 to 10 requests a second an account, for
all its readers. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""

OVERLAP_SECONDS = 60.0
"""How far `follow` looks back each time: events of several environments arrive late and out of order."""


@dataclass(frozen=True)
class Event:
    """One event of the log. An `Outcome` of the console.

    Attributes:
        id: CloudWatch's own.
        timestamp: Milliseconds since the epoch.
        stream: The log stream: one a Lambda environment.
        message: As it was written.
    """

    id: str
    timestamp: int
    stream: str
    message: str

    type = "function.log"

    def to_json(self) -> dict[str, Any]:
        """The event without secrets; its time is ``timestamp``, for ``time`` is when we showed it."""
        return {
            "id": self.id,
            "timestamp": self.timestamp,
            "stream": self.stream,
            "message": redact(self.message),
        }

    @property
    def moment(self) -> datetime:
        """When it happened."""
        return datetime.fromtimestamp(self.timestamp / 1000, UTC)

    def __rich__(self) -> RenderableType:
        """Local time, level, request, text: a line, and further ones of the same event below it."""
        from rich.text import Text

        line = parse(redact(self.message))
        time_of_day = f"{self.moment.astimezone():%H:%M:%S}.{self.timestamp % 1000:03d}"
        first, *rest = printable(line.text).splitlines() or [""]
        text = Text.assemble(
            (time_of_day, "dim"),
            (f" {line.level.upper():<5}", _STYLES.get(line.level, "")),
            (f" {line.request_id[:8]:<8} ", "cyan"),
            (first, _STYLES.get(line.level, "")),
        )
        for name, value in line.fields.items():
            shown = value if isinstance(value, str) else json.dumps(value)
            text.append(f"  {printable(name)}={printable(shown)}".replace("\n", "\\n"), "dim")
        for more in rest:
            text.append(f"\n{more}", "dim")
        return text


_STYLES = {"error": "red", "warn": "yellow", "lambda": "dim"}


@dataclass(frozen=True)
class Line:
    """A message, taken apart.

    Attributes:
        text: What it says.
        level: ``info``, ``warn``, ``error``; ``lambda`` for the service's own lines; or empty.
        request_id: Of the invocation, where the line names it.
        gateway_request_id: API Gateway's, on the handler's last line of a request.
        fields: Whatever else a structured line holds.
    """

    text: str
    level: str = ""
    request_id: str = ""
    gateway_request_id: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


_PLATFORM = re.compile(r"(?:START|END|REPORT|INIT_START|INIT_REPORT|EXTENSION|XRAY)\b")
_REQUEST_ID = re.compile(r"RequestId:\s*([0-9a-f-]{36})")


def parse(message: str) -> Line:
    """A message of the handler (JSON), of the Lambda service, or of LibreChat. Never raises."""
    message = message.rstrip()
    if message.startswith("{"):
        try:
            raw = json.loads(message)
        except ValueError:
            raw = None
        if isinstance(raw, dict) and "msg" in raw:
            known = ("time", "level", "msg", "requestId", "gatewayRequestId")
            fields = {name: value for name, value in raw.items() if name not in known}
            level, request_id = str(raw.get("level", "")).lower(), str(raw.get("requestId") or "")
            if raw["msg"] == "app" and set(fields) == {"line"}:  # what LibreChat printed, passed on
                said = str(fields["line"])
                return Line(said, _librechats_level(said) or level, request_id)
            return Line(str(raw["msg"]), level, request_id, str(raw.get("gatewayRequestId") or ""), fields)
    request = _REQUEST_ID.search(message)
    request_id = request[1] if request else ""
    if _PLATFORM.match(message):
        return Line(message.replace("\t", "  "), "lambda", request_id)
    if re.search(r"Task timed out after|Runtime exited", message):
        return Line(message, "error", request_id)
    return Line(message, _librechats_level(message), request_id)


def _librechats_level(text: str) -> str:
    """The level in a line of winston's: ``2025-12-25 10:00:00 error: …``, in whatever colour."""
    level = re.match(r"(?:\S+ ){0,2}\[?(error|warn|info|debug)\]?:", printable(text))
    return level[1] if level else ""


def since(text: str, now: datetime) -> datetime:
    """The beginning that a person names: ``90s``, ``10m``, ``2h``, ``3d``, or an ISO date or time.

    A time without a zone is this machine's.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED` for anything else, the future included.
    """
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    try:
        if match := re.fullmatch(r"(\d{1,6})([smhd])", text.strip()):
            return now - timedelta(**{units[match[2]]: int(match[1])})
        moment = datetime.fromisoformat(text.strip()).astimezone(UTC)
        if moment <= now:
            return moment
        why = "It lies in the future."
    except (ValueError, OverflowError):
        why = "It is neither a span of time nor a moment."
    raise DeployError(
        f"--since {text} is not understood",
        why,
        "Use a span such as 30s, 10m, 2h or 3d, or a moment such as 2025-12-25T10:00.",
        status=ExitStatus.PREFLIGHT_FAILED,
    )


def read(
    aws: Aws,
    group: str,
    *,
    since: datetime,
    until: datetime | None = None,
    pattern: str = "",
    stream: str = "",
) -> Iterator[Event]:
    """The events of a group in the order of their time.

    Args:
        aws: The account.
        group: Name of the log group.
        since: The first moment.
        until: The last moment; None: now.
        pattern: CloudWatch's filter syntax, passed on as it is.
        stream: Only this log stream.

    Raises:
        DeployError: the group is not there, or the pattern is not understood.
    """
    request: dict[str, Any] = {"logGroupName": group, "startTime": _milliseconds(since)}
    if until:
        request["endTime"] = _milliseconds(until)
    if pattern:
        request["filterPattern"] = pattern
    if stream:
        request["logStreamNames"] = [stream]
    try:
        for page in aws.client("logs").get_paginator("filter_log_events").paginate(**request):
            for raw in page["events"]:
                yield Event(raw["eventId"], raw["timestamp"], raw["logStreamName"], raw["message"])
    except Exception as error:
        if explained := _explained(error, group, pattern):
            raise explained from error
        raise


def newest(events: Iterator[Event], lines: int) -> tuple[Event, ...]:
    """The last `lines` events, or all of them when it is 0."""
    return tuple(deque(events, maxlen=lines or None))


def follow(
    look: Callable[[datetime], Iterator[Event]],
    *,
    since: datetime,
    lines: int = 0,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Event]:
    """The newest events from `since` on, then every further one, each once, for ever.

    Each look begins `OVERLAP_SECONDS` before the newest event seen: CloudWatch is eventually consistent,
    so an event may appear after a later one. Ids of that stretch are remembered, older ones forgotten.

    Args:
        look: Reads from a moment on (`read`).
        since: Where the first look begins.
        lines: How many of the first look's events are given out (`newest`).
        pause: Waits; takes `POLL_SECONDS`.
    """
    seen: dict[str, int] = {}

    def unseen(begin: datetime) -> Iterator[Event]:
        for event in look(begin):
            if event.id not in seen:
                seen[event.id] = event.timestamp
                yield event

    # Also what `lines` leaves out has been seen: the next look must not take it for new.
    yield from newest(unseen(since), lines)
    while True:
        pause(POLL_SECONDS)
        last = max(seen.values(), default=_milliseconds(since))
        begin = max(last - int(OVERLAP_SECONDS * 1000), _milliseconds(since))
        for id in [id for id, timestamp in seen.items() if timestamp < begin]:
            del seen[id]
        yield from unseen(datetime.fromtimestamp(begin / 1000, UTC))


def of_request(aws: Aws, group: str, request_id: str, *, since: datetime) -> tuple[Event, ...]:
    """All that was logged while one request was served, LibreChat's own lines included.

    Those do not name the request. But an environment serves one request at a time, so whatever its
    stream holds between START and REPORT belongs to it.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html

    Raises:
        DeployError: as `read`, or when no line names the request.
    """
    named = tuple(read(aws, group, since=since, pattern=f'"{request_id}"'))
    if not named:
        raise DeployError(
            f"No line of the log names the request {request_id}",
            f"Looked at {group} since {since.astimezone():%Y-%m-%d %H:%M}.",
            "Look further back with --since; the newest lines may take some seconds to appear. "
            "The id is Lambda's: of the log's START lines, and requestId in the answer to a failed request.",
        )
    stream = named[0].stream
    first, last = (edge(e.timestamp for e in named if e.stream == stream) for edge in (min, max))
    begin, end = (datetime.fromtimestamp(edge / 1000, UTC) for edge in (first, last))
    return tuple(read(aws, group, since=begin, until=end, stream=stream))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _explained(error: Exception, group: str, pattern: str) -> DeployError | None:
    match error_code(error):
        case "ResourceNotFoundException":
            return DeployError(
                f"There is no log group {group}",
                "Terraform makes it with the function: the deployment is incomplete, or somebody removed it.",
                "inv drift tells which; inv deploy makes it again.",
            )
        case "InvalidParameterException" if pattern:
            return DeployError(
                f"CloudWatch does not understand the filter {pattern}",
                str(error),
                "Examples: --filter error, --filter '\"exact words\"', --filter '{ $.level = \"error\" }'. "
                "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html",
                status=ExitStatus.PREFLIGHT_FAILED,
            )
        case "AccessDeniedException":
            return DeployError(
                f"These credentials may not read the log group {group}",
                str(error),
                "Allow logs:FilterLogEvents on it.",
            )
    return None
