"""Many streams at once: how late each event is, how many streams stay progressive, what memory it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from tests.benchmarks.edge import client
from tests.benchmarks.edge.delays import summary
from tests.benchmarks.edge.world import CHAIN, EDGE, LIMIT, World
from tests.benchmarks.figures import Arguments, Compared, Figure, Sample, Table, in_turns

EVENTS, QUICK_EVENTS = 30, 10
INTERVAL_MS = 100
"""The pace of the smoke checks' own stream."""

_CHAIN_UP_TO = 10
"""Each stream is an environment of its own, and this machine starts no more than 20."""

FIGURES = (
    Figure("p50_ms", "delay of an event, median", "ms", Compared.DIFFERENCE),
    Figure("p99_ms", "delay of an event, p99", "ms", Compared.DIFFERENCE),
    Figure("progressive", "progressive streams", "%", Compared.DIFFERENCE, more_is_better=True, aim="100 %"),
    Figure("memory_mb", "memory of the server", "MB", Compared.DIFFERENCE),
)


def measure(world: World, count: int, candidate: str, *, quick: bool) -> Sample:
    """One candidate, freshly started, with so many streams at once."""
    path = f"/api/stream?events={QUICK_EVENTS if quick else EVENTS}&interval={INTERVAL_MS}"
    with world.server(candidate) as server:
        asyncio.run(client.latencies(server.address, "/api/json", connections=1, requests=5))
        found = asyncio.run(client.streams(server.address, path, count))
        return {**summary(found), "memory_mb": server.memory_mb}


def tables(world: World, arguments: Arguments, levels: Sequence[int]) -> tuple[Table, ...]:
    """A table for each number of streams."""
    made = []
    for count in levels:
        candidates = (LIMIT, EDGE, CHAIN) if count <= _CHAIN_UP_TO else (LIMIT, EDGE)
        arguments.say(f"{count} streams at once")
        ask = partial(measure, world, count, quick=arguments.quick)
        samples = in_turns(candidates, arguments, ask)
        title = f"{count} stream{'s' if count > 1 else ''} at once"
        made.append(Table(title, LIMIT, FIGURES, samples, ours=frozenset({EDGE, CHAIN})))
    return tuple(made)
