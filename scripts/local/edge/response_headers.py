"""Response headers policies: what CloudFront sets on and takes from an origin's response.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html
For behaviors of the API; the emulator applies them to S3 behaviors itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from scripts.local.edge.messages import Headers, Request, Response, without
from scripts.local.edge.model import CorsPolicy, HeaderRule, ResponseHeadersPolicy
from scripts.local.edge.wildcard import matches


def apply_policy(response: Response, request: Request, policy: ResponseHeadersPolicy | None) -> Response:
    """The response as the behavior's policy wants it."""
    if policy is None:
        return response
    rules = (*policy.rules, *_cors_rules(request, policy.cors))
    headers = response.headers
    for rule in rules:
        headers = _with(headers, rule)
    return replace(response, headers=without(headers, policy.removed))


def policy_of(config: Mapping[str, Any]) -> ResponseHeadersPolicy:
    """A policy from the API's ``ResponseHeadersPolicyConfig`` structure."""
    custom = [
        HeaderRule(item["Header"], item["Value"], bool(item["Override"]))
        for item in _items(config.get("CustomHeadersConfig"))
    ]
    removed = frozenset(item["Header"].lower() for item in _items(config.get("RemoveHeadersConfig")))
    security = _security_rules(config.get("SecurityHeadersConfig") or {})
    return ResponseHeadersPolicy((*security, *custom), removed, _cors(config.get("CorsConfig")))


def _with(headers: Headers, rule: HeaderRule) -> Headers:
    present = any(name.lower() == rule.name.lower() for name, _ in headers)
    if present and not rule.override:
        return headers
    return (*without(headers, {rule.name.lower()}), (rule.name, rule.value))


def _cors_rules(request: Request, cors: CorsPolicy | None) -> list[HeaderRule]:
    origin = request.header("Origin")
    if cors is None or not origin or not any(matches(allowed, origin) for allowed in cors.origins):
        return []
    values = {"Access-Control-Allow-Origin": "*" if "*" in cors.origins else origin, **cors.headers}
    if request.method == "OPTIONS":
        values |= cors.preflight_headers
    return [HeaderRule(name, value, cors.override) for name, value in values.items() if value]


def _cors(config: Mapping[str, Any] | None) -> CorsPolicy | None:
    if not config:
        return None
    return CorsPolicy(
        origins=tuple(_items(config.get("AccessControlAllowOrigins"))),
        override=bool(config.get("OriginOverride")),
        headers={
            "Access-Control-Allow-Credentials": "true" if config.get("AccessControlAllowCredentials") else "",
            "Access-Control-Expose-Headers": ", ".join(_items(config.get("AccessControlExposeHeaders"))),
        },
        preflight_headers={
            "Access-Control-Allow-Headers": ", ".join(_items(config.get("AccessControlAllowHeaders"))),
            "Access-Control-Allow-Methods": ", ".join(_items(config.get("AccessControlAllowMethods"))),
            "Access-Control-Max-Age": str(config.get("AccessControlMaxAgeSec") or ""),
        },
    )


def _security_rules(config: Mapping[str, Any]) -> list[HeaderRule]:
    values: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
        "ContentTypeOptions": ("X-Content-Type-Options", lambda _: "nosniff"),
        "FrameOptions": ("X-Frame-Options", lambda item: str(item["FrameOption"])),
        "ReferrerPolicy": ("Referrer-Policy", lambda item: str(item["ReferrerPolicy"])),
        "ContentSecurityPolicy": ("Content-Security-Policy", lambda item: str(item["ContentSecurityPolicy"])),
        "XSSProtection": ("X-XSS-Protection", _xss_protection),
        "StrictTransportSecurity": ("Strict-Transport-Security", _transport_security),
    }
    return [
        HeaderRule(name, value(config[key]), bool(config[key]["Override"]))
        for key, (name, value) in values.items()
        if config.get(key)
    ]


def _xss_protection(item: Mapping[str, Any]) -> str:
    parts = ["1" if item["Protection"] else "0"]
    if item.get("ModeBlock"):
        parts.append("mode=block")
    if item.get("ReportUri"):
        parts.append(f"report={item['ReportUri']}")
    return "; ".join(parts)


def _transport_security(item: Mapping[str, Any]) -> str:
    parts = [f"max-age={item['AccessControlMaxAgeSec']}"]
    if item.get("IncludeSubdomains"):
        parts.append("includeSubDomains")
    if item.get("Preload"):
        parts.append("preload")
    return "; ".join(parts)


def _items(group: Mapping[str, Any] | None) -> list[Any]:
    return list((group or {}).get("Items") or ())
