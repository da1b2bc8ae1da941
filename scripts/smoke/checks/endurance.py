"""Long and hard streams, one after the other; see `scripts.smoke.endurance`."""

from __future__ import annotations

from scripts.smoke.endurance.crowd import crowd
from scripts.smoke.endurance.leaving import leaving_client
from scripts.smoke.endurance.silence import silent_stream
from scripts.smoke.endurance.slow_reader import slow_reader
from scripts.smoke.endurance.volume import large_stream
from scripts.smoke.model import Check, Stage, Suite

# The crowd comes last: it leaves many environments behind.
CHECKS = tuple(
    Check(id, title, Stage.HEAVY, run, by_function=True, suite=Suite.LONG)
    for id, title, run in (
        ("SC-004", "a silent stream is kept open", silent_stream),
        ("SC-004", "a stream of 20 MB arrives whole", large_stream),
        ("SC-004", "a slow reader holds the sender back", slow_reader),
        ("US2.3", "a client that leaves disturbs nobody", leaving_client),
        ("US2.3", "many streams at once keep apart", crowd),
    )
)
