"""The rehearsal tells the truth: one wrong line of Terraform makes the deploy fail, for the right reason.

Every mutation is applied to a copy of the tree and deployed by ``inv deploy`` onto a stack of their own,
each straight after the one before: an apply both repairs the last fault and brings the next. Faults
of parts that know nothing of each other share a deploy; each must show in its own check. A mutation
without a smoke failure would mean that the embedded AWS forgives what AWS does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain

import pytest

from tests.e2e.stack import MUTATIONS_TABLE, Ended, Stack, deployed

pytestmark = pytest.mark.e2e

API, BACKEND, FRONTEND = (f"modules/{name}/main.tf" for name in ("api-gateway", "backend", "frontend"))

# The Redis connection of a warm environment outlives its rule, as tracked connections do in a VPC.
# A changed variable makes the next request start a new environment.
NEW_ENVIRONMENTS = (BACKEND, r'SSE_HEARTBEAT_MS = "15000"', 'SSE_HEARTBEAT_MS = "15001"')


def block(type: str, name: str) -> str:
    """Pattern of a whole resource block."""
    return rf'(?s)resource "{type}" "{name}" \{{.*?\n\}}'


@dataclass(frozen=True)
class Mutation:
    """A fault and how it must show.

    Attributes:
        name: What is wrong.
        edits: ``(file, pattern, replacement)``, each of which must match exactly once.
        status: Exit status of ``inv deploy``: 4 smoke, 1 apply or plan.
        check: Id of the smoke check that must fail; empty when the apply does.
        says: Pattern that the failure's text must match.
        settings: Environment variables of the deploy.
    """

    name: str
    edits: tuple[tuple[str, str, str], ...]
    status: int
    check: str
    says: str
    settings: tuple[tuple[str, str], ...] = ()


DEPLOYS: tuple[tuple[Mutation, ...], ...] = (
    (
        Mutation(
            # API Gateway refuses the 15 minutes that only a streaming integration may have.
            "responseTransferMode BUFFERED instead of STREAM",
            ((API, r'responseTransferMode = "STREAM"', 'responseTransferMode = "BUFFERED"'),),
            1, "", r"Timeout should be between 50 ms and 29000 ms",
        ),
    ),
    (
        Mutation(
            "responseTransferMode BUFFERED, and a timeout that it may have",
            ((API, r'responseTransferMode = "STREAM"', 'responseTransferMode = "BUFFERED"'),
             (API, r"timeoutInMillis += 900000", "timeoutInMillis = 29000")),
            4, "SC-003", r"responseTransferMode",
        ),
        Mutation(
            "SPA function detached",
            ((FRONTEND, r'function_association +=.*', ""),),
            4, "US1.2", r"SPA function|CloudFront Function",
        ),
    ),
    (
        Mutation(
            "plain invocations URI with STREAM",
            ((API, r"2021-11-15/functions/\$\{var.function_arn\}/response-streaming-invocations",
              "2015-03-31/functions/${var.function_arn}/invocations"),),
            1, "", r"response-streaming-invocations|[Ii]nvalid",
        ),
    ),
    (
        Mutation(
            "origin_path removed",
            ((FRONTEND, r'origin_path = "/\$\{var.api.stage_name\}"\n', ""),),
            4, "SC-003", r"origin_path",
        ),
        Mutation(
            "bucket policy removed",
            ((FRONTEND, r"attach_policy = true", "attach_policy = false"),),
            4, "US1.1", r"bucket policy",
        ),
    ),
    (
        Mutation(
            "no behaviour for /api/*",
            ((FRONTEND, r"for pattern in var\.api_path_patterns", 'for pattern in ["/oauth/*"]'),),
            4, "SC-003", r"the behavior for this path is missing",
        ),
    ),
    (
        Mutation(
            "every viewer header forwarded, Host included",
            ((FRONTEND, "b689b0a8-53d0-40ab-baf2-68738e2966ac", "216adef6-5c7f-47e4-b989-5492eafa07d3"),),
            4, "SC-003", r"Host",
        ),
    ),
    (
        Mutation(
            "CloudFront sends no origin key",
            ((FRONTEND, r"custom_header +=.*", ""),),
            4, "SC-003", r"x-origin-key",
        ),
    ),
    (
        Mutation(
            "the function knows no origin key",
            ((BACKEND, r"ORIGIN_KEY_HASHES +=.*", ""),),
            4, "US3.2", r"ORIGIN_KEY_HASHES",
        ),
    ),
    (
        Mutation(
            # Health takes both; what comes next is too much. The files are not throttled.
            "throttled to two requests",
            ((API, r"throttling_rate_limit +=.*", "throttling_rate_limit = 0.001"),
             (API, r"throttling_burst_limit +=.*", "throttling_burst_limit = 2")),
            4, "US3.3", r"429: throttled",
        ),
        Mutation(
            "response headers policy detached",
            ((FRONTEND, r'response_headers_policy_key += "client"', ""),),
            4, "US1.1", r"response headers policy",
        ),
        Mutation(
            "kept releases open to CloudFront",
            ((FRONTEND, r'Effect    = "Deny"', 'Effect    = "Allow"'),),
            4, "FR-014", r"below _releases/",
        ),
    ),
    (
        Mutation(
            "Lambda permission removed",
            ((API, block("aws_lambda_permission", "api"), ""),),
            4, "SC-003", r"permission",
        ),
    ),
    (
        Mutation(
            "Redis' ingress rule removed",
            ((BACKEND, r"\{ redis = \{.*", ""), NEW_ENVIRONMENTS),
            4, "SC-003", r"(?i)redis",
        ),
    ),
    (
        Mutation(
            "wrong SSM parameter ARN",
            ((BACKEND, r"LIBRECHAT_SSM_PARAMETERS = jsonencode\(var.ssm_parameters\)",
              r'LIBRECHAT_SSM_PARAMETERS = replace('
              r'jsonencode(var.ssm_parameters), "/JWT_SECRET\"", "/JWT_SECRETS\"")'),),
            4, "SC-003", r"JWT_SECRETS",
        ),
    ),
    (
        Mutation(
            "wrong key of librechat.yaml",
            ((BACKEND, r"CONFIG_S3_KEY += var\.config_key", 'CONFIG_S3_KEY = "${var.config_key}.bak"'),),
            4, "SC-003", r"librechat\.yaml\.bak",
        ),
    ),
    (
        Mutation(
            # Longer than a cold start takes on a busy machine, shorter than the stream.
            "function timeout of 10 s",
            ((BACKEND, r"timeout +=.*", "timeout = 10"),),
            4, "SC-004", r"timeout",
            settings=(("INVOKE_SMOKE_STREAM_INTERVAL_MS", "400"),),
        ),
        Mutation(
            "the API's response headers policy detached",
            ((FRONTEND, r'response_headers_policy_key += "api"', ""),),
            4, "US3.2", r"response headers policy",
        ),
        Mutation(
            "OPTIONS removed",
            ((API, r"options +=.*", ""),),
            4, "FR-042", r"MOCK|OPTIONS",
        ),
    ),
)  # fmt: skip
"""The mutations by the deploy that they share."""


@pytest.fixture(scope="module")
def mutated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that nobody else looks at, deployed as shipped; so the mutations may run beside the others."""
    with deployed(tmp_path_factory.mktemp("mutated")) as stack:
        yield stack


