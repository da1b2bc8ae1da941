"""Terraform's resource graph: read from ``terraform graph``, and the longest way through it.

``terraform graph`` without a plan prints resources and data sources alone, each pointing at what it waits
for: https://developer.hashicorp.com/terraform/cli/commands/graph
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

_NODE = re.compile(r'^\s*"(?P<node>[^"]+)" \[', re.MULTILINE)
_EDGE = re.compile(r'^\s*"(?P<node>[^"]+)" -> "(?P<awaited>[^"]+)";', re.MULTILINE)


@dataclass(frozen=True)
class Graph:
    """What waits for what.

    Attributes:
        awaited: Each node, and the nodes that must be done before it begins.
    """

    awaited: Mapping[str, frozenset[str]]

    @classmethod
    def parse(cls, dot: str) -> Graph:
        """The output of ``terraform graph``. Nodes are addresses without instance keys."""
        edges: dict[str, set[str]] = {match["node"]: set() for match in _NODE.finditer(dot)}
        for match in _EDGE.finditer(dot):
            edges.setdefault(match["node"], set()).add(match["awaited"])
            edges.setdefault(match["awaited"], set())
        return cls({node: frozenset(awaited) for node, awaited in edges.items()})

    def named(self, ending: str) -> str:
        """The one node whose address ends so.

        Raises:
            ValueError: when it is not one: what is computed from it would be wrong without a word.
        """
        found = [node for node in self.awaited if node.endswith(ending)]
        if len(found) != 1:
            raise ValueError(f"{len(found)} nodes end in {ending!r}: {found}")
        return found[0]

    def waiting(self, node: str, *more: str) -> Graph:
        """The same, with `node` (new, or there already) waiting for `more` as well."""
        changed = {name: frozenset[str]() for name in more} | dict(self.awaited)
        return Graph(changed | {node: changed.get(node, frozenset()) | set(more)})

    def behind(self, node: str, instead: str) -> Graph:
        """The same, with everything that waits for `node` waiting for `instead`, which waits for `node`."""
        changed = {
            name: frozenset(instead if before == node else before for before in awaited)
            for name, awaited in self.awaited.items()
        }
        return Graph(changed | {instead: frozenset({node})})


@dataclass(frozen=True)
class Way:
    """A chain of nodes, each waiting for the one before, and how long it takes altogether."""

    seconds: float
    nodes: tuple[str, ...]


def longest(graph: Graph, seconds: Callable[[str], float]) -> Way:
    """The longest way through the graph: no run can be faster, however much it does side by side.

    Args:
        graph: Without cycles.
        seconds: How long a node takes.
    """
    best: dict[str, Way] = {}
    for node in TopologicalSorter(graph.awaited).static_order():
        before = _longest(best[name] for name in sorted(graph.awaited[node]))
        best[node] = Way(before.seconds + seconds(node), (*before.nodes, node))
    return _longest(best.values())


def _longest(ways: Iterable[Way]) -> Way:
    return max(ways, key=lambda way: way.seconds, default=Way(0, ()))
