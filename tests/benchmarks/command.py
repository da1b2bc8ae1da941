"""`inv bench`: run benchmarks, show what they found, keep it in `.bench` and, if asked, in the documentation.

Nothing here fails because something is slow: figures are for people.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.console import Console
from scripts.errors import DeployError
from tests.benchmarks import machine, picture, words
from tests.benchmarks.catalogue import CATALOGUE, chosen
from tests.benchmarks.figures import Arguments, Results
from tests.benchmarks.machine import ROOT, Machine

if TYPE_CHECKING:
    from rich.console import RenderableType

PLACE = ROOT / ".bench"
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURES = ROOT / "docs" / "benchmarks"


@dataclass(frozen=True)
class Listed:
    """What can be measured. An `Outcome` of the console."""

    type = "benchmarks"

    def to_json(self) -> dict[str, Any]:
        """Name → what it compares, how many rounds, and about how long it takes."""
        return {
            "benchmarks": {
                name: {"summary": entry.summary, "rounds": entry.rounds, "takes": entry.takes}
                for name, entry in CATALOGUE.items()
            }
        }

    def __rich__(self) -> RenderableType:
        """A line each."""
        from rich.text import Text

        width = max(map(len, CATALOGUE))
        return Text("\n").join(
            Text.assemble((f"{name:<{width}}", "bold"), f"  {entry.summary} (about {entry.takes})")
            for name, entry in CATALOGUE.items()
        )


@dataclass(frozen=True)
class Measured:
    """One benchmark's results with where and how they came about. An `Outcome` of the console."""

    machine: Machine
    results: Results
    rounds: int
    quick: bool

    type = "benchmark"

    def to_json(self) -> dict[str, Any]:
        """All samples, their spreads and comparisons."""
        run = {"machine": dataclasses.asdict(self.machine), "rounds": self.rounds, "quick": self.quick}
        return {**self.results.to_json(), **run}

    @property
    def preface(self) -> tuple[str, ...]:
        """Machine, date and rounds."""
        amounts = "quick, so small amounts; " if self.quick else ""
        how = f"{amounts}medians of {self.rounds} rounds, in parentheses the least and the most"
        return (self.machine.line(), how[0].upper() + how[1:] + ".")

    def __rich__(self) -> RenderableType:
        """The tables."""
        return words.drawn(self.results, self.preface)


def run(console: Console, names: str, *, rounds: int, quick: bool, document: bool) -> None:
    """Run the named benchmarks one after the other; ``list`` names them.

    Args:
        names: Names with commas between, or ``all``.
        rounds: How many; 0: as many as the benchmark itself takes (two when quick).
        document: Put tables and picture into the documentation, too.

    Raises:
        DeployError: for an unknown name, or when what is measured with cannot be installed.
    """
    if names == "list":
        console.show(Listed())
        return
    commit = machine.commit()
    for name in chosen(names):
        entry = CATALOGUE[name]
        count = rounds or (2 if quick else entry.rounds)
        where = machine.look(commit)
        console.say(f"{name}: {entry.summary}; {count} rounds")
        results = entry.run(Arguments(rounds=count, quick=quick, say=console.say_plain))
        measured = Measured(where, results, count, quick)
        drawn = picture.svg(results, measured.preface[0])
        keep(measured, drawn)
        if document:
            write_down(measured, drawn)
        console.show(measured)
        console.say(f"Kept in .bench/{name}.json and .bench/{name}.svg")


def keep(measured: Measured, drawn: str) -> None:
    """Results and picture of the last run, in the ignored folder."""
    PLACE.mkdir(exist_ok=True)
    name = measured.results.name
    (PLACE / f"{name}.json").write_text(json.dumps(measured.to_json(), indent=2, default=str) + "\n")
    (PLACE / f"{name}.svg").write_text(drawn)


def write_down(measured: Measured, drawn: str) -> None:
    """Replace the benchmark's section of the page, and its picture.

    Raises:
        DeployError: when the page has no place for it.
    """
    name = measured.results.name
    section = words.markdown(measured.results, measured.preface)
    text = f"![{measured.results.title}](benchmarks/{name}.svg)\n\n{section}"
    page = replaced(PAGE.read_text(), name, text)
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / f"{name}.svg").write_text(drawn)
    PAGE.write_text(page)


def replaced(page: str, name: str, text: str) -> str:
    """The page with what stands between ``<!-- bench NAME -->`` and ``<!-- end -->`` replaced.

    Raises:
        DeployError: when it has no such place.
    """
    begin, end = f"<!-- bench {name} -->\n", "<!-- end -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise DeployError(
            f"docs/benchmarks.md has no place for {name}",
            f"It needs a line `{begin.strip()}` and, below it, `{end}`.",
            "Add both lines where the tables should stand.",
        )
    return f"{before}{begin}{text}{end}{after}"
