"""How long publishing takes, beside `aws s3 sync` and Terraform's `aws_s3_object`, on one embedded S3.

Each tool is a process of its own, its start included; each turn is a new bucket: published from nothing,
again with nothing changed, and with one file changed. The limit sends the same files and does nothing
else. With a delay every packet takes half of it, as to a region that far away.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.figures import (
    Arguments,
    Figure,
    Findings,
    NotMeasured,
    Results,
    Sample,
    Table,
    in_turns,
)
from tests.benchmarks.publish.site import make_site
from tests.benchmarks.publish.storage import Storage, storage
from tests.benchmarks.publish.tools import Limit, Publisher, Sync, Terraform, Tool
from tests.benchmarks.publish.wire import Wire

OURS, SYNC, TERRAFORM = "inv frontend.publish", "aws s3 sync", "Terraform aws_s3_object"
LIMIT = "the same files alone (limit)"

FIGURES = (
    Figure("first_s", "from nothing", "s", aim="≤ 0.33 ×"),
    Figure("same_s", "nothing changed", "s"),
    Figure("one_s", "one file changed", "s"),
    Figure("cpu_s", "CPU from nothing", "s"),
    Figure("s3_cpu_s", "CPU of the embedded S3 meanwhile", "s"),
)
NOTES = (
    "Below 1 is faster than aws s3 sync. The embedded S3 is one Python process: from nothing and without a "
    "delay nobody can take less than its CPU seconds, and the limit shows what any client can reach.",
    "The delay is a TCP proxy's: each direction of each connection, its handshake included. Bandwidth is "
    "that of this machine, and there is no TLS.",
    "aws s3 sync sets no Cache-Control, knows no order, and keeps no release to go back to.",
    "Growth is the median with the most files divided by the median with the fewest.",
)


@dataclass(frozen=True)
class Amount:
    """Files, megabytes, the delay in milliseconds, and whether Terraform takes part: it needs minutes."""

    files: int
    megabytes: int
    delay: int
    terraform: bool

    @property
    def title(self) -> str:
        """For people."""
        away = f", {self.delay} ms away" if self.delay else ""
        return f"{self.files:,} files, {self.megabytes} MB{away}"


AMOUNTS = (
    Amount(200, 20, 0, terraform=True),
    Amount(200, 20, 50, terraform=False),
    Amount(5000, 200, 0, terraform=False),
    Amount(5000, 200, 50, terraform=False),
)
QUICK = (Amount(60, 6, 0, terraform=True), Amount(60, 6, 50, terraform=False))


def run(arguments: Arguments) -> Results:
    """Measure all amounts, in each the tools in turns."""
    amounts = QUICK if arguments.quick else AMOUNTS
    missing = {f"{TERRAFORM}, {a.title}": "one resource a file: minutes" for a in amounts if not a.terraform}
    tables, requests = [], {}
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="librechat-bench-") as directory, storage() as s3:
        for number, amount in enumerate(amounts):
            place = Path(directory, str(number))
            make_site(place / "dist", amount.files, amount.megabytes * 1_000_000)
            with Wire(s3.port, amount.delay / 1000) as wire:
                tools = _tools(place, amount, s3, missing, versions)
                samples = _measure(tools, amount, arguments, s3, wire)
            tables.append(Table(amount.title, SYNC, FIGURES, samples, ours=frozenset({OURS})))
            if amount.delay:
                requests[amount.title] = {name: _requests(found[-1]) for name, found in samples.items()}
    names = tuple(dict.fromkeys(name for row in requests.values() for name in row))
    counted = Findings("Requests: from nothing / nothing changed / one file changed", names, requests)
    return Results(
        name="publish",
        title="Publishing the client",
        tables=tuple(tables),
        findings=tuple(findings for findings in (counted, _growth(amounts, tables)) if findings.rows),
        missing=missing,
        notes=NOTES,
        versions=versions,
    )


def _tools(
    place: Path, amount: Amount, s3: Storage, missing: dict[str, str], versions: dict[str, str]
) -> dict[str, Tool]:
    dist = place / "dist"
    tools: dict[str, Tool] = {OURS: Publisher(dist, s3), LIMIT: Limit(dist, s3)}
    more: dict[str, type[Sync] | type[Terraform]] = {SYNC: Sync}
    if amount.terraform:
        more[TERRAFORM] = Terraform
    for name, kind in more.items():
        try:
            tools[name] = kind(dist, s3)
        except NotMeasured as reason:
            missing[name] = str(reason)
        else:
            versions[name] = tools[name].version
    return tools


def _measure(
    tools: dict[str, Tool], amount: Amount, arguments: Arguments, s3: Storage, wire: Wire
) -> dict[str, list[Sample]]:
    def turn(name: str) -> Sample:
        # Without a delay the wire would only cost CPU that the tools need.
        return tools[name].turn(wire.endpoint if amount.delay else s3.endpoint, wire)

    arguments.say(amount.title)
    return in_turns(list(tools), arguments, turn)


def _requests(sample: Sample) -> str:
    keys = ("first_requests", "same_requests", "one_requests")
    return " / ".join(f"{sample[key]:.0f}" for key in keys if key in sample)


def _growth(amounts: Sequence[Amount], tables: Sequence[Table]) -> Findings:
    """How each figure grows with the files, where the delay is the same."""
    columns = tuple(figure.title for figure in FIGURES[:3])
    rows = {}
    for delay in dict.fromkeys(amount.delay for amount in amounts):
        same = [(a, t) for a, t in zip(amounts, tables, strict=True) if a.delay == delay]
        (few, small), (many, large) = same[0], same[-1]
        if few == many:
            continue
        for name in large.samples:
            spreads = {f.title: (small.spread(name, f), large.spread(name, f)) for f in FIGURES[:3]}
            rows[f"{name}{f', {delay} ms away' if delay else ''}"] = {
                title: f"× {big.median / little.median:.1f}"
                for title, (little, big) in spreads.items()
                if little and big
            }
    most, fewest = max(a.files for a in amounts), min(a.files for a in amounts)
    return Findings(f"Growth from {fewest:,} to {most:,} files", columns, rows)
