"""Distributions name only what exists, and what they name cannot be deleted.

Restores, for CreateDistribution and UpdateDistribution
(https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateDistribution.html#API_CreateDistribution_Errors):

- the certificate is in us-east-1, issued, and covers every alias (``InvalidViewerCertificate``);
  an alias belongs to one distribution (``CNAMEAlreadyExists``);
- behaviors name an origin, policies and published functions that exist;

and the deletions ``OriginAccessControlInUse``, ``FunctionInUse`` and those of policies in use, as well as the
tags that go with a distribution.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from scripts.local.extensions import Context, Response, replace
from scripts.local.extensions.certificates import look_into_dns

_CERTIFICATE_REGION = "us-east-1"


def install(context: Context) -> None:
    """Wrap the calls that make, change and delete distributions and their parts."""
    from ministack.services import cloudfront

    def creating(original: Any) -> Any:
        def create(headers: dict[str, str], body: bytes) -> Response:
            config, _ = cloudfront._unwrap_distribution_create_xml(cloudfront._parse_body(body))
            refusal = _refusal(config, own_id="") if config is not None else None
            response: Response = refusal or original(headers, body)
            return response

        return create

    def updating(original: Any) -> Any:
        def update(distribution_id: str, headers: dict[str, str], body: bytes) -> Response:
            config = cloudfront._parse_body(body)
            refusal = _refusal(config, own_id=distribution_id) if config is not None else None
            response: Response = refusal or original(distribution_id, headers, body)
            return response

        return update

    def deleting(original: Any) -> Any:
        def delete(distribution_id: str, headers: dict[str, str]) -> Response:
            arn = (cloudfront._distributions.get(distribution_id) or {}).get("ARN", "")
            response: Response = original(distribution_id, headers)
            if response[0] < 400:
                cloudfront._tags.pop(arn, None)
            return response

        return delete

    replace(cloudfront, "_create_distribution", creating)
    replace(cloudfront, "_update_distribution", updating)
    replace(cloudfront, "_delete_distribution", deleting)
    replace(cloudfront, "_distributions_using_policy", lambda _: _naming)
    replace(cloudfront, "_delete_oac", _unless_used("OriginAccessControlInUse", lambda oac_id: oac_id))
    replace(cloudfront, "_cf_delete_function", _unless_used("FunctionInUse", _function_arn))


def _function_arn(name: str) -> str:
    from ministack.services import cloudfront

    return str((cloudfront._functions.get(name) or {}).get("arn", ""))


def _unless_used(code: str, reference: Any) -> Any:
    def wrapped(original: Any) -> Any:
        def delete(name: str, headers: dict[str, str]) -> Response:
            named = reference(name)
            if named and _naming(named):
                return _error(code, f"{name} is in use by one or more distributions.", 409)
            response: Response = original(name, headers)
            return response

        return delete

    return wrapped


def _naming(id: str) -> list[str]:
    """Ids of the distributions whose configuration names something."""
    from ministack.services import cloudfront

    distributions = cloudfront._distributions.items()
    return [found for found, record in distributions if f">{id}<" in record["config_xml"]]


def _refusal(config: Element, own_id: str) -> Response | None:
    from ministack.services import cloudfront

    aliases = _texts(config, "Aliases", "CNAME")
    for other_id, other in cloudfront._distributions.items():
        taken = set(cloudfront._get_distribution_aliases(other)) & set(aliases)
        if other_id != own_id and taken:
            return _error("CNAMEAlreadyExists", f"The CNAME {taken.pop()} is already in use.", 409)
    certificate = _text(config, "ViewerCertificate", "ACMCertificateArn")
    if problem := _certificate_problem(certificate, aliases):
        return _error("InvalidViewerCertificate", problem, 400)
    return _behavior_refusal(config)


def _certificate_problem(arn: str, aliases: list[str]) -> str:
    from ministack.services import acm

    if not arn:
        return "To add an alternate domain name (CNAME) a certificate is needed." if aliases else ""
    account = arn.split(":")[4] if arn.count(":") >= 5 else ""
    certificate = acm._certificates.get_scoped(account, _CERTIFICATE_REGION, arn)
    if certificate:
        look_into_dns(certificate)
    if not certificate or certificate["Status"] != "ISSUED":
        return (
            "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or "
            "doesn't include a valid certificate chain."
        )
    names = set(certificate["SubjectAlternativeNames"])
    # A wildcard stands for exactly one label.
    uncovered = [a for a in aliases if a not in names and f"*.{a.partition('.')[2]}" not in names]
    if uncovered:
        return (
            "The certificate that is attached to your distribution doesn't cover the alternate domain "
            f"name (CNAME) that you're trying to add: {uncovered[0]}"
        )
    return ""


def _behavior_refusal(config: Element) -> Response | None:
    from ministack.services import cloudfront

    def known(own: Mapping[str, Any], managed: Mapping[str, Any]) -> set[str]:
        return {*own, *managed}

    references = (
        ("TargetOriginId", {_text(o, "Id") for o in _all(config, "Origin")}, "NoSuchOrigin"),
        ("OriginAccessControlId", set(cloudfront._oacs), "InvalidOriginAccessControl"),
        (
            "CachePolicyId",
            known(cloudfront._cache_policies, cloudfront._MANAGED_CACHE_POLICIES),
            "NoSuchCachePolicy",
        ),
        (
            "OriginRequestPolicyId",
            known(cloudfront._origin_request_policies, cloudfront._MANAGED_ORIGIN_REQUEST_POLICIES),
            "NoSuchOriginRequestPolicy",
        ),
        (
            "ResponseHeadersPolicyId",
            known(cloudfront._response_headers_policies, cloudfront._MANAGED_RESPONSE_HEADERS_POLICIES),
            "NoSuchResponseHeadersPolicy",
        ),
        (
            "FunctionARN",
            {function["arn"] for function in cloudfront._functions.values() if function.get("live_etag")},
            "InvalidFunctionAssociation",
        ),
    )
    for element, existing, code in references:
        for found in _all(config, element):
            if found.text and found.text not in existing:
                return _error(code, f"The {element} {found.text} does not exist.", 400)
    return None


def _all(element: Element, name: str) -> Iterator[Element]:
    return (e for e in element.iter() if e.tag.rpartition("}")[2] == name)


def _texts(element: Element, parent: str, name: str) -> list[str]:
    return [e.text for block in _all(element, parent) for e in _all(block, name) if e.text]


def _text(element: Element, *path: str) -> str:
    from ministack.services import cloudfront

    for name in path[:-1]:
        found = cloudfront._find(element, name)
        if found is None:
            return ""
        element = found
    return str(cloudfront._text(element, path[-1]))


def _error(code: str, message: str, status: int) -> Response:
    from ministack.services import cloudfront

    response: Response = cloudfront._error(code, message, status)
    return response
