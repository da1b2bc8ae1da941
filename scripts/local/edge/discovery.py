"""Reads from the control plane what Terraform deployed, and keeps it until something changes.

Only the AWS API is asked, so the edge knows exactly what the account knows.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any, Protocol

from scripts.aws import Aws, error_code
from scripts.local.edge.api_gateway import api_id_of
from scripts.local.edge.lambda_integration import function_of
from scripts.local.edge.model import ControlPlane, RestApi, Statement
from scripts.local.edge.read_api_gateway import read_rest_api
from scripts.local.edge.read_cloudfront import read_distributions


class Changes(Protocol):
    """Says when what was read is out of date (`scripts.local.generation.Generation`)."""

    def current(self) -> int:
        """A number that differs after every change of the control plane."""


class Discovery:
    """The current state of the account. One reader at a time; everybody else waits for its result."""

    def __init__(self, aws: Aws, changes: Changes) -> None:
        self._aws = aws
        self._changes = changes
        self._lock = asyncio.Lock()
        self._known: tuple[int, ControlPlane] | None = None

    async def current(self) -> ControlPlane:
        """What is deployed now. Costs one ``stat`` while nothing changes.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: when the control plane cannot be read.
        """
        if self._known and self._known[0] == self._changes.current():
            return self._known[1]
        async with self._lock:
            # Taken before reading: a change meanwhile makes the next request read again.
            generation = self._changes.current()
            if self._known is None or self._known[0] != generation:
                self._known = generation, await asyncio.to_thread(read_control_plane, self._aws)
            return self._known[1]


def read_control_plane(aws: Aws) -> ControlPlane:
    """Read everything the edge serves; blocks."""
    distributions = tuple(read_distributions(aws.client("cloudfront")))
    api_ids = {
        api_id_of(origin.domain_name)
        for distribution in distributions
        for origin in distribution.origins.values()
    }
    apigateway = aws.client("apigateway")
    apis = {api_id: api for api_id in sorted(api_ids - {""}) if (api := read_rest_api(apigateway, api_id))}
    return ControlPlane(
        account_id=str(aws.client("sts").get_caller_identity()["Account"]),
        region=aws.region,
        distributions=distributions,
        rest_apis=apis,
        function_policies=_function_policies(aws.client("lambda"), apis.values()),
    )


def _function_policies(lambda_: Any, apis: Iterable[RestApi]) -> dict[str, tuple[Statement, ...]]:
    functions = {
        function_of(method.integration, stage.variables)
        for api in apis
        for stage in api.stages.values()
        for resource in stage.resources
        for method in resource.methods.values()
        if method.integration
    }
    return {function: _policy_statements(lambda_, function) for function in sorted(functions - {""})}


def _policy_statements(lambda_: Any, function: str) -> tuple[Statement, ...]:
    # arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]
    name, _, qualifier = function.split(":", 6)[-1].partition(":")
    try:
        answer = lambda_.get_policy(FunctionName=name, **({"Qualifier": qualifier} if qualifier else {}))
    except lambda_.exceptions.ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return ()
        raise
    return tuple(
        Statement(
            effect=item["Effect"],
            principal=item.get("Principal"),
            action=item.get("Action", ()),
            resource=item.get("Resource", ()),
            condition=item.get("Condition") or {},
        )
        for item in json.loads(answer["Policy"])["Statement"]
    )
