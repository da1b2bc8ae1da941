"""Reads from the control plane what Terraform deployed, and keeps it until something changes.

Only AWS's public API is asked, so the edge knows exactly what the account knows.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from scripts.aws import Aws, error_code
from scripts.local.edge.api_gateway import api_id_of
from scripts.local.edge.lambda_integration import function_of
from scripts.local.edge.model import (
    CacheBehavior,
    ControlPlane,
    Distribution,
    ErrorPage,
    ForwardingPolicy,
    Integration,
    IntegrationResponse,
    Method,
    Origin,
    Resource,
    RestApi,
    Selection,
    Stage,
    Statement,
)
from scripts.local.extensions.api_gateway import SNAPSHOT


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
    distributions = tuple(_distributions(aws.client("cloudfront")))
    api_ids = {
        api_id_of(origin.domain_name)
        for distribution in distributions
        for origin in distribution.origins.values()
    }
    apigateway = aws.client("apigateway")
    apigateway.meta.events.register(
        "after-call.api-gateway.GetDeployment", _keep_snapshot, unique_id="edge-snapshot"
    )
    apis = {api_id: api for api_id in sorted(api_ids - {""}) if (api := _rest_api(apigateway, api_id))}
    return ControlPlane(
        account_id=str(aws.client("sts").get_caller_identity()["Account"]),
        region=aws.region,
        distributions=distributions,
        rest_apis=apis,
        function_policies=_function_policies(aws.client("lambda"), apis.values()),
    )


def _distributions(cloudfront: Any) -> Iterable[Distribution]:
    cache_policies: dict[str, Mapping[str, Any]] = {}
    request_policies: dict[str, Mapping[str, Any]] = {}

    def behavior(config: Mapping[str, Any]) -> CacheBehavior:
        cache_id, request_id = config.get("CachePolicyId"), config.get("OriginRequestPolicyId")
        if cache_id and cache_id not in cache_policies:
            answer = cloudfront.get_cache_policy(Id=cache_id)
            cache_policies[cache_id] = answer["CachePolicy"]["CachePolicyConfig"]
        if request_id and request_id not in request_policies:
            answer = cloudfront.get_origin_request_policy(Id=request_id)
            request_policies[request_id] = answer["OriginRequestPolicy"]["OriginRequestPolicyConfig"]
        return behavior_of(config, cache_policies.get(cache_id or ""), request_policies.get(request_id or ""))

    for page in cloudfront.get_paginator("list_distributions").paginate():
        for summary in page["DistributionList"].get("Items", ()):
            config = cloudfront.get_distribution_config(Id=summary["Id"])["DistributionConfig"]
            ordered = [*_items(config.get("CacheBehaviors")), config["DefaultCacheBehavior"]]
            yield Distribution(
                id=summary["Id"],
                domain_name=summary["DomainName"],
                aliases=tuple(_items(config.get("Aliases"))),
                enabled=bool(config["Enabled"]),
                origins={origin["Id"]: origin_of(origin) for origin in _items(config["Origins"])},
                behaviors=tuple(map(behavior, ordered)),
                error_pages={
                    int(item["ErrorCode"]): ErrorPage(item["ResponsePagePath"], int(item["ResponseCode"]))
                    for item in _items(config.get("CustomErrorResponses"))
                    if item.get("ResponsePagePath") and item.get("ResponseCode")
                },
            )


def origin_of(config: Mapping[str, Any]) -> Origin:
    """An origin from the API's ``Origin`` structure."""
    custom = config.get("CustomOriginConfig")
    return Origin(
        id=config["Id"],
        domain_name=config["DomainName"],
        origin_path=config.get("OriginPath", ""),
        is_s3=custom is None,
        custom_headers=tuple(
            (item["HeaderName"], item["HeaderValue"]) for item in _items(config.get("CustomHeaders"))
        ),
        read_timeout=float((custom or {}).get("OriginReadTimeout") or 30),
        connection_attempts=int(config.get("ConnectionAttempts") or 3),
    )


def behavior_of(
    config: Mapping[str, Any], cache: Mapping[str, Any] | None, request: Mapping[str, Any] | None
) -> CacheBehavior:
    """A behavior from the API's ``CacheBehavior`` structure and the policies it names."""
    parameters = (cache or {}).get("ParametersInCacheKeyAndForwardedToOrigin") or {}
    forwarding = [_policy(source) for source in (parameters, request) if source]
    if cache is None and (legacy := config.get("ForwardedValues")):
        forwarding.append(_legacy(legacy))
    return CacheBehavior(
        path_pattern=config.get("PathPattern", "*"),
        target_origin_id=config["TargetOriginId"],
        allowed_methods=frozenset(_items(config.get("AllowedMethods")) or ("GET", "HEAD")),
        forwarding=tuple(forwarding),
        accept_gzip=bool(parameters.get("EnableAcceptEncodingGzip")),
        accept_brotli=bool(parameters.get("EnableAcceptEncodingBrotli")),
        caches=cache is None or int(cache.get("MaxTTL") or 0) > 0,
        compress=bool(config.get("Compress")),
        edge_functions={
            item["EventType"]: item.get("FunctionARN") or item.get("LambdaFunctionARN", "")
            for key in ("FunctionAssociations", "LambdaFunctionAssociations")
            for item in _items(config.get(key))
        },
    )


