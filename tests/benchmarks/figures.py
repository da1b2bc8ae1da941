"""What a benchmark hands back, and the arithmetic of comparing: a value, its spread, and how others do.

Everything is measured side by side: round by round, each candidate once (`in_turns`). A comparison is made
within each round, where all met the same machine, and only then is the median taken over the rounds. So the
figures of a busy machine still say who is ahead, while absolute values belong to the machine and the day.
Nothing here measures or draws.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")


class Compared(Enum):
    """How a value is set against the reference's of the same round."""

    RATIO = "ratio"
    """Value divided by reference."""
    DIFFERENCE = "difference"
    """Value minus reference, in the figure's unit: what something adds."""


@dataclass(frozen=True)
class Figure:
    """One column: what is measured.

    Attributes:
        key: Its name in the samples and in JSON.
        title: Its name for people.
        unit: Of the values, for example ``ms``.
        compared: How candidates are set against the reference.
        more_is_better: Throughput, not time.
        aim: What is aimed at, in words; empty: nothing.
    """

    key: str
    title: str
    unit: str
    compared: Compared = Compared.RATIO
    more_is_better: bool = False
    aim: str = ""


@dataclass(frozen=True)
class Spread:
    """Values of several rounds: the middle one, the least, the greatest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """The spread of the values; None when there are none."""
        return cls(statistics.median(values), min(values), max(values)) if values else None


Sample = Mapping[str, float]
"""One candidate in one round: figure → value. A figure that cannot be had is absent."""


@dataclass(frozen=True)
class Table:
    """Candidates (rows) by figures (columns).

    Attributes:
        reference: The candidate that all are compared with; it is in `samples`.
        samples: Candidate → one sample a round, the rounds in the same order for all.
        ours: The candidates that are this project, for emphasis.
    """

    title: str
    reference: str
    figures: tuple[Figure, ...]
    samples: Mapping[str, Sequence[Sample]]
    ours: frozenset[str] = frozenset()

    def spread(self, candidate: str, figure: Figure) -> Spread | None:
        """The candidate's own values."""
        samples = self.samples[candidate]
        return Spread.of([sample[figure.key] for sample in samples if figure.key in sample])

    def compared(self, candidate: str, figure: Figure) -> Spread | None:
        """The candidate's values set against the reference's, round by round.

        None for the reference, and where no round has both; nothing is a multiple of zero.
        """
        if candidate == self.reference:
            return None
        rounds = zip(self.samples[candidate], self.samples.get(self.reference, ()), strict=False)
        key = figure.key
        pairs = [(own[key], base[key]) for own, base in rounds if key in own and key in base]
        if figure.compared is Compared.DIFFERENCE:
            return Spread.of([own - base for own, base in pairs])
        return Spread.of([own / base for own, base in pairs if base])


@dataclass(frozen=True)
class Findings:
    """Candidates by what was found in words: a correctness table."""

    title: str
    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Results:
    """What one benchmark found.

    Attributes:
        missing: What could not be measured → why.
        notes: What a reader must know to read the tables.
        versions: What was measured → its version.
    """

    name: str
    title: str
    tables: tuple[Table, ...]
    findings: tuple[Findings, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Every sample of every round, and what was made of them."""
        return {
            "benchmark": self.name,
            "title": self.title,
            "tables": [_table_json(table) for table in self.tables],
            "findings": [dataclasses.asdict(findings) for findings in self.findings],
            "missing": dict(self.missing),
            "notes": list(self.notes),
            "versions": dict(self.versions),
        }


class NotMeasured(Exception):
    """A candidate cannot take part, or failed; the text says why."""


@dataclass(frozen=True)
class Arguments:
    """How a benchmark is asked to run.

    Attributes:
        rounds: How often each candidate has its turn.
        quick: Small amounts, for a look during development.
        say: Takes a line of progress.
    """

    rounds: int
    quick: bool
    say: Callable[[str], None]


def in_turns(
    candidates: Sequence[str], arguments: Arguments, measure: Callable[[str], T | None]
) -> dict[str, list[T]]:
    """Measure A B C, A B C, …: what the machine does meanwhile meets all of them alike.

    Args:
        measure: None when a candidate cannot be measured: it gets no further turn and is left out.
    """
    left = list(candidates)
    found: dict[str, list[T]] = {candidate: [] for candidate in candidates}
    for number in range(1, arguments.rounds + 1):
        for candidate in tuple(left):
            arguments.say(f"round {number} of {arguments.rounds}: {candidate}")
            sample = measure(candidate)
            if sample is None:
                left.remove(candidate)
            else:
                found[candidate].append(sample)
    return {candidate: found[candidate] for candidate in left}


def _table_json(table: Table) -> dict[str, Any]:
    rows = {}
    for candidate, samples in table.samples.items():
        figures = {}
        for figure in table.figures:
            own, beside = table.spread(candidate, figure), table.compared(candidate, figure)
            figures[figure.key] = {
                "spread": dataclasses.asdict(own) if own else None,
                figure.compared.value: dataclasses.asdict(beside) if beside else None,
            }
        rows[candidate] = {"rounds": [dict(sample) for sample in samples], "figures": figures}
    return {
        "title": table.title,
        "reference": table.reference,
        "figures": [
            {**dataclasses.asdict(figure), "compared": figure.compared.value} for figure in table.figures
        ],
        "candidates": rows,
    }
