"""The timeouts between a viewer and the function, and which of them fits a stream that was cut.

Sources:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from scripts.smoke.deployed import Deployed
from scripts.smoke.stream.recording import Recording

_SLACK_SECONDS = 0.25
_SLACK_SHARE = 0.05
_EDGE_OPTIMIZED_IDLE_SECONDS = 30.0
_IDLE_SECONDS = 300.0
# The handler ends a response a little before Lambda ends the handler (container/src/deadline.mjs).
_HANDLER_MARGIN_SECONDS = 2.0
_HANDLER_MARGIN_SHARE = 0.1


class Clock(Enum):
    """What a timeout measures."""

    SILENCE = "silence"
    """From the last byte to the cut."""
    TOTAL = "total"
    """From the invocation to the cut. It began after our request and before the headers came."""


@dataclass(frozen=True)
class Limit:
    """A timeout on the way.

    Attributes:
        cause: Machine name of a cut by it.
        name: What it is, as a noun.
        clock: What it measures.
        seconds: Its value.
        known: Whether the account said so; else it is AWS's default.
        next_step: Where it is set, as an instruction.
        early: How many seconds before its end the response may be ended properly.
    """

    cause: str
    name: str
    clock: Clock
    seconds: float
    known: bool
    next_step: str
    early: float = 0.0

    def __str__(self) -> str:
        source = "" if self.known else ", AWS's default: what is deployed is not known"
        return f"{self.name} ({self.seconds:g} s{source})"


def limits_of(deployed: Deployed | None, *, clock: float = 1.0) -> tuple[Limit, ...]:
    """Every timeout that can end a stream.

    Args:
        deployed: What the account says; AWS's defaults stand for what is not known.
        clock: How many times faster than real ones the timeouts of a rehearsal run.
    """
    told = deployed or Deployed()

    def limit(
        cause: str,
        name: str,
        measures: Clock,
        value: float | None,
        default: float,
        next_step: str,
        early: bool = False,
    ) -> Limit:
        seconds = (default if value is None else value) / clock
        margin = min(_HANDLER_MARGIN_SECONDS, seconds * _HANDLER_MARGIN_SHARE) if early else 0.0
        return Limit(cause, name, measures, seconds, value is not None, next_step, margin)

    edge_optimized = "EDGE" in told.endpoint_type
    idle = _EDGE_OPTIMIZED_IDLE_SECONDS if edge_optimized else _IDLE_SECONDS
    found = [
        limit(
            "cut_origin_response",
            "CloudFront's origin response timeout",
            Clock.SILENCE,
            told.origin_read_timeout,
            30,
            "Raise origin_read_timeout of the API origin, or let the function send something more often "
            "(SSE_HEARTBEAT_MS).",
        ),
        limit(
            "cut_gateway_idle",
            f"API Gateway's idle timeout of {'an edge-optimized' if edge_optimized else 'a regional'} API",
            Clock.SILENCE,
            idle if told.endpoint_type else None,
            idle,
            "Make the endpoint REGIONAL, which allows 5 minutes."
            if edge_optimized
            else "It cannot be raised: let the function send something more often (SSE_HEARTBEAT_MS).",
        ),
        limit(
            "cut_integration",
            "API Gateway's integration timeout",
            Clock.TOTAL,
            told.integration_timeout,
            29,
            "Raise timeoutInMillis of the integration; a STREAM integration may have 900000.",
        ),
        limit(
            "cut_function",
            "the function's timeout",
            Clock.TOTAL,
            told.function_timeout,
            3,
            "Raise the function's timeout (Lambda's most is 900 s), and look at its log.",
            early=True,
        ),
    ]
    if told.origin_completion_timeout:
        found.append(
            limit(
                "cut_origin_completion",
                "CloudFront's response completion timeout",
                Clock.TOTAL,
                told.origin_completion_timeout,
                0,
                "Raise or remove response_completion_timeout of the API origin.",
            )
        )
    return tuple(found)


def fitting(recording: Recording, limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """The limits that may have cut a recording when it ended: what is known first, then the nearest.

    Both the last byte and the end may have been noticed late by our longest stall. A total is counted
    from an unknown moment before the headers came, so it may look longer by that much.
    """

    def distance(limit: Limit) -> float:
        slack = _SLACK_SECONDS + _SLACK_SHARE * limit.seconds + 2 * recording.lag
        if limit.clock is Clock.SILENCE:
            return abs(recording.silence - limit.seconds) / slack
        late = recording.ended_at - limit.seconds
        return max(-limit.early - late, late - recording.headers_at, 0.0) / slack

    fits = (limit for limit in limits if distance(limit) <= 1)
    return tuple(sorted(fits, key=lambda limit: (not limit.known, distance(limit))))
