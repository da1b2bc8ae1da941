"""Records a response as it arrives: the clock and the connection behind `scripts.smoke.timing`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx

from scripts.smoke import sse
from scripts.smoke.timing import Arrival, Read, Recording

# Parts that come out of one read of the socket are microseconds apart; two packets sent apart by the
# shortest interval worth measuring are not.
_SAME_READ_SECONDS = 0.001
_HEAD_BYTES = 2048


async def record(http: httpx.AsyncClient, request: httpx.Request, *, limit: float) -> Recording:
    """Send `request` and record its response for at most `limit` seconds.

    The bytes are taken as they come off the connection (`iter_raw`), before any decoding. A response
    that breaks off or outlasts the limit is a recording with a `fault`, not an exception.

    Raises:
        httpx.HTTPError: when no response came at all.
    """
    async with _lag() as lag:
        return replace(await _record(http, request, limit), lag=lag[0])


async def _record(http: httpx.AsyncClient, request: httpx.Request, limit: float) -> Recording:
    start = time.perf_counter()
    parser = sse.Parser()
    reads: list[Read] = []
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
                _add_read(reads, Read(at, len(part)))
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
        reads=tuple(reads),
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


def _add_read(reads: list[Read], read: Read) -> None:
    """The HTTP client hands over one part for each HTTP chunk, also when one read held several."""
    if reads and read.at - reads[-1].at < _SAME_READ_SECONDS:
        read = Read(reads[-1].at, reads.pop().size + read.size)
    reads.append(read)


@contextlib.asynccontextmanager
async def _lag() -> AsyncIterator[list[float]]:
    """Measure how late this process gets its turn: on a busy machine a stall of ours looks like a
    buffer of theirs.
    """
    worst = [0.0]

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            worst[0] = max(worst[0], time.perf_counter() - before - 0.01)

    ticker = asyncio.create_task(tick())
    try:
        yield worst
    finally:
        ticker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticker
