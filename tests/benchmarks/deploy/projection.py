"""What a first deploy would take on AWS: the root's own graph with AWS's usual times.

Against the chained graph that the same resources make when API Gateway's integration is built from the
function's ``invoke_arn`` and Terraform waits for the distribution: API Gateway after Lambda after Redis,
CloudFront after API Gateway, DNS after CloudFront. A computation, not a measurement: nothing here has
seen an account.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.deploy.graph import Graph, Way, longest
from tests.benchmarks.figures import Findings

DEPLOYED = "CloudFront's edge locations"
"""Not a resource: the time after which the distribution's status is ``Deployed``."""


@dataclass(frozen=True)
class Usual:
    """How long AWS usually takes to make something.

    Attributes:
        ending: Of the resource's address; its type is enough.
        low: Seconds, as a rule at least.
        high: Seconds, as a rule at most.
        says: What AWS itself says of it, or where the number comes from.
        source: Where.
    """

    ending: str
    low: float
    high: float
    says: str
    source: str = ""


_DOCS = "https://docs.aws.amazon.com"
USUAL = (
    Usual(
        "aws_elasticache_replication_group.this",
        300,
        600,
        '"creating" until "available", without a number; 5 to 10 minutes by experience',
        f"{_DOCS}/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html",
    ),
    Usual(
        DEPLOYED,
        180,
        300,
        '"InProgress" until propagated; as a rule within 5 minutes (from memory: the page was not at hand)',
        "https://aws.amazon.com/blogs/networking-and-content-delivery/"
        "slashing-cloudfront-change-propagation-times-in-2020-recent-changes-and-looking-forward/",
    ),
    Usual(
        "aws_lambda_function.this",
        60,
        120,
        '"several minutes" for a network interface, pending meanwhile; 90 s in the announcement',
        f"{_DOCS}/lambda/latest/dg/configuration-vpc.html",
    ),
    Usual(
        "aws_route53_record.alias",
        30,
        60,
        '"generally within 60 seconds"',
        f"{_DOCS}/Route53/latest/DeveloperGuide/routing-to-cloudfront-distribution.html",
    ),
    Usual("terraform_data.image", 60, 180, "assumed: about 1 GB of layers on their way, once"),
    Usual("terraform_data.client", 10, 30, "assumed: 19 MB in 209 files"),
)
OTHERS = 2.0
"""Seconds of everything else: one or a few requests each."""


@dataclass(frozen=True)
class Projection:
    """One graph with AWS's times."""

    low: Way
    high: Way


def project(graph: Graph) -> Projection:
    """The longest way with all short and with all long times."""
    return Projection(
        longest(graph, _takes(lambda usual: usual.low)), longest(graph, _takes(lambda usual: usual.high))
    )


def as_shipped(graph: Graph) -> Graph:
    """Terraform ends without waiting for the edge locations; the smoke checks wait for them."""
    return graph.waiting(DEPLOYED, graph.named("aws_cloudfront_distribution.this"))


def chained(graph: Graph) -> Graph:
    """The same resources: the API's URI comes from the function, and the distribution is waited for."""
    distribution = graph.named("aws_cloudfront_distribution.this")
    after_lambda = graph.waiting(
        graph.named("aws_api_gateway_rest_api.this"), graph.named("aws_lambda_function.this")
    )
    return after_lambda.behind(distribution, DEPLOYED)


def findings(graph: Graph) -> tuple[Findings, Findings]:
    """Both graphs beside each other, and the times with their sources."""
    ours, others = project(as_shipped(graph)), project(chained(graph))
    columns = ("short times", "long times", "longest way, with long times")
    rows = {
        "as shipped": _row(ours),
        "chained": _row(others),
        "ratio": {
            columns[0]: f"× {ours.low.seconds / others.low.seconds:.2f}",
            columns[1]: f"× {ours.high.seconds / others.high.seconds:.2f}",
        },
    }
    times = {
        usual.ending: {"minutes": _minutes(usual), "what is said": usual.says, "source": usual.source or "–"}
        for usual in USUAL
    }
    times["certificate (ACM)"] = {"minutes": "0", "what is said": "not made: the root is given its ARN"}
    others_say = "assumed: seconds, for API Gateway, S3, IAM, ECR, security groups"
    times["everything else, each"] = {"minutes": f"{OTHERS / 60:.2f}", "what is said": others_say}
    return (
        Findings("Projection: a first apply on AWS until the site answers", columns, rows),
        Findings("AWS's usual times", ("minutes", "what is said", "source"), times),
    )


def _takes(side: Callable[[Usual], float]) -> Callable[[str], float]:
    def seconds(node: str) -> float:
        if ".data." in f".{node}":
            return 0.0  # read, not made
        return next((side(usual) for usual in USUAL if node.endswith(usual.ending)), OTHERS)

    return seconds


def _row(projection: Projection) -> dict[str, str]:
    way = " → ".join(
        f"{_short(node)} {seconds / 60:.1f}"
        for node in projection.high.nodes
        if (seconds := _takes(lambda usual: usual.high)(node)) > OTHERS
    )
    return {
        "short times": f"{projection.low.seconds / 60:.1f} min",
        "long times": f"{projection.high.seconds / 60:.1f} min",
        "longest way, with long times": way,
    }


def _short(node: str) -> str:
    """The type of a resource, or the name of what is none."""
    parts = node.split(".")
    return node if len(parts) < 2 else ".".join(parts[-2:]) if parts[-2] == "terraform_data" else parts[-2]


def _minutes(usual: Usual) -> str:
    return f"{usual.low / 60:.1f}–{usual.high / 60:.1f}"
