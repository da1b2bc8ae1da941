"""What is known of the sender, and what the handler says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scripts.smoke.shapes import fields
from scripts.smoke.stream import sse
from scripts.smoke.stream.recording import Recording

PING = "ping"
"""Type of the handler's heartbeat (container/src/sse.mjs)."""

TIME_IS_UP = "The time limit of the function was reached"
"""The handler's last word when Lambda is about to end it (container/src/errors.mjs)."""

STREAM_LIMIT = "The time limit of the diagnostic stream was reached"
"""Its last word when the diagnostic stream takes longer than it may (container/src/errors.mjs)."""

_WORD_LENGTH = 200


@dataclass(frozen=True)
class Sender:
    """What is known of the sender.

    Attributes:
        interval: Seconds between two events.
        events: How many it sends.
        counted: Type of the events that are measured.
        finished: Whether an event is its last.
        sent_at: When an event was sent, in seconds since its response began, if the event says so.
        heartbeat: Seconds of silence after which a ping is due; None or 0: none is.
        clock: How many times faster than real ones the timeouts of a rehearsal run.
    """

    interval: float
    events: int
    counted: str
    finished: Callable[[sse.Event], bool]
    sent_at: Callable[[sse.Event], float | None] = lambda event: None
    heartbeat: float | None = None
    clock: float = 1.0

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return self.interval * self.events


def stamp(event: sse.Event) -> float | None:
    """When the diagnostic stream sent an event, in seconds since its response began; None without a stamp."""
    try:
        return float(fields(event.data)["sent_ms"]) / 1000
    except (ValueError, TypeError, KeyError):
        return None


def last_word(recording: Recording) -> str:
    """The text of the handler's ``error`` event, if it could still send one (container/src/relay.mjs)."""
    errors = recording.only("error").arrivals
    said = errors[-1].event.data if errors else ""
    return str(fields(said).get("text", said))[:_WORD_LENGTH]


def is_new_environment(recording: Recording) -> bool:
    """Whether the handler says that its environment had never served a request before."""
    return recording.header("x-environment-invocations") == "1"


def is_warm_environment(recording: Recording) -> bool:
    """Whether the handler says that its environment had served requests before. It may say neither."""
    return recording.header("x-environment-invocations") not in ("", "1")


def heartbeat_of(recording: Recording) -> float | None:
    """The heartbeat that the handler says it has, in seconds (0: none); None when it does not say."""
    milliseconds = recording.header("x-heartbeat-ms")
    return int(milliseconds) / 1000 if milliseconds.isascii() and milliseconds.isdigit() else None
