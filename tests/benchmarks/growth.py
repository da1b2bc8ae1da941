"""How time grows with the number of files in the client, and with the number of streams at once.

How publishing grows is the benchmark ``publish``.
"""

from __future__ import annotations

import shutil
import time
from functools import partial

from scripts.errors import ExitStatus
from scripts.frontend.standin_source import StandinSource
from scripts.progress import ignored
from tests.benchmarks.deploy.ways import Place, place
from tests.benchmarks.edge import streams
from tests.benchmarks.edge.world import EDGE, World, world
from tests.benchmarks.figures import Arguments, Figure, Results, Sample, Table, in_turns

FILES, QUICK_FILES = (0, 100, 1_000, 10_000), (0, 100, 1_000)
LEVELS, QUICK_LEVELS = (1, 10, 100, 200), (1, 10)
_FILE_BYTES = 4096

PLANNING = (
    Figure("hash_s", "hash of the client's sources", "s"),
    Figure("ours_s", "inv plan, without Terraform's part", "s"),
    Figure("seconds", "inv plan", "s"),
)
NOTES = (
    "Files of 4 kB are added to the client's sources; the plan is one of everything, with nothing deployed. "
    "The client is neither built nor published.",
    "The stand-in's client is in its image as well, so that its files are hashed for the image's tag, too.",
    "Streams: one event every 100 ms, through the edge, of a function that takes no time (see edge).",
)


def run(arguments: Arguments) -> Results:
    """Plans, then streams."""
    sizes = QUICK_FILES if arguments.quick else FILES
    levels = QUICK_LEVELS if arguments.quick else LEVELS
    with place() as here:
        names = {f"{files:,} files more" if files else "as it is": files for files in sizes}
        plans = in_turns([*names], arguments, lambda name: _plan(here, names[name]))
    with world() as served:
        counts = {f"{count} stream{'s' if count > 1 else ''}": count for count in levels}
        ask = partial(_stream, served, counts, quick=arguments.quick)
        streamed = in_turns([*counts], arguments, ask)
    return Results(
        name="growth",
        title="Growth: files and streams",
        tables=(
            Table("Planning", next(iter(names)), PLANNING, plans),
            Table("Streams at once", next(iter(counts)), streams.FIGURES, streamed),
        ),
        notes=NOTES,
    )


def _plan(here: Place, files: int) -> Sample:
    client = here.checkout.root / "scripts" / "local" / "app" / "client"
    added = client / "public" / "added"
    shutil.rmtree(added, ignore_errors=True)
    for number in range(files):
        file = added / f"{number // 100}" / f"{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{number}\n".ljust(_FILE_BYTES))
    began = time.monotonic()
    StandinSource(here.checkout.root).identify(ignored)
    hashed = time.monotonic() - began
    began = time.monotonic()
    events = here.inv("plan", expected=ExitStatus.CHANGES_PENDING)
    took = time.monotonic() - began
    terraform = next(e["took"] for e in events if e["type"] == "step" and e["name"] == "terraform plan")
    return {"hash_s": hashed, "ours_s": took - terraform, "seconds": took}


def _stream(served: World, counts: dict[str, int], name: str, *, quick: bool) -> Sample:
    return streams.measure(served, counts[name], EDGE, quick=quick)
