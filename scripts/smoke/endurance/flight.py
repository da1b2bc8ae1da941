"""How much of a stream was on the way at once, sent and not read yet: what something has buffered."""

from __future__ import annotations

from scripts.smoke.stream.recording import Recording
from scripts.smoke.stream.sender import stamp


def most_on_the_way(recording: Recording) -> int:
    """The most bytes that were on the way at once.

    By the sender's own stamps. Its clock is set to ours by the event that travelled fastest, which cannot
    have arrived before it was sent: so this is never too much, and too little by that event's way.
    """
    chunks = recording.only("chunk").arrivals
    sizes = [len(arrival.event.data) for arrival in chunks]
    sent = [at for arrival in chunks if (at := stamp(arrival.event)) is not None]
    if not sent or len(sent) != len(chunks):
        return 0
    offset = min(arrival.at - at for arrival, at in zip(chunks, sent, strict=True))
    most = on_the_way = arrived = 0
    for at, size in zip(sent, sizes, strict=True):
        while arrived < len(chunks) and chunks[arrived].at <= at + offset:
            on_the_way -= sizes[arrived]
            arrived += 1
        on_the_way += size
        most = max(most, on_the_way)
    return most


def megabytes(size: float) -> str:
    """Bytes for a reader: ``4.2 MB``."""
    return f"{size / 1_000_000:.1f} MB"
