"""Records a response as it arrives: the clock and the connection behind a `Recording`.

The HTTP library keeps nothing back: httpcore reads up to 64 KB from the socket when there is something to
read, h11 takes the HTTP chunks apart, and each part comes here in the same turn of the event loop. There
are more parts than reads (a read may hold several HTTP chunks), so `_Reads` puts them together again.
HTTP/1.1 only: one connection, one stream, no windows that hold bytes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import httpx

from scripts.smoke.stream import sse
from scripts.smoke.stream.recording import Arrival, Read, Recording, Stall

_TICK_SECONDS = 0.01
# A busy machine is always a little late. This much moves no event into another one's place.
_STALL_SECONDS = 0.005
_HEAD_BYTES = 2048
_SLOW_RECEIVE_BUFFER = 65_536
_ANY_ZLIB_HEADER = 32 + zlib.MAX_WBITS
# https://www.encode.io/httpcore/extensions/#trace
_CONNECTED = ("connect_tcp.complete", "start_tls.complete")


@dataclass(frozen=True)
class Slowly:
    """How a slow reader reads: so many bytes a second for its first seconds, then as fast as they come.

    The receive buffer is made small, so that what is not read stays with the sender. It stays small as long
    as the connection lives: record with an HTTP client of its own.
    """

    rate: float
    seconds: float

    def begin(self, response: httpx.Response) -> None:
        """Make the receive buffer small."""
        connection = response.extensions["network_stream"].get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SLOW_RECEIVE_BUFFER)

    def due(self, received: int) -> float:
        """When, in seconds after the headers, the reader has time for more than so many bytes."""
        return min(received / self.rate, self.seconds)


async def record(
    http: httpx.AsyncClient, request: httpx.Request, *, limit: float, slowly: Slowly | None = None
) -> Recording:
    """Send `request` and record its response for at most `limit` seconds, `slowly` if it is said how.

    The bytes are taken as they come off the connection (`aiter_raw`), before any decoding. A response
    that breaks off or outlasts the limit is a recording with a `fault`, not an exception.

    Raises:
        httpx.HTTPError: when no response came at all.
    """
    start = time.perf_counter()
    async with _stalls(start) as stalls:
        recording = await _record(http, request, limit, slowly, start)
    return replace(recording, stalls=tuple(stalls))


async def begin(http: httpx.AsyncClient, request: httpx.Request, limit: float) -> httpx.Response:
    """Send `request`; the response, whose body is not read yet.

    Raises:
        httpx.HTTPError: when none came within `limit` seconds.
    """
    try:
        async with asyncio.timeout(limit):
            return await http.send(request, stream=True)
    except TimeoutError:
        raise httpx.ReadTimeout(f"no response within {limit:.3g} s", request=request) from None


async def _record(
    http: httpx.AsyncClient, request: httpx.Request, limit: float, slowly: Slowly | None, start: float
) -> Recording:
    parser = sse.Parser()
    reads = _Reads()
    arrivals: list[Arrival] = []
    head = bytearray()
    fault, gave_up, received = "", False, 0
    connected_at: float | None = None

    async def trace(step: str, _: object) -> None:
        nonlocal connected_at
        if step.endswith(_CONNECTED):
            connected_at = time.perf_counter() - start

    request.extensions["trace"] = trace
    response = await begin(http, request, limit)
    headers_at = time.perf_counter() - start
    if slowly:
        slowly.begin(response)
    decoded = _decoder(response.headers.get("content-encoding", ""))
    try:
        async with asyncio.timeout(limit - headers_at):
            async for part in response.aiter_raw():
                at = time.perf_counter() - start
                content = decoded(part)
                head += content[: _HEAD_BYTES - len(head)]
                arrivals.extend(Arrival(at, event) for event in parser.feed(content))
                reads.add(Read(at, len(part), not parser.unfinished))
                received += len(part)
                if slowly and (pause := headers_at + slowly.due(received) - at) > 0:
                    await asyncio.sleep(pause)
        if parser.unfinished and arrivals:
            fault = "the body ended in the middle of an event"
    except TimeoutError:
        fault, gave_up = f"still open after {limit:.3g} s", True
    except httpx.HTTPError as error:
        fault = f"the connection broke: {error or type(error).__name__}"
    finally:
        ended_at = time.perf_counter() - start
        await response.aclose()
    return Recording(
        status=response.status_code,
        headers=header_lines(response),
        headers_at=headers_at,
        reads=tuple(reads.seen),
        arrivals=tuple(arrivals),
        ended_at=ended_at,
        head=bytes(head),
        comments=parser.comments,
        fault=fault,
        gave_up=gave_up,
        connected_at=connected_at,
    )


def header_lines(response: httpx.Response) -> tuple[tuple[str, str], ...]:
    """Every header line on its own, as it was on the wire: httpx's mapping joins repeated ones."""
    return tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers.raw
    )


def _decoder(encoding: str) -> Callable[[bytes], bytes]:
    """What undoes a content coding as far as the bytes allow; a coding that is not known stays as it is.

    A compressed stream is a failure anyway. Its events tell whether compressing also held them back.
    """
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        return lambda part: part
    inflate = zlib.decompressobj(_ANY_ZLIB_HEADER)

    def decoded(part: bytes) -> bytes:
        # Bytes that are not what the header says are no events: the figures show that none came.
        with contextlib.suppress(zlib.error):
            return inflate.decompress(part)
        return b""

    return decoded


class _Reads:
    """The reads of the socket, put together from parts.

    The HTTP client hands over one part for each HTTP chunk, also when one read held several. Those come
    in one turn of the event loop; to read the socket again takes another.
    """

    def __init__(self) -> None:
        self.seen: list[Read] = []
        self._same_turn = False

    def add(self, part: Read) -> None:
        """Take in a part as it was handed over."""
        if self._same_turn:
            first = self.seen.pop()
            part = Read(first.at, first.size + part.size, part.whole)
        else:
            self._same_turn = True
            asyncio.get_running_loop().call_soon(self._turn_ended)
        self.seen.append(part)

    def _turn_ended(self) -> None:
        self._same_turn = False


@contextlib.asynccontextmanager
async def _stalls(start: float) -> AsyncIterator[list[Stall]]:
    """Collect the times in which this process does not get its turn: on a busy machine a stall of ours
    looks like a buffer of theirs.
    """
    seen: list[Stall] = []

    def look(before: float) -> None:
        now = time.perf_counter()
        if now - before > _TICK_SECONDS + _STALL_SECONDS:
            seen.append(Stall(before - start, now - start))

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            try:
                await asyncio.sleep(_TICK_SECONDS)
            finally:
                look(before)

    ticker = asyncio.create_task(tick())
    try:
        yield seen
    finally:
        ticker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticker
