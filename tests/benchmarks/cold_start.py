"""From the start of the process to the first byte: what our handler adds to the app's own boot, and why.

Measured through the real aws-lambda-ric. The app is a small Express app: LibreChat takes seconds, and what is
ours stays the same. Lambda's own part (image, sandbox) is not here.
"""

from __future__ import annotations

from tests.benchmarks import peers
from tests.benchmarks.figures import (
    Arguments,
    Compared,
    Figure,
    NotMeasured,
    Results,
    Sample,
    Table,
    in_turns,
)

TITLE = "Cold start: from the start of the process to the first byte"

APP = "the app alone"
OURS = "ours, as deployed"
CANDIDATES = {
    APP: "app",
    OURS: "ours",
    "ours, in one file (esbuild)": "ours in one file",
    "runtime client alone": "limit",
    "@h4ad/serverless-adapter": "h4ad",
}
START = (
    Figure("first_byte_ms", "first byte", "ms", Compared.DIFFERENCE, aim="≤ 100 ms more"),
    Figure("cpu_ms", "CPU until then", "ms", Compared.DIFFERENCE),
)
PHASES = tuple(
    Figure(f"{phase}_ms", phase, "ms", Compared.DIFFERENCE)
    for phase in ("import", "filesystem", "secrets", "config", "boot", "poll")
)
SERIAL = "one after the other"
FETCHED = (Figure("fetched_ms", "secrets and config read", "ms"),)
NOTES = (
    "import: from the start of Node until our modules are loaded, aws-lambda-ric included. filesystem, "
    "secrets, config: side by side, each from the begin of the cold start to its own end. boot: from the "
    "app's start to its first HTTP answer. poll: from there to its first OK.",
    "The app alone: the same app started by Node and asked until it answers. What ours takes beyond that is "
    "the runtime client's start, our own, and the look for the app.",
    "In the last table secrets and config come from a server 30 ms away, in the others from this machine.",
)


def run(arguments: Arguments) -> Results:
    """Start each candidate in turns; then read secrets and config both ways."""
    peers.prepare(arguments.say)
    missing: dict[str, str] = {}
    with peers.measuring() as measure:

        def started(candidate: str) -> Sample | None:
            try:
                return measure({"what": "start", "candidate": CANDIDATES[candidate]})
            except NotMeasured as reason:
                missing[candidate] = str(reason)
                return None

        def fetched(way: str) -> Sample:
            return measure({"what": "fetches", "candidate": way})

        measure({"what": "one file"})
        starts = in_turns([*CANDIDATES], arguments, started)
        fetches = in_turns([SERIAL, "side by side"], arguments, fetched)
    own = {name: samples for name, samples in starts.items() if name.startswith("ours")}
    ours = frozenset({OURS})
    return Results(
        name="coldstart",
        title=TITLE,
        tables=(
            Table("Start", APP, START, starts, ours),
            Table("Phases", OURS, PHASES, own, ours),
            Table("Reading", SERIAL, FETCHED, fetches, frozenset({"side by side"})),
        ),
        missing=missing,
        notes=NOTES,
        versions=peers.versions(),
    )