@pytest.fixture(scope="module")
def table() -> Iterator[list[tuple[str, str, str]]]:
    """Collects what each mutation showed; `conftest.py` prints it at the end of the session."""
    rows: list[tuple[str, str, str]] = []
    yield rows
    lines = ["| mutation | fails in | and says |", "|---|---|---|"]
    lines += [f"| {name} | {where} | {said[:500]} |" for name, where, said in rows]
    MUTATIONS_TABLE.parent.mkdir(exist_ok=True)
    MUTATIONS_TABLE.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def deploy(mutated: Stack) -> Callable[[tuple[Mutation, ...]], Ended]:
    """Deploys the shipped tree with some mutations; each set of them once."""

    @cache
    def deploying(mutations: tuple[Mutation, ...]) -> Ended:
        mutated.restore()
        for name, pattern, replacement in chain.from_iterable(each.edits for each in mutations):
            file = mutated.terraform / name
            text, count = re.subn(pattern, lambda _, new=replacement: new, file.read_text())
            assert count == 1, f"{pattern!r} matches {count} times in {name}"
            file.write_text(text)
        settings = dict(chain.from_iterable(each.settings for each in mutations))
        return mutated.inv("deploy", "--yes", "--json", **settings)

    return deploying


@pytest.mark.parametrize(
    ("together", "mutation"),
    [pytest.param(together, each, id=each.name) for together in DEPLOYS for each in together],
)
def test_a_wrong_line_fails_the_deploy_for_the_right_reason(
    deploy: Callable[[tuple[Mutation, ...]], Ended],
    together: tuple[Mutation, ...],
    mutation: Mutation,
    table: list[tuple[str, str, str]],
) -> None:
    ended = deploy(together)

    where, said = _failure(ended, mutation.check)
    table.append((mutation.name, where, said))
    assert ended.status == mutation.status, f"exit {ended.status}: {where}: {said}\n{ended.stdout[-3000:]}"
    assert re.search(mutation.says, said), f"{where} says: {said}"


def _failure(ended: Ended, check: str) -> tuple[str, str]:
    """Where the deploy failed and what it said there, as one line."""
    if ended.status == 0:
        return "nothing", ""
    if check:
        smoke = ended.last("smoke")
        failed = [c for c in smoke["checks"] if c["status"] == "failed"]
        wanted = [c for c in failed if check in c["id"]]
        assert wanted, f"{check} did not fail; {[(c['id'], c.get('reason')) for c in failed]}"
        # What only the operator may know is in the function's log, which a failed run shows.
        return f"smoke {check}", _one_line(" ".join([wanted[0]["reason"], *smoke["function_log"]]))
    error = ended.last("error")
    return error["what"], _one_line(f"{error['why']} {error['evidence']}")


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
