"""The diagnostic stream as the handler makes it, for tests: bytes, and recordings made by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from scripts.smoke.endurance.diagnostic import DiagnosticStream
from scripts.smoke.stream import sse
from scripts.smoke.stream.recording import Arrival, Read, Recording

PING = b"event: ping\ndata: 1\n\n"
HEADERS = (("content-type", "text/event-stream; charset=utf-8"), ("x-environment-id", "e1"))


def events(stream: DiagnosticStream, sent: Iterable[float]) -> Iterator[bytes]:
    """The events, sent at these seconds, and the last one with their hash."""
    digest = hashlib.sha256()
    for number, at in enumerate(sent, start=1):
        data = {"i": number, "n": stream.chunks, "sent_ms": at * 1000, "stream": stream.name}
        text = json.dumps(data | {"fill": "x" * stream.size})
        digest.update(text.encode())
        yield f"event: chunk\nid: {number}\ndata: {text}\n\n".encode()
    last = {"n": stream.chunks, "stream": stream.name, "sha256": digest.hexdigest()}
    yield f"event: done\ndata: {json.dumps(last)}\n\n".encode()


def recording(
    pieces: Sequence[bytes],
    times: Sequence[float],
    *,
    status: int = 200,
    headers: Sequence[tuple[str, str]] = HEADERS,
    fault: str = "",
    end: float | None = None,
) -> Recording:
    """What a client recorded to whom each piece came at one of the times."""
    parser = sse.Parser()
    arrivals = [
        Arrival(at, event) for piece, at in zip(pieces, times, strict=True) for event in parser.feed(piece)
    ]
    return Recording(
        status=status,
        headers=tuple(headers),
        headers_at=0.0,
        reads=tuple(Read(at, len(piece)) for piece, at in zip(pieces, times, strict=True)),
        arrivals=tuple(arrivals),
        ended_at=end if end is not None else (times[-1] if times else 0.0),
        head=b"".join(pieces)[:2048],
        fault=fault,
    )


def whole(stream: DiagnosticStream, *, delay: float = 0.01) -> Recording:
    """A stream that came as it was sent, a moment later."""
    sent = [number * stream.interval / stream.clock for number in range(stream.chunks)]
    taken = recording(list(events(stream, sent)), [at + delay for at in (*sent, sent[-1])])
    return replace(taken, headers_at=delay)
