"""Our handler beside other adapters, all under the real aws-lambda-ric and the same Runtime API.

The app is the same Express app for all that take one; hono and fastify, which answer from apps of their
own, are native references; two that buffer are controls. The limit is the runtime client alone, with the
same bytes written straight into its stream. The floor is the least that an app in a process of its own, as
LibreChat is, can cost in Node. Requests come one after the other, as an execution environment gets them.
Turns are short and functions live for several of them, so that whatever else the machine does meets all
candidates alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks import peers
from tests.benchmarks.figures import (
    Arguments,
    Compared,
    Figure,
    Findings,
    NotMeasured,
    Results,
    Table,
    in_turns,
)

TITLE = "Handler: streaming beside other adapters"

LIMIT = "runtime client alone (limit)"
FLOOR = "bare relay to a process (floor)"
OURS = "ours (app as a process)"
CANDIDATES = {
    LIMIT: "limit",
    FLOOR: "relay",
    OURS: "ours",
    "@h4ad/serverless-adapter": "h4ad",
    "srvx": "srvx",
    "hono streamHandle (native)": "hono",
    "@fastify/aws-lambda (native)": "fastify",
    "serverless-http (buffered)": "serverless-http",
    "@codegenie/serverless-express (buffered)": "codegenie",
}
NOT_TO_BE_HAD = {
    "AWS Lambda Web Adapter": "published as a Lambda layer and a container image only; like ours it has the "
    "app in a process of its own",
}
AMOUNTS = {"turns": 5, "requests": 60, "events": 100, "interval": 3}
QUICK = {"turns": 2, "requests": 30, "events": 30, "interval": 3}

LATENCY = (
    Figure("first_p50_ms", "first byte, median", "ms", Compared.DIFFERENCE),
    Figure("first_p99_ms", "first byte, p99", "ms", Compared.DIFFERENCE),
    Figure("event_p50_ms", "event, median", "ms", Compared.DIFFERENCE, aim="≤ 1 ms more"),
    Figure("event_p99_ms", "event, p99", "ms", Compared.DIFFERENCE, aim="≤ 5 ms more"),
)
THROUGHPUT = (
    Figure("volume_mb_s", "20 MB body", "MB/s", more_is_better=True, aim="≥ 0.9 ×"),
    Figure("requests_s", "small JSON", "requests/s", more_is_better=True),
    Figure("cpu_ms", "CPU per request", "ms"),
)
PROCESS = (
    Figure("memory_mb", "memory, PSS", "MB"),
    Figure("ready_ms", "start to ready", "ms", Compared.DIFFERENCE),
)
CHECKS = ("cookies", "empty", "binary", "backpressure", "abort")
NOTES = (
    "First byte: from the event's leaving the Runtime API to the first byte of a small JSON body.",
    "Event: from the app's writing it to its arrival as a whole, in a stream of one event every 3 ms.",
    "CPU and memory are of all processes of the function: of ours that is the handler and the app.",
    "Start to ready: until the runtime asks for its first event. Ours waits for its app, a second process.",
    "Buffered: the event figures are the wait for the end of the stream; Lambda refuses 20 MB (quota 6 MB).",
    "Cookies: two arrive apart. Empty: 204 and 304 arrive as such. Backpressure: a reader that stops for "
    "1.5 s makes the app wait. Abort: the response's connection breaks, and the app's request ends.",
)


def run(arguments: Arguments) -> Results:
    """Measure all candidates in turns, then check each once."""
    unavailable = peers.prepare(arguments.say)
    missing = dict(NOT_TO_BE_HAD)
    amounts = QUICK if arguments.quick else AMOUNTS
    with peers.measuring() as measure:

        def ask(candidate: str, what: str, **more: Any) -> dict[str, Any] | None:
            try:
                return measure({"what": what, "candidate": CANDIDATES[candidate], **more})
            except NotMeasured as reason:
                package = candidate.split()[0]
                missing[candidate] = unavailable.get(package, str(reason))
                return None

        samples = in_turns(
            [*CANDIDATES], arguments, lambda candidate: ask(candidate, "streaming", amounts=amounts)
        )
        checked = {candidate: ask(candidate, "correctness") for candidate in samples}
    return Results(
        name="handler",
        title=TITLE,
        tables=tuple(
            _table(title, figures, samples)
            for title, figures in (("Latency", LATENCY), ("Throughput", THROUGHPUT), ("Process", PROCESS))
        ),
        findings=(Findings("Correctness", CHECKS, {name: row for name, row in checked.items() if row}),),
        missing=missing,
        notes=NOTES,
        versions=peers.versions(),
    )


def _table(title: str, figures: tuple[Figure, ...], samples: Mapping[str, list[dict[str, Any]]]) -> Table:
    return Table(title, LIMIT, figures, samples, ours=frozenset({OURS}))
