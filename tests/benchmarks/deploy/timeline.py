"""What ran when during one deploy, out of its ``--json`` events, and which chain of it decided its length."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.benchmarks.deploy.graph import Graph
from tests.benchmarks.figures import Findings

APPLY = "terraform apply"
_ROUNDED = 0.002
"""Events give milliseconds: an end may seem to come after the beginning that it made possible."""

_BLINK = 0.05
"""Seconds below which nothing decided anything."""

_LEAST = 1.0
"""Seconds from which a resource has a line of its own."""

_WIDTH = 40
_INSTANCE = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')


@dataclass(frozen=True)
class Span:
    """Something that took time, in seconds since the deploy began; `after`: what it is known to await."""

    name: str
    started: float
    ended: float
    after: frozenset[str] = frozenset()

    @property
    def took(self) -> float:
        """Seconds."""
        return self.ended - self.started


@dataclass(frozen=True)
class Timeline:
    """One deploy.

    Attributes:
        steps: The steps of the runner.
        resources: What Terraform made within the apply; all instances of a resource together.
        total: Seconds of the whole run.
    """

    steps: tuple[Span, ...]
    resources: tuple[Span, ...]
    total: float

    @classmethod
    def read(cls, events: Sequence[Mapping[str, Any]]) -> Timeline:
        """From the events of ``inv deploy --json``."""
        times = next(event for event in reversed(events) if event["type"] == "times")
        zero = _seconds(times["time"]) - times["total"]
        steps = [
            Span(step["name"], step["started"], step["started"] + step["took"], frozenset(step["after"]))
            for step in times["steps"]
        ]
        began: dict[str, float] = {}
        ended: dict[str, float] = {}
        for event in events:
            if event["type"] == "resource":
                node, at = _INSTANCE.sub("", event["address"]), _seconds(event["time"]) - zero
                if event["phase"] == "started":
                    began[node] = min(at, began.get(node, at))
                else:
                    ended[node] = max(at, ended.get(node, at))
        resources = [Span(node, began[node], end) for node, end in ended.items()]
        in_order = sorted(resources, key=lambda span: span.started)
        return cls(tuple(sorted(steps, key=lambda span: span.started)), tuple(in_order), times["total"])

    def critical_path(self, graph: Graph) -> tuple[Span, ...]:
        """The chain that decided the total: each link began when the one before it had ended.

        Steps are followed back by what they waited for, or by their times where that is not known: a step
        that had nothing to do is in no time line. Resources are followed back by Terraform's graph.
        """
        path: list[Span] = []
        link = max(self.steps, key=lambda span: span.ended, default=None)
        while link is not None:
            path[:0] = self._critical_resources(graph) if link.name == APPLY else [link]
            link = _last_before(link, self.steps)
        return tuple(path)

    def _critical_resources(self, graph: Graph) -> list[Span]:
        spans = {span.name: span for span in self.resources}
        path: list[Span] = []
        link = max(self.resources, key=lambda span: span.ended, default=None)
        while link is not None:
            path.insert(0, link)
            awaited = [spans[name] for name in _made_before(link.name, graph, spans)]
            link = max(awaited, key=lambda span: span.ended, default=None)
        return path

    def findings(self, graph: Graph) -> tuple[Findings, Findings]:
        """The time line as bars, and the critical path."""
        shown = [*self.steps, *(span for span in self.resources if span.took >= _LEAST)]
        shown.sort(key=lambda span: span.started)
        path = self.critical_path(graph)
        lines = {
            span.name: {"from": f"{span.started:.1f} s", "for": f"{span.took:.1f} s", "": self._bar(span)}
            for span in shown
        }
        links = {span.name: {"for": f"{span.took:.1f} s"} for span in path if span.took >= _BLINK}
        between = self.total - sum(span.took for span in path)
        links["everything between"] = {"for": f"{between:.1f} s"}
        return (
            Findings(f"Time line of one deploy from nothing, {self.total:.1f} s", ("from", "for", ""), lines),
            Findings("What decided its length, one after the other", ("for",), links),
        )

    def _bar(self, span: Span) -> str:
        scale = _WIDTH / max(self.total, _BLINK)
        before = min(int(span.started * scale), _WIDTH - 1)
        length = min(max(1, round(span.took * scale)), _WIDTH - before)
        return "·" * before + "█" * length + "·" * (_WIDTH - before - length)


def _last_before(step: Span, steps: Sequence[Span]) -> Span | None:
    """What ended last of all that the step waited for: never what began later, so that a walk back ends."""
    earlier = [other for other in steps if other.started < step.started]
    awaited = [other for other in earlier if other.name in step.after]
    by_time = [other for other in earlier if other.ended <= step.started + _ROUNDED]
    return max(awaited or by_time, key=lambda span: span.ended, default=None)


def _made_before(node: str, graph: Graph, known: Mapping[str, Span]) -> set[str]:
    """What the node waits for, through data sources and whatever else has no span."""
    found: set[str] = set()
    for awaited in graph.awaited.get(node, ()):
        found |= {awaited} if awaited in known else _made_before(awaited, graph, known)
    return found


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
