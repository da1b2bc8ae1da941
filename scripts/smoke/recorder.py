"""Records a response as it arrives: the clock and the connection behind `scripts.smoke.timing`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx

from scripts.smoke import sse
from scripts.smoke.timing import Arrival, Read, Recording, Stall

_TICK_SECONDS = 0.01
# A busy machine is always a little late. This much moves no event into another one's place.
_STALL_SECONDS = 0.005
_HEAD_BYTES = 2048


async def record(http: httpx.AsyncClient, request: httpx.Request, *, limit: float) -> Recording:
    """Send `request` and record its response for at most `limit` seconds.

    The bytes are taken as they come off the connection (`iter_raw`), before any decoding. A response
    that breaks off or outlasts the limit is a recording with a `fault`, not an exception.

    Raises:
        httpx.HTTPError: when no response came at all.
    """
    start = time.perf_counter()
    async with _stalls(start) as stalls:
        recording = await _record(http, request, limit, start)
    return replace(recording, stalls=tuple(stalls))


async def _record(http: httpx.AsyncClient, request: httpx.Request, limit: float, start: float) -> Recording:
    parser = sse.Parser()
    reads = _Reads()
    arrivals: list[Arrival] = []
    head = bytearray()
    fault = ""
    try:
        async with asyncio.timeout(limit):
            response = await http.send(request, stream=True)
    except TimeoutError:
        raise httpx.ReadTimeout(f"no response within {limit:.3g} s", request=request) from None
    headers_at = time.perf_counter() - start
    try:
        async with asyncio.timeout(limit - headers_at):
            async for part in response.aiter_raw():
                at = time.perf_counter() - start
                reads.add(at, len(part))
                head += part[: _HEAD_BYTES - len(head)]
                arrivals.extend(Arrival(at, event) for event in parser.feed(part))
        if parser.unfinished and arrivals:
            fault = "the body ended in the middle of an event"
    except TimeoutError:
        fault = f"still open after {limit:.3g} s"
    except httpx.HTTPError as error:
        fault = f"the connection broke: {error or type(error).__name__}"
    finally:
        await response.aclose()
    return Recording(
        status=response.status_code,
        headers=header_lines(response),
        headers_at=headers_at,
        reads=tuple(reads.seen),
        arrivals=tuple(arrivals),
        ended_at=time.perf_counter() - start,
        head=bytes(head),
        comments=parser.comments,
        fault=fault,
    )


def header_lines(response: httpx.Response) -> tuple[tuple[str, str], ...]:
    """Every header line on its own, as it was on the wire: httpx's mapping joins repeated ones."""
    return tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers.raw
    )


class _Reads:
    """The reads of the socket, put together from parts.

    The HTTP client hands over one part for each HTTP chunk, also when one read held several. Those come
    in one turn of the event loop; to read the socket again takes another.
    """

    def __init__(self) -> None:
        self.seen: list[Read] = []
        self._same_turn = False

    def add(self, at: float, size: int) -> None:
        """Take in a part that was handed over `at`."""
        if self._same_turn:
            first = self.seen.pop()
            at, size = first.at, first.size + size
        else:
            self._same_turn = True
            asyncio.get_running_loop().call_soon(self._turn_ended)
        self.seen.append(Read(at, size))

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
