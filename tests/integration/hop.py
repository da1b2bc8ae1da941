"""A hop that misbehaves: a proxy on loopback between a viewer and a deployment, with one fault of its own.

A fault is a `Way`: an async generator that takes the origin's bytes, read by read, and yields what it
passes on, write by write. It raises `CutError` to end the response before its time.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import chain, repeat

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

Way = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]
Wait = Callable[[], float]


class CutError(Exception):
    """The hop's time is up.

    Args:
        properly: Whether it ends the response as if it were complete.
    """

    def __init__(self, *, properly: bool) -> None:
        super().__init__("cut")
        self.properly = properly


@asynccontextmanager
async def hop(
    origin: str, way: Way, *, headers: Mapping[str, str] | None = None, before: Wait = lambda: 0.0
) -> AsyncIterator[str]:
    """Serve the hop on a free loopback port; gives its base URL.

    Args:
        origin: Base URL of what is behind it.
        way: What happens to a body on the way.
        headers: Set on every response.
        before: Seconds until a request is passed on, asked for each one.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(before())
        body = await request.read()
        url = origin + request.raw_path
        async with session.request(request.method, url, headers=request.headers, data=body or None) as answer:
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in ("transfer-encoding", "content-length", "connection")
            }
            response = web.StreamResponse(status=answer.status, headers=kept | dict(headers or {}))
            await response.prepare(request)
            try:
                async for piece in way(answer.content.iter_any()):
                    await response.write(piece)
            except CutError as cut:
                if not cut.properly and request.transport is not None:
                    request.transport.abort()
            return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        try:
            yield str(server.make_url("/")).rstrip("/")
        finally:
            await server.close()


async def passes(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """As it should be."""
    async for read in reads:
        yield read


async def trickles(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Every byte in a write of its own, so that events come in pieces."""
    async for read in reads:
        for at in range(len(read)):
            yield read[at : at + 1]
            await asyncio.sleep(0)


async def buffers_whole(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Nothing until the end."""
    yield b"".join([read async for read in reads])


def buffers_blocks(size: int) -> Way:
    """Blocks of exactly `size` bytes, the last one aside."""

    async def way(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        held = b""
        async for read in reads:
            held += read
            while len(held) >= size:
                yield held[:size]
                held = held[size:]
        yield held

    return way


async def merges(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Two reads to a write."""
    held: list[bytes] = []
    async for read in reads:
        held.append(read)
        if len(held) == 2:
            yield b"".join(held)
            held = []
    yield b"".join(held)


def delays(seconds: float) -> Way:
    """A delay line: every read is passed on so much later than it came, at its own pace."""

    async def way(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        line: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue()

        async def fill() -> None:
            async for read in reads:
                line.put_nowait((loop.time() + seconds, read))
            line.put_nowait((0.0, None))

        filling = asyncio.create_task(fill())
        try:
            while (taken := await line.get())[1] is not None:
                await asyncio.sleep(taken[0] - loop.time())
                yield taken[1]
        finally:
            filling.cancel()

    return way


def replays(pause: float) -> Way:
    """Holds everything back, then sends it event by event with a pause after each."""

    async def way(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        for event in b"".join([read async for read in reads]).split(b"\n\n"):
            if event:
                yield event + b"\n\n"
                await asyncio.sleep(pause)

    return way


async def compresses_whole(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Compresses what it has collected; needs the header ``Content-Encoding: gzip``."""
    yield gzip.compress(b"".join([read async for read in reads]))


async def compresses(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Compresses and flushes each read; needs the header ``Content-Encoding: gzip``."""
    deflate = zlib.compressobj(wbits=zlib.MAX_WBITS + 16)
    async for read in reads:
        yield deflate.compress(read) + deflate.flush(zlib.Z_SYNC_FLUSH)
    yield deflate.flush()


def cuts_after_silence(seconds: float, *, properly: bool = False) -> Way:
    """Ends the response when the origin sends nothing for so long."""
    return _cuts_at(lambda now, headers: now + seconds, properly)


def cuts_after(seconds: float, *, properly: bool = False) -> Way:
    """Ends the response so long after its headers, whatever is on the way."""
    return _cuts_at(lambda now, headers: headers + seconds, properly)


def cuts_after_reads(count: int, *, properly: bool = False) -> Way:
    """Ends the response after so many reads, for no reason of time."""

    async def way(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        seen = 0
        async for read in reads:
            yield read
            seen += 1
            if seen == count:
                raise CutError(properly=properly)

    return way


def drops(text: bytes) -> Way:
    """Leaves out every read that begins so."""

    async def way(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for read in reads:
            if not read.startswith(text):
                yield read

    return way


async def comments(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Keeps the connection alive with comments."""
    async for read in reads:
        yield b": ping\n\n" + read


def only_first(seconds: float) -> Wait:
    """A wait for the first request, none for those after it: a cold start."""
    waits = chain([seconds], repeat(0.0))
    return lambda: next(waits)


def _cuts_at(deadline: Callable[[float, float], float], properly: bool) -> Way:
    """Ends the response when no read has come by a moment, made of the present one and the headers'."""

    async def way(reads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        now = asyncio.get_running_loop().time
        headers = now()
        while True:
            try:
                async with asyncio.timeout_at(deadline(now(), headers)):
                    read = await anext(reads, None)
            except TimeoutError:
                raise CutError(properly=properly) from None
            if read is None:
                return
            yield read

    return way
