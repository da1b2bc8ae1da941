"""What the account says is deployed: the limits that can end a stream, and what else a report names.

For explaining a measurement, never for making one: everything is optional, and what may not be read is
"not known" instead of a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

from scripts import daemons
from scripts.aws import Aws, Patience, error_code

_PATIENCE = Patience(connect=5, answer=20, attempts=3)
_MILLISECONDS = 1000


@dataclass(frozen=True)
class Deployed:
    """The deployment as AWS shows it. None, or empty: not known, or not set. Times in seconds.

    Attributes:
        release: Id of the release record, where the caller knows it.
        distribution_id: CloudFront's id.
        http_version: What viewers may speak (``http2and3``).
        price_class: Which edge locations serve.
        compress: Whether CloudFront compresses what comes from the API.
        origin_read_timeout: CloudFront's origin response timeout: until the first byte, and each gap.
        origin_completion_timeout: CloudFront's limit for a whole response; None is no limit.
        connection_attempts: How often CloudFront tries the API.
        api_id: API Gateway's id.
        api_deployment: The deployment that the stage serves.
        endpoint_type: ``REGIONAL``, ``EDGE`` or ``PRIVATE``: decides the idle timeout.
        transfer_mode: ``STREAM`` or ``BUFFERED``; both by name where methods differ.
        integration_timeout: ``timeoutInMillis`` of the integration, the shortest where methods differ.
        function_name: Lambda's name.
        function_timeout: Lambda's limit for a whole invocation.
        memory_mb: The function's memory.
        architecture: ``x86_64`` or ``arm64``.
        image: What the function runs, by digest.
        heartbeat: The handler's pause between two pings of a silent stream; 0 is switched off.
        unknown: What could not be read, with the reason.
    """

    release: str = ""
    distribution_id: str = ""
    http_version: str = ""
    price_class: str = ""
    compress: bool | None = None
    origin_read_timeout: float | None = None
    origin_completion_timeout: float | None = None
    connection_attempts: int | None = None
    api_id: str = ""
    api_deployment: str = ""
    endpoint_type: str = ""
    transfer_mode: str = ""
    integration_timeout: float | None = None
    function_name: str = ""
    function_timeout: float | None = None
    memory_mb: int | None = None
    architecture: str = ""
    image: str = ""
    heartbeat: float | None = None
    unknown: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The facts that are known, JSON-serialisable."""
        facts = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "unknown"}
        known = {name: value for name, value in facts.items() if value not in (None, "")}
        return known | ({"unknown": dict(self.unknown)} if self.unknown else {})


def read(aws: Aws, outputs: Mapping[str, Any]) -> Deployed:
    """Ask CloudFront, API Gateway and Lambda side by side; blocks.

    Args:
        aws: The account.
        outputs: Terraform's outputs, which name what to ask for.

    Returns:
        What is known. Never raises for an answer of AWS: a role that may only look at the site can run
        the checks, too.
    """
    patient = aws.with_patience(_PATIENCE)
    answers = {
        name: daemons.start(partial(_attempt, part, patient, outputs)) for name, part in _PARTS.items()
    }
    facts: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for name, answer in answers.items():
        found, problem = answer.result()
        facts |= found
        if problem:
            unknown[name] = problem
    return Deployed(**facts, unknown=unknown)


def _attempt(part: _Part, aws: Aws, outputs: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    from botocore.exceptions import BotoCoreError, ClientError

    if missing := [name for name in part.outputs if not outputs.get(name)]:
        return {}, f"Terraform has no output named {' or '.join(missing)}"
    try:
        return part.read(aws, outputs), ""
    except (BotoCoreError, ClientError) as error:
        return {}, error_code(error) or str(error)


def _distribution(aws: Aws, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_GetDistributionConfig.html"""
    id_, api_id = outputs["cloudfront_distribution_id"], outputs["api_id"]
    config = aws.client("cloudfront").get_distribution_config(Id=id_)["DistributionConfig"]
    known = {
        "distribution_id": id_,
        "http_version": config.get("HttpVersion", ""),
        "price_class": config.get("PriceClass", ""),
    }
    origins = config.get("Origins", {}).get("Items", ())
    origin = next((o for o in origins if o["DomainName"].startswith(f"{api_id}.execute-api.")), None)
    if origin is None:
        return known
    behaviors = [*(config.get("CacheBehaviors", {}).get("Items") or ()), config["DefaultCacheBehavior"]]
    custom = origin.get("CustomOriginConfig") or {}
    return known | {
        "compress": any(b.get("Compress") for b in behaviors if b["TargetOriginId"] == origin["Id"]),
        "origin_read_timeout": custom.get("OriginReadTimeout"),
        # 0 and no value both mean that it is not enforced.
        "origin_completion_timeout": origin.get("ResponseCompletionTimeout") or None,
        "connection_attempts": origin.get("ConnectionAttempts"),
    }


def _api(aws: Aws, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/apigateway/latest/api/API_Integration.html

    A deployment can only be read back as an OpenAPI export, so this is the API as it is configured: the
    stage may serve an older one.
    """
    id_, stage = outputs["api_id"], outputs["api_stage"]
    gateway = aws.client("apigateway")
    api = gateway.get_rest_api(restApiId=id_)
    pages = gateway.get_paginator("get_resources").paginate(restApiId=id_, embed=["methods"])
    integrations = [
        method["methodIntegration"]
        for page in pages
        for resource in page["items"]
        for method in (resource.get("resourceMethods") or {}).values()
        if method.get("methodIntegration", {}).get("type") == "AWS_PROXY"
    ]
    timeouts = [each["timeoutInMillis"] for each in integrations if each.get("timeoutInMillis")]
    modes = {each.get("responseTransferMode") or "BUFFERED" for each in integrations}
    return {
        "api_id": id_,
        "api_deployment": gateway.get_stage(restApiId=id_, stageName=stage).get("deploymentId", ""),
        "endpoint_type": "/".join(api.get("endpointConfiguration", {}).get("types", ())),
        "transfer_mode": "/".join(sorted(modes)),
        "integration_timeout": min(timeouts) / _MILLISECONDS if timeouts else None,
    }


def _function(aws: Aws, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html"""
    name = outputs["function_name"]
    answer = aws.client("lambda").get_function(FunctionName=name)
    config = answer["Configuration"]
    # Of the environment this one variable only: what else it holds is nobody's business here.
    pause = (config.get("Environment") or {}).get("Variables", {}).get("SSE_HEARTBEAT_MS", "")
    return {
        "function_name": name,
        "function_timeout": config.get("Timeout"),
        "memory_mb": config.get("MemorySize"),
        "architecture": "/".join(config.get("Architectures", ())),
        "image": answer.get("Code", {}).get("ResolvedImageUri", ""),
        "heartbeat": int(pause) / _MILLISECONDS if pause.isdecimal() else None,
    }


@dataclass(frozen=True)
class _Part:
    """One question: the outputs that it needs, and who asks it."""

    outputs: tuple[str, ...]
    read: Callable[[Aws, Mapping[str, Any]], dict[str, Any]]


_PARTS = {
    "distribution": _Part(("cloudfront_distribution_id", "api_id"), _distribution),
    "api": _Part(("api_id", "api_stage"), _api),
    "function": _Part(("function_name",), _function),
}
