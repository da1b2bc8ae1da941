"""Deploying, beside Terraform by hand and beside a serial script of the same steps.

All three bring the same checkout to the same kind of embedded AWS. Ours also plans for people to read, proves
the result, and records it; the script proves it, too; Terraform by hand does neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.benchmarks.deploy import projection
from tests.benchmarks.deploy.graph import Graph
from tests.benchmarks.deploy.timeline import Timeline
from tests.benchmarks.deploy.ways import (
    ASSET,
    HANDLER,
    OURS,
    SCRIPT,
    TERRAFORM,
    Place,
    place,
    plan_by_hand,
    ways,
)
from tests.benchmarks.figures import Arguments, Figure, Results, Sample, Table, in_turns

TITLE = "Deploy: beside Terraform by hand and a serial script"
PLAN = "terraform plan"
NOTES = (
    "From nothing: no build and no resource is there; packages of npm and the embedded AWS are.",
    "The Lambda image holds the client, as LibreChat's own does: a changed asset is a changed image.",
    "Terraform by hand builds, pushes and publishes in its provisioners, and proves nothing.",
    "Serial script: inv frontend.build, inv image.build, terraform init, apply of the repository, "
    "inv image.push, apply of all but the client, inv frontend.publish, inv smoke.",
    "CPU: of all processes that the way starts; the embedded AWS, which serves all alike, is not among them.",
    "What Terraform is told by hand (inv local.env) is found out outside the measured time.",
    "An embedded AWS makes things in milliseconds; only the provider's own pauses (30 s for ElastiCache, and "
    "for Route 53) are as on AWS. For AWS see the projection, which is computed.",
)


def run(arguments: Arguments) -> Results:
    """From nothing in places of their own; then every change in turns in one place.

    Raises:
        Failed: a command that had to succeed did not.
    """
    tables: list[Table] = []
    if not arguments.quick:  # each takes two minutes
        fresh = in_turns((OURS, TERRAFORM, SCRIPT), arguments, _from_nothing)
        tables.append(_table("From nothing", TERRAFORM, fresh, aim="≤ 1.1 ×"))
    with place() as here:
        arguments.say("one deploy from nothing, for its time line")
        timeline = Timeline.read(here.inv("deploy", "--yes"))
        graph = Graph.parse(here.terraform(here.stack.tool_environment(), "graph"))
        known = ways(here)
        for title, what in (("One changed handler line", HANDLER), ("One changed asset", ASSET)):
            arguments.say(title)
            samples = in_turns((OURS, TERRAFORM, SCRIPT), arguments, _changed(here, what, known))
            tables.append(_table(title, TERRAFORM, samples))
        known[OURS]()  # what the script published, Terraform's state does not know yet
        arguments.say("Nothing changed")
        idle: dict[str, Callable[[], Sample]] = {**known, PLAN: lambda: plan_by_hand(here)}
        samples = in_turns((OURS, PLAN, SCRIPT), arguments, lambda way: idle[way]())
        tables.append(_table("Nothing changed", PLAN, samples, aim="≤ 1.5 ×"))
    return Results(
        name="deploy",
        title=TITLE,
        tables=tuple(tables),
        findings=(*timeline.findings(graph), *projection.findings(graph)),
        missing={"From nothing, beside others": "not in a quick run"} if arguments.quick else {},
        notes=NOTES,
    )


def _from_nothing(way: str) -> Sample:
    with place() as here:
        return ways(here)[way]()


def _changed(here: Place, what: str, known: Mapping[str, Callable[[], Sample]]) -> Callable[[str], Sample]:
    def measure(way: str) -> Sample:
        here.change(what)
        return known[way]()

    return measure


def _table(title: str, reference: str, samples: Mapping[str, list[Sample]], aim: str = "") -> Table:
    figures = [Figure("seconds", "from start to end", "s", aim=aim)]
    if reference != PLAN:  # where nothing changes, the checks run beside the plan
        figures.append(Figure("unproven_s", "without its smoke checks", "s"))
    figures.append(Figure("cpu_s", "CPU", "s"))
    return Table(title, reference, tuple(figures), samples, ours=frozenset({OURS}))
