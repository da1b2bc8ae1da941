"""The data plane of the local target beside the bare server that it is written with.

A rehearsal must measure the deployment, not itself: what the edge adds has to be far below what a smoke check
looks at, 100 ms between two events and seconds for a page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from tests.benchmarks.edge import client, streams
from tests.benchmarks.edge.delays import percentile
from tests.benchmarks.edge.world import CHAIN, EDGE, FUNCTION, LIMIT, Server, World, world
from tests.benchmarks.figures import Arguments, Compared, Figure, Results, Sample, Table, in_turns

LEVELS, QUICK_LEVELS = (1, 10, 50, 200), (1, 10)
REQUESTS, QUICK_REQUESTS = 2000, 200
_AT_ONCE = 10

FIGURES = (
    Figure("p50_ms", "one at a time, median", "ms", Compared.DIFFERENCE),
    Figure("p99_ms", "one at a time, p99", "ms", Compared.DIFFERENCE),
    Figure("requests_s", f"{_AT_ONCE} at a time", "requests/s", more_is_better=True),
    Figure("cpu_ms", "CPU of the server per request", "ms", Compared.DIFFERENCE),
)
NOTES = (
    "The edge is the one of the local target, in a process of its own, before a real embedded control plane: "
    "it finds the distribution, the API and the permission there, as after a deploy.",
    "A function that takes no time answers inside the edge's process: the row is what the edge itself costs.",
    "The function is a small one under the real aws-lambda-ric; alone, it is reached through aiohttp and the "
    "same Lambda service. Only there each request at a time has an environment of its own.",
    "A stream is progressive when each of its events had arrived before the next one was sent, 100 ms later. "
    "The smoke checks' own limits are wider.",
    "The emulator answers for S3, so a static file costs one request more, to a process that works one "
    "request at a time.",
    "More than 20 streams at once of the function are not measured: the Lambda service of the local target "
    "starts no more than 20 environments on a machine, and says so with Lambda's own 429.",
    "The client takes part of the machine, too: the limit's row shows how much of each figure that is.",
)


def run(arguments: Arguments) -> Results:
    """Requests, then streams."""
    requests = QUICK_REQUESTS if arguments.quick else REQUESTS
    questions = (
        ("JSON through CloudFront and API Gateway", "/api/json", (LIMIT, EDGE), LIMIT),
        ("JSON with the function behind it", "/api/json", (FUNCTION, CHAIN), FUNCTION),
        ("An asset of 40 kB from S3", "/assets/app.js", (LIMIT, EDGE), LIMIT),
    )
    with world() as here:
        tables = []
        for title, path, candidates, reference in questions:
            arguments.say(title)
            samples = in_turns(candidates, arguments, partial(_requests, here, path, requests))
            tables.append(Table(title, reference, FIGURES, samples, ours=frozenset({EDGE, CHAIN})))
        levels = QUICK_LEVELS if arguments.quick else LEVELS
        tables += streams.tables(here, arguments, levels)
    return Results(
        name="edge", title="Edge and runtime of the local target", tables=tuple(tables), notes=NOTES
    )


def _requests(here: World, path: str, requests: int, candidate: str) -> Sample:
    with here.server(candidate) as server:
        return asyncio.run(_ask(server, path, requests))


async def _ask(server: Server, path: str, requests: int) -> Mapping[str, float]:
    alone, _ = await client.latencies(server.address, path, connections=1, requests=requests)
    used = server.cpu_ms
    beside, seconds = await client.latencies(server.address, path, connections=_AT_ONCE, requests=requests)
    return {
        "cpu_ms": (server.cpu_ms - used) / len(beside),
        "p50_ms": percentile(alone, 50),
        "p99_ms": percentile(alone, 99),
        "requests_s": len(beside) / seconds,
    }