def _policy(config: Mapping[str, Any]) -> ForwardingPolicy:
    headers = config.get("HeadersConfig") or {}
    names = frozenset(name.lower() for name in _items(headers.get("Headers")))
    behavior = headers.get("HeaderBehavior", "none")
    # "allExcept" adds CloudFront's own headers too, "allViewer" does not.
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
    cloudfront = {
        "allExcept": Selection("allExcept", names),
        "allViewerAndWhitelistCloudFront": Selection("whitelist", names),
        "whitelist": Selection("whitelist", names),
    }
    viewer = {
        "allExcept": Selection("allExcept", names),
        "allViewer": Selection("all"),
        "allViewerAndWhitelistCloudFront": Selection("all"),
        "whitelist": Selection("whitelist", names),
    }
    return ForwardingPolicy(
        headers=viewer.get(behavior, Selection()),
        cookies=_selection(config.get("CookiesConfig"), "CookieBehavior", "Cookies"),
        query_strings=_selection(config.get("QueryStringsConfig"), "QueryStringBehavior", "QueryStrings"),
        cloudfront_headers=cloudfront.get(behavior, Selection()),
    )


def _selection(config: Mapping[str, Any] | None, behavior: str, names: str) -> Selection:
    config = config or {}
    return Selection(config.get(behavior, "none"), frozenset(_items(config.get(names))))


# What a behavior without cache policy removes when it does not list the header.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html#request-custom-headers-behavior
_LEGACY_REMOVED = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "authorization",
        "host",
        "origin",
        "referer",
        "user-agent",
        "x-http-method-override",
        "x-real-ip",
    }
)


def _legacy(config: Mapping[str, Any]) -> ForwardingPolicy:
    names = frozenset(name.lower() for name in _items(config.get("Headers")))
    cookies = config.get("Cookies") or {}
    return ForwardingPolicy(
        headers=Selection("all") if "*" in names else Selection("allExcept", _LEGACY_REMOVED - names),
        cookies=Selection(cookies.get("Forward", "none"), frozenset(_items(cookies.get("WhitelistedNames")))),
        query_strings=Selection("all" if config.get("QueryString") else "none"),
        cloudfront_headers=Selection("whitelist", names),
    )


def _rest_api(apigateway: Any, api_id: str) -> RestApi | None:
    try:
        api = apigateway.get_rest_api(restApiId=api_id)
        stages = apigateway.get_stages(restApiId=api_id).get("item", ())
        return RestApi(
            id=api_id,
            stages={item["stageName"]: _stage(apigateway, api_id, item) for item in stages},
            binary_media_types=tuple(api.get("binaryMediaTypes", ())),
            execute_api_endpoint=not api.get("disableExecuteApiEndpoint", False),
        )
    except apigateway.exceptions.NotFoundException:
        # Deleted, or not created yet: CloudFront then cannot resolve its name.
        return None


def _stage(apigateway: Any, api_id: str, item: Mapping[str, Any]) -> Stage:
    deployment = apigateway.get_deployment(restApiId=api_id, deploymentId=item["deploymentId"])
    return Stage(
        name=item["stageName"],
        deployment_id=item["deploymentId"],
        resources=tuple(map(resource_of, deployment[SNAPSHOT])),
        variables=item.get("variables") or {},
    )


def _keep_snapshot(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    """Hand on the deployed resources, which the embedded API Gateway adds to GetDeployment.

    AWS itself shows a deployment's content only as an OpenAPI export, which drops what we need.
    """
    parsed[SNAPSHOT] = json.loads(http_response.content).get(SNAPSHOT, ())


def resource_of(item: Mapping[str, Any]) -> Resource:
    """A resource from the API's ``Resource`` structure with its methods embedded."""
    methods = item.get("resourceMethods") or {}
    return Resource(
        id=item["id"],
        path=item["path"],
        methods={
            name: Method(
                http_method=name,
                integration=_integration(method["methodIntegration"])
                if method.get("methodIntegration")
                else None,
                authorization_type=method.get("authorizationType") or "NONE",
                api_key_required=bool(method.get("apiKeyRequired")),
            )
            for name, method in methods.items()
        },
    )


def _integration(item: Mapping[str, Any]) -> Integration:
    return Integration(
        type=item["type"].upper(),
        uri=item.get("uri") or "",
        http_method=item.get("httpMethod") or "POST",
        response_transfer_mode=item.get("responseTransferMode") or "BUFFERED",
        timeout_ms=int(item.get("timeoutInMillis") or 29_000),
        credentials=item.get("credentials") or "",
        passthrough_behavior=item.get("passthroughBehavior") or "WHEN_NO_MATCH",
        request_templates=item.get("requestTemplates") or {},
        responses=tuple(
            IntegrationResponse(
                status=int(response.get("statusCode") or status),
                selection_pattern=response.get("selectionPattern") or "",
                parameters=response.get("responseParameters") or {},
                templates=response.get("responseTemplates") or {},
            )
            for status, response in (item.get("integrationResponses") or {}).items()
        ),
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


def _items(group: Mapping[str, Any] | Iterable[Any] | None) -> list[Any]:
    """The members of CloudFront's ``{"Quantity": n, "Items": [...]}``."""
    return list(group.get("Items") or ()) if isinstance(group, Mapping) else []
