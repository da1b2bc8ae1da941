"""The arithmetic of the deploy benchmark: Terraform's graph, the time line of a deploy, the projection."""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks.deploy import projection
from tests.benchmarks.deploy.graph import Graph, longest
from tests.benchmarks.deploy.timeline import Timeline

DOT = """
digraph G {
  rankdir = "RL";
  subgraph "cluster_module.api" {
    label = "module.api"
    "module.api.aws_api_gateway_rest_api.this" [label="aws_api_gateway_rest_api.this"];
  }
  "module.lambda.data.aws_region.current" [label="data.aws_region.current"];
  "module.lambda.aws_lambda_function.this" [label="aws_lambda_function.this"];
  "module.redis.aws_elasticache_replication_group.this" [label="…"];
  "module.frontend.aws_cloudfront_distribution.this" [label="…"];
  "module.frontend.aws_route53_record.alias" [label="…"];
  "module.api.aws_api_gateway_rest_api.this" -> "module.lambda.data.aws_region.current";
  "module.lambda.aws_lambda_function.this" -> "module.redis.aws_elasticache_replication_group.this";
  "module.frontend.aws_cloudfront_distribution.this" -> "module.api.aws_api_gateway_rest_api.this";
  "module.frontend.aws_route53_record.alias" -> "module.frontend.aws_cloudfront_distribution.this";
}
"""
API, REGION = "module.api.aws_api_gateway_rest_api.this", "module.lambda.data.aws_region.current"
FUNCTION = "module.lambda.aws_lambda_function.this"
REDIS = "module.redis.aws_elasticache_replication_group.this"
DISTRIBUTION, RECORD = (
    "module.frontend.aws_cloudfront_distribution.this",
    "module.frontend.aws_route53_record.alias",
)


def event(at: float, **more: Any) -> dict[str, Any]:
    return {"time": f"2026-01-01T00:00:{at:06.3f}Z", **more}


def step(name: str, started: float, took: float, *after: str) -> dict[str, Any]:
    return {"name": name, "started": started, "took": took, "after": list(after)}


def made(address: str, began: float, ended: float) -> list[dict[str, Any]]:
    return [
        event(began, type="resource", address=address, phase="started"),
        event(ended, type="resource", address=address, phase="complete"),
    ]


def test_terraforms_graph_is_read_with_what_nothing_waits_for() -> None:
    graph = Graph.parse(DOT)

    assert set(graph.awaited) == {API, REGION, FUNCTION, REDIS, DISTRIBUTION, RECORD}
    assert graph.awaited[RECORD] == {DISTRIBUTION}
    assert graph.awaited[REDIS] == frozenset()


def test_a_name_that_fits_none_or_several_is_refused() -> None:
    with pytest.raises(ValueError, match="2 nodes end in"):
        Graph({"a.this": frozenset(), "b.this": frozenset()}).named(".this")
    with pytest.raises(ValueError, match="0 nodes end in"):
        Graph.parse(DOT).named("aws_instance.this")


def test_the_longest_way_is_the_slowest_chain_and_not_the_one_with_most_links() -> None:
    graph = Graph({"a": frozenset(), "b": frozenset({"a"}), "c": frozenset({"b"}), "slow": frozenset()})

    way = longest(graph, {"a": 1, "b": 1, "c": 1, "slow": 9}.__getitem__)

    assert (way.seconds, way.nodes) == (9, ("slow",))


def test_the_longest_way_meets_in_what_waits_for_several() -> None:
    graph = Graph({"a": frozenset(), "b": frozenset(), "end": frozenset({"a", "b"})})

    way = longest(graph, {"a": 2, "b": 5, "end": 1}.__getitem__)

    assert (way.seconds, way.nodes) == (6, ("b", "end"))


def test_a_graph_without_nodes_takes_no_time() -> None:
    assert longest(Graph({}), lambda _node: 1).seconds == 0


