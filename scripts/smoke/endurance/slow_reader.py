"""A client that reads slowly: the sender must be held back, and nothing may get lost or pile up.

The client reads 64 KB a second with a small receive buffer for ten seconds, and then the rest as fast as it
comes. How far the sender got ahead of it shows in the sender's own stamps.
"""

from __future__ import annotations

import asyncio
import socket
import time

import httpx

from scripts.smoke.client import Client
from scripts.smoke.endurance.conclusion import conclude
from scripts.smoke.endurance.diagnostic import DiagnosticStream, refusal
from scripts.smoke.endurance.flight import megabytes, most_on_the_way
from scripts.smoke.endurance.rehearsal import rehearsal_clock
from scripts.smoke.endurance.volume import CHUNKS, LIMIT_SECONDS, SIZE, damage
from scripts.smoke.model import Result
from scripts.smoke.site import Site
from scripts.smoke.stream import sse
from scripts.smoke.stream.assessment import assess
from scripts.smoke.stream.causes import Cause
from scripts.smoke.stream.recorder import header_lines
from scripts.smoke.stream.recording import Arrival, Read, Recording

RATE = 65_536
"""Bytes a second."""

SECONDS = 10.0

MOST_ON_THE_WAY = 0.8
"""Part of the stream. Between the handler and the local edge's viewer lie two connections, and the kernel may
hold some MB of each; without backpressure it is all of it."""

_RECEIVE_BUFFER = 65_536
_HEAD_BYTES = 2048


async def slow_reader(site: Site) -> Result:
    """20 MB for a client that takes a trickle of it first."""
    return await read_by(site, DiagnosticStream(CHUNKS, size=SIZE), rate=RATE, seconds=SECONDS)


async def read_by(site: Site, stream: DiagnosticStream, *, rate: float, seconds: float) -> Result:
    """Let a client that reads `rate` bytes a second for so many seconds have the stream."""
    await site.need_api()
    deployed = await site.deployed()
    rehearsed = await rehearsal_clock(site) != 1
    recording = await read_slowly(site.client, stream, rate=rate, seconds=seconds, limit=LIMIT_SECONDS)
    if refused := refusal(recording):
        return refused
    found = assess(recording, stream.sender(), deployed)
    ahead = most_on_the_way(recording)
    share = ahead / (stream.chunks * stream.size)
    size = sum(read.size for read in recording.reads)
    judged = (
        f"at most {MOST_ON_THE_WAY:.0%} ahead"
        if rehearsed
        else "AWS does not say how far ahead of a slow client it lets a function write"
    )
    trouble = damage(stream, recording, found.cause)
    if not trouble and rehearsed and share > MOST_ON_THE_WAY:
        trouble = Cause(
            "no_backpressure",
            f"The sender was not held back: {megabytes(ahead)} were on the way while the client read slowly, "
            "so something piles up in memory what nobody reads.",
            "The handler must wait for its response stream to drain (container/src/response.mjs).",
        )
    return conclude(
        "whole",
        trouble,
        measured=f"{rate / 1024:.0f} KB/s for {seconds:g} s, {megabytes(size)} in all; the sender was at "
        f"most {megabytes(ahead)} ahead ({share:.0%})",
        limit=f"nothing lost; {judged}",
        details=found.details() | {"on_the_way_bytes": ahead, "rate": rate, "slow_seconds": seconds},
        recording=recording,
    )


async def read_slowly(
    client: Client, stream: DiagnosticStream, *, rate: float, seconds: float, limit: float
) -> Recording:
    """Record a stream, reading at most `rate` bytes a second for the first so many seconds.

    Raises:
        httpx.HTTPError: when no answer came at all.
    """
    parser = sse.Parser()
    reads: list[Read] = []
    arrivals: list[Arrival] = []
    head = bytearray()
    fault, gave_up, received = "", False, 0
    start = time.perf_counter()
    async with client.open(stream.path, headers=stream.headers, limit=limit) as response:
        _narrow(response)
        headers_at = time.perf_counter() - start
        try:
            async with asyncio.timeout(limit):
                async for part in response.aiter_raw():
                    at = time.perf_counter() - start
                    received += len(part)
                    head += part[: _HEAD_BYTES - len(head)]
                    arrivals.extend(Arrival(at, event) for event in parser.feed(part))
                    reads.append(Read(at, len(part), not parser.unfinished))
                    await asyncio.sleep(min(received / rate, seconds) - (at - headers_at))
        except TimeoutError:
            fault, gave_up = f"still open after {limit:.3g} s", True
        except httpx.HTTPError as error:
            fault = f"the connection broke: {error or type(error).__name__}"
        ended_at = time.perf_counter() - start
    return Recording(
        status=response.status_code,
        headers=header_lines(response),
        headers_at=headers_at,
        reads=tuple(reads),
        arrivals=tuple(arrivals),
        ended_at=ended_at,
        head=bytes(head),
        comments=parser.comments,
        fault=fault,
        gave_up=gave_up,
    )


def _narrow(response: httpx.Response) -> None:
    """Make the receive buffer small, so that what we do not read stays with the sender."""
    connection = response.extensions["network_stream"].get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
