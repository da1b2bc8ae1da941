"""What passes between the parts of the edge: a request, a streamed response, and its sudden end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """A request as it arrives at one of the services.

    Attributes:
        path: As sent: percent-encoded, beginning with a slash.
        query: As sent, without the question mark.
        body: Whole; at most one byte more than `MAX_REQUEST_BYTES`, so that a larger one shows.
        client_ip: Address of the peer.
        clock: How many times as fast as deployed the timeouts of this request run (`scripts.local.clock`).
    """

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: bytes = b""
    client_ip: str = "127.0.0.1"
    clock: int = 1

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        return header(self.headers, name)


# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
MAX_REQUEST_BYTES = 10 * 1024 * 1024
# Request line and header values together.
MAX_HEAD_BYTES = 10_240


async def _nothing() -> None:
    """What closing a response takes when nothing is behind it."""


@dataclass(frozen=True)
class Response:
    """A response whose body may still be under way. Whoever takes it closes it.

    Attributes:
        body: Yields each piece as soon as it is there. Raises `ConnectionCut` when the response
            ends before its time.
        close: To be awaited once the body is read, or nobody wants the rest of it.
        reason: Why the answer is an error; for the log, as API Gateway's execution log has it.
    """

    status: int
    headers: Headers
    body: AsyncIterator[bytes]
    close: Callable[[], Awaitable[None]] = field(default=_nothing)
    reason: str = ""

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        return header(self.headers, name)


class ConnectionCut(Exception):
    """The sender dropped the connection after the headers were sent; says why."""


def header(headers: Headers, name: str) -> str:
    """The first value of a header, or an empty string. Names are case-insensitive."""
    lower = name.lower()
    return next((value for key, value in headers if key.lower() == lower), "")


def without(headers: Headers, names: Iterable[str]) -> Headers:
    """The headers except those named (lower case)."""
    dropped = frozenset(names)
    return tuple((key, value) for key, value in headers if key.lower() not in dropped)


async def whole(*pieces: bytes) -> AsyncIterator[bytes]:
    """A body that is known already."""
    for piece in pieces:
        if piece:
            yield piece