def test_what_waited_for_a_node_waits_for_the_one_put_behind_it() -> None:
    graph = Graph({"a": frozenset(), "b": frozenset({"a"})}).behind("a", "a, everywhere")

    assert graph.awaited == {
        "a": frozenset(),
        "a, everywhere": frozenset({"a"}),
        "b": frozenset({"a, everywhere"}),
    }


def test_a_waiting_node_may_be_new() -> None:
    graph = Graph({"a": frozenset()}).waiting("b", "a")

    assert graph.awaited == {"a": frozenset(), "b": frozenset({"a"})}


def test_as_shipped_the_distribution_spreads_beside_redis() -> None:
    graph = Graph.parse(DOT)

    shipped = projection.project(projection.as_shipped(graph))

    assert shipped.high.nodes == (REDIS, FUNCTION)
    assert shipped.high.seconds == 600 + 120


def test_chained_everything_waits_for_everything() -> None:
    graph = Graph.parse(DOT)

    chained = projection.project(projection.chained(graph))

    assert chained.high.nodes == (REDIS, FUNCTION, API, DISTRIBUTION, projection.DEPLOYED, RECORD)
    assert chained.high.seconds == 600 + 120 + 2 * projection.OTHERS + 300 + 60


def test_reading_a_data_source_takes_no_time_in_the_projection() -> None:
    graph = Graph({REGION: frozenset()})

    assert projection.project(graph).high.seconds == 0


def deploy_events() -> list[dict[str, Any]]:
    """Two steps, an apply of three resources, a last step; 30 s in all, begun at second 10."""
    steps = [
        step("tools", 0.0, 1.0),
        step("account", 0.0, 1.01),
        step("build", 0.0, 3.0),
        step("plan", 1.0, 4.0, "tools", "skipped"),
        step("terraform apply", 5.0, 20.0),
        step("smoke", 25.0, 5.0),
    ]
    return [
        *made(f"{REDIS}[0]", 15, 30),
        *made(DISTRIBUTION, 15, 20),
        *made(f'{FUNCTION}["a.b"]', 30, 34),
        *made(f'{FUNCTION}["c"]', 31, 35),
        event(40, type="times", total=30.0, steps=steps),
    ]


def test_a_time_line_counts_from_the_beginning_of_the_deploy() -> None:
    timeline = Timeline.read(deploy_events())

    spans = {span.name: (span.started, span.ended) for span in timeline.resources}
    assert spans[DISTRIBUTION] == pytest.approx((5, 10))
    assert spans[FUNCTION] == pytest.approx((20, 25)), "both instances together"


def test_the_critical_path_follows_what_steps_waited_for_and_terraforms_graph() -> None:
    path = Timeline.read(deploy_events()).critical_path(Graph.parse(DOT))

    assert [span.name for span in path] == ["tools", "plan", REDIS, FUNCTION, "smoke"]


def test_the_critical_path_goes_through_what_has_no_time_of_its_own() -> None:
    graph = Graph({"a": frozenset(), "data.b": frozenset({"a"}), "c": frozenset({"data.b"})})
    steps = [step("terraform apply", 0.0, 10.0)]
    events = [*made("a", 0, 4), *made("c", 5, 9), event(10, type="times", total=10.0, steps=steps)]

    assert [span.name for span in Timeline.read(events).critical_path(graph)] == ["a", "c"]


def test_what_is_on_no_path_is_named_as_such() -> None:
    _, path = Timeline.read(deploy_events()).findings(Graph.parse(DOT))

    assert path.rows["everything between"] == {"for": "0.0 s"}
    assert path.rows[REDIS] == {"for": "15.0 s"}


def test_bars_show_what_ran_side_by_side() -> None:
    line, _ = Timeline.read(deploy_events()).findings(Graph.parse(DOT))

    bars = {name: row[""] for name, row in line.rows.items()}
    assert {len(bar) for bar in bars.values()} == {40}
    assert bars["smoke"].endswith("█") and not bars["plan"].endswith("█")
    assert bars["terraform apply"].index("█") == bars[DISTRIBUTION].index("█")
