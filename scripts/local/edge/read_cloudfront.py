"""Distributions as CloudFront's API shows them, turned into the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scripts.local.edge.model import (
    CacheBehavior,
    Distribution,
    ErrorPage,
    ForwardingPolicy,
    Origin,
    Selection,
)
from scripts.local.edge.response_headers import policy_of


def read_distributions(cloudfront: Any) -> Iterable[Distribution]:
    """Every distribution of the account with the policies its behaviors name; blocks."""
    policies = _Policies(cloudfront)
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
                behaviors=tuple(
                    behavior_of(
                        behavior,
                        policies.cache(behavior),
                        policies.origin_request(behavior),
                        policies.response_headers(behavior),
                    )
                    for behavior in ordered
                ),
                error_pages={
                    int(item["ErrorCode"]): ErrorPage(item["ResponsePagePath"], int(item["ResponseCode"]))
                    for item in _items(config.get("CustomErrorResponses"))
                    if item.get("ResponsePagePath") and item.get("ResponseCode")
                },
            )


_GET_POLICY = {
    "CachePolicy": "get_cache_policy",
    "OriginRequestPolicy": "get_origin_request_policy",
    "ResponseHeadersPolicy": "get_response_headers_policy",
}


class _Policies:
    """The policies that behaviors name, managed ones included; each is asked for once."""

    def __init__(self, cloudfront: Any) -> None:
        self._cloudfront = cloudfront
        self._known: dict[str, Mapping[str, Any]] = {}

    def cache(self, behavior: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return self._get(behavior.get("CachePolicyId"), "CachePolicy")

    def origin_request(self, behavior: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return self._get(behavior.get("OriginRequestPolicyId"), "OriginRequestPolicy")

    def response_headers(self, behavior: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return self._get(behavior.get("ResponseHeadersPolicyId"), "ResponseHeadersPolicy")

    def _get(self, identifier: str | None, kind: str) -> Mapping[str, Any] | None:
        if not identifier:
            return None
        if identifier not in self._known:
            answer = getattr(self._cloudfront, _GET_POLICY[kind])(Id=identifier)
            self._known[identifier] = answer[kind][f"{kind}Config"]
        return self._known[identifier]


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
    config: Mapping[str, Any],
    cache: Mapping[str, Any] | None = None,
    request: Mapping[str, Any] | None = None,
    response: Mapping[str, Any] | None = None,
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
        response_headers=policy_of(response) if response else None,
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


def _items(group: Mapping[str, Any] | Iterable[Any] | None) -> list[Any]:
    """The members of CloudFront's ``{"Quantity": n, "Items": [...]}``."""
    return list(group.get("Items") or ()) if isinstance(group, Mapping) else []
