"""A client that costs little beside what it measures: one asyncio protocol, no HTTP library.

It understands what these servers answer, nothing else: a length, or chunks; no trailers, no redirects.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_EVENT = re.compile(rb"data: (\d+)\n\n")
_LAST_CHUNK = b"0\r\n\r\n"


class Refused(Exception):
    """Not the answer that was to be measured; the text is its beginning."""


@dataclass(frozen=True)
class Address:
    """Where a server is, and the Host header by which it knows what it serves."""

    port: int
    host: str

    def get(self, path: str) -> bytes:
        """The request, byte for byte."""
        return f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nAccept: */*\r\n\r\n".encode()


@dataclass(frozen=True)
class Arrival:
    """One event: when it was sent and when it had arrived, in nanoseconds of the machine's clock."""

    sent: int
    arrived: int


@dataclass
class _Connection(asyncio.Protocol):
    """One kept-alive connection, one request at a time."""

    _transport: asyncio.Transport | None = None
    _received: bytearray = field(default_factory=bytearray)
    _ended: asyncio.Future[None] | None = None
    _body: int = 0
    _read: int = 0
    arrivals: list[Arrival] = field(default_factory=list)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        arrived = time.monotonic_ns()
        self._received += data
        for event in _EVENT.finditer(self._received, self._read):
            self.arrivals.append(Arrival(int(event[1]), arrived))
            self._read = event.end()
        if self._ended and not self._ended.done() and self._whole():
            self._ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ended and not self._ended.done():
            self._ended.set_exception(Refused(f"connection lost: {exc or bytes(self._received[:300])!r}"))

    async def ask(self, request: bytes) -> None:
        assert self._transport is not None
        self._received.clear()
        self._body = self._read = 0
        self._ended = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self._ended
        if not self._received.startswith(b"HTTP/1.1 200"):
            raise Refused(bytes(self._received[:500]).decode(errors="replace"))

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def _whole(self) -> bool:
        if not self._body:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return False
            self._body = end + 4
        length = _LENGTH.search(self._received, 0, self._body)
        if length:
            return len(self._received) >= self._body + int(length[1])
        return self._received.endswith(_LAST_CHUNK)


async def latencies(
    address: Address, path: str, *, connections: int, requests: int
) -> tuple[list[float], float]:
    """Ask again and again, on each connection one request after the other.

    Returns:
        The milliseconds of each request, and the seconds of all of them together.

    Raises:
        Refused: for an answer other than 200.
    """
    took: list[float] = []

    async def one(connection: _Connection) -> None:
        for _ in range(requests // connections):
            began = time.perf_counter()
            await connection.ask(address.get(path))
            took.append((time.perf_counter() - began) * 1000)

    opened = await _open(address, connections)
    try:
        # Reading the control plane, loading code, starting an environment for each.
        await asyncio.gather(*(connection.ask(address.get(path)) for connection in opened))
        began = time.perf_counter()
        await asyncio.gather(*map(one, opened))
        return took, time.perf_counter() - began
    finally:
        _close(opened)


async def streams(address: Address, path: str, count: int) -> list[list[Arrival]]:
    """Read so many streams at once; of each, its events.

    Raises:
        Refused: when one does not come, or breaks off.
    """
    opened = await _open(address, count)
    try:
        await asyncio.gather(*(connection.ask(address.get(path)) for connection in opened))
    finally:
        _close(opened)
    return [connection.arrivals for connection in opened]


async def _open(address: Address, count: int) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    opened = [loop.create_connection(_Connection, "127.0.0.1", address.port) for _ in range(count)]
    return [connection for _, connection in await asyncio.gather(*opened)]


def _close(connections: Sequence[_Connection]) -> None:
    for connection in connections:
        connection.close()
