"""A response body as it arrived: plain data, made by `recorder` or by hand. All times are in seconds after
the request was sent, on a monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from scripts.smoke.stream import sse

# Reading what came during a stall takes a moment, too.
_CATCHING_UP_SECONDS = 0.005


@dataclass(frozen=True)
class Read:
    """One read of the socket that brought body bytes.

    Attributes:
        at: When.
        size: Number of body bytes, as they were transferred.
        whole: Whether it ended between two events, and not in the middle of one.
    """

    at: float
    size: int
    whole: bool = True


@dataclass(frozen=True)
class Arrival:
    """An event and the moment that completed it."""

    at: float
    event: sse.Event


@dataclass(frozen=True)
class Stall:
    """A time in which the recording process did not get its turn."""

    start: float
    end: float


@dataclass(frozen=True)
class Recording:
    """One response body.

    Attributes:
        status: HTTP status.
        headers: All header lines in order, names in lower case.
        headers_at: When the status line and the headers were complete.
        reads: The reads of the socket that carried body bytes.
        arrivals: The events.
        ended_at: When the body ended, or when waiting for it was given up.
        head: The first bytes of the body, for evidence; decompressed where it was compressed.
        comments: Number of SSE comment lines.
        fault: Why the body did not end properly; empty when it did.
        gave_up: Whether it was we who did not wait any longer.
        connected_at: When the connection was made, TLS included; None when an open one was used.
        stalls: When this process itself stood still. What arrived during one was read at its end.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    headers_at: float
    reads: tuple[Read, ...]
    arrivals: tuple[Arrival, ...]
    ended_at: float
    head: bytes
    comments: int = 0
    fault: str = ""
    gave_up: bool = False
    connected_at: float | None = None
    stalls: tuple[Stall, ...] = ()

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        return next((value for key, value in self.headers if key == name.lower()), "")

    @property
    def kind(self) -> str:
        """Status and content type, for a table."""
        return f"{self.status}, {self.header('content-type') or 'no content type'}"

    @property
    def is_event_stream(self) -> bool:
        """Whether it is what was asked for."""
        return self.status == 200 and self.header("content-type").startswith("text/event-stream")

    @property
    def is_compressed(self) -> bool:
        """Whether it has a content coding."""
        return self.header("content-encoding") not in ("", "identity")

    def only(self, type_: str) -> Recording:
        """The same recording with the events of one type."""
        return replace(self, arrivals=tuple(a for a in self.arrivals if a.event.type == type_))

    def stalled_since(self, at: float) -> float | None:
        """The beginning of the stall at whose end something was read at this moment; None without one."""
        starts = [s.start for s in self.stalls if s.start <= at <= s.end + _CATCHING_UP_SECONDS]
        return min(starts, default=None)

    @property
    def lag(self) -> float:
        """The longest stall, in seconds."""
        return max((stall.end - stall.start for stall in self.stalls), default=0.0)

    @property
    def silence(self) -> float:
        """Seconds between the last byte, of the headers if there was no other, and the end."""
        return self.ended_at - (self.reads[-1].at if self.reads else self.headers_at)

    @property
    def longest_silence(self) -> float:
        """The longest time without a byte from the headers to the end."""
        moments = [self.headers_at, *(read.at for read in self.reads), self.ended_at]
        return max(later - earlier for earlier, later in pairwise(moments))


def ms(seconds: float) -> float:
    """Milliseconds, as they stand in JSON."""
    return round(seconds * 1000, 1)
