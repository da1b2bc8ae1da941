"""Which requests go to the API, and what becomes of them before the function: routes, preflight, caches."""

from __future__ import annotations

import asyncio
import secrets

from scripts.smoke import diagnosis
from scripts.smoke.evidence import evidence
from scripts.smoke.model import Check, NotCheckedError, Result, Stage, failed, passed
from scripts.smoke.site import Site

_ALLOW_HEADERS = (
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
)


async def api_route(site: Site) -> Result:
    """An API path that no route knows still goes to the API, not to S3."""
    return await _reaches_api(site, f"/api/smoke-{secrets.token_hex(4)}")


async def login_route(site: Site) -> Result:
    """LibreChat's OpenID login lives outside ``/api`` and goes to the API, too."""
    return await _reaches_api(site, f"/oauth/smoke-{secrets.token_hex(4)}")


async def same_origin(site: Site) -> Result:
    """The API answers at the page's own origin, so that a browser asks for no permission first.

    A request of the same origin is never preflighted, unless it is sent on to another one:
    https://fetch.spec.whatwg.org/#http-fetch.
    """
    await site.need_api()
    answer = await site.configuration()
    limit = "JSON at the page's origin"
    if answer.status == 200 and answer.media_type == "application/json" and diagnosis.from_gateway(answer):
        return passed(f"{answer.kind}, {site.client.base_url}", limit)
    location = answer.header("location")
    reason = (
        f"/api/config is redirected to {location}: at another origin every request needs a preflight."
        if location
        else diagnosis.explain_api(answer)
    )
    return failed(answer.kind, limit, reason=reason, evidence=evidence(answer))


async def rest_api(site: Site) -> Result:
    """A REST API (v1) answers; an HTTP API (v2) cannot stream. Each has its own header for the request id.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-vs-rest.html
    """
    await site.need_api()
    answer = (await site.health()).answer
    assert answer is not None  # a healthy API has answered
    limit = "x-amz-apigw-id"
    if answer.header("x-amz-apigw-id"):
        return passed("REST API (x-amz-apigw-id)", limit)
    if answer.header("apigw-requestid"):
        return failed(
            "HTTP API (apigw-requestid)",
            limit,
            reason="An HTTP API (v2) answers, which buffers every response: the origin of the API's "
            "behaviors must be the REST API.",
            evidence=evidence(answer, body=False),
        )
    raise NotCheckedError("the answer has neither API Gateway's headers of v1 nor those of v2")


async def preflight(site: Site) -> Result:
    """OPTIONS is answered by API Gateway itself (MOCK) with the CORS headers."""
    # A header name that nobody could have configured: whoever lists it computed the answer from the
    # request, and a MOCK integration's answer is constant.
    marker = f"x-smoke-{secrets.token_hex(4)}"
    answer = await site.client.fetch(
        "/api/smoke",
        method="OPTIONS",
        headers={
            "Origin": "https://smoke.example.invalid",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": f"content-type,{marker}",
        },
    )
    missing = [name for name in _ALLOW_HEADERS if not answer.header(name)]
    limit = "CORS headers, no Lambda"
    measured = f"{answer.status}, {len(_ALLOW_HEADERS) - len(missing)} of {len(_ALLOW_HEADERS)} headers"
    proof = evidence(answer)
    if answer.status not in (200, 204):
        reason = f"{diagnosis.explain_api(answer)} OPTIONS needs a MOCK integration (FR-042)."
        return failed(measured, limit, reason=reason, evidence=proof)
    if answer.body.strip() not in (b"", b"{}") or marker in answer.header("access-control-allow-headers"):
        return failed(
            f"{measured}, by the app",
            limit,
            reason="The app answered the preflight, so it cost an invocation: the API has no OPTIONS "
            "method of its own and ANY took it. OPTIONS needs a MOCK integration (FR-042).",
            evidence=proof,
        )
    if missing:
        return failed(
            measured,
            limit,
            reason=f"{', '.join(missing)} missing: the integration response of OPTIONS lacks "
            "responseParameters, or the method response does not declare these headers.",
            evidence=proof,
        )
    return passed(measured, limit)


async def not_cached(site: Site) -> Result:
    """Two equal GETs reach the API twice."""
    await site.need_api()
    path = f"/api/config?smoke={secrets.token_hex(4)}"
    limit = "not a hit, another id"
    first, second = await site.client.fetch(path), await site.client.fetch(path)
    if worse := next((answer for answer in (first, second) if answer.status >= 500), None):
        return failed(str(worse.status), limit, reason=diagnosis.explain_api(worse), evidence=evidence(worse))
    cache, age = second.header("x-cache"), second.header("age")
    ids = [answer.header("x-amzn-requestid") or answer.header("x-amz-apigw-id") for answer in (first, second)]
    shown = cache or "no x-cache"
    if "hit" in cache.lower():
        problem = f"CloudFront answered from its cache ({cache})"
    elif age:
        problem = f"the answer is {age} s old"
    elif ids[0] and ids[0] == ids[1]:
        problem = "both answers carry the same request id"
    elif not cache and not ids[1]:
        raise NotCheckedError("the answers show neither x-cache nor a request id")
    else:
        return passed(f"{shown}{', new request id' if ids[1] else ''}", limit)
    return failed(
        f"{shown}, {problem}",
        limit,
        reason=f"The second of two equal GETs did not reach the API: {problem}. The cache policy of the "
        "API behavior must be CachingDisabled (FR-015).",
        evidence=evidence(second, body=False),
    )


CHECKS = (
    Check("FR-042", "OPTIONS is answered without Lambda", Stage.STATIC, preflight),
    Check("FR-009", "the API is a REST API", Stage.API, rest_api),
    Check(
        "FR-013", "unknown /api paths go to the API", Stage.API, api_route, by_function=True, also=("US3.2",)
    ),
    Check("FR-013", "/oauth paths go to the API", Stage.API, login_route, by_function=True),
    Check("US3.3", "page and API share an origin", Stage.API, same_origin, by_function=True),
    Check("FR-015", "API answers are not cached", Stage.API, not_cached, by_function=True),
)


async def _reaches_api(site: Site, path: str) -> Result:
    # LibreChat answers unknown paths with its own index.html and 200, so the status tells nothing.
    await site.need_api()
    answer, index = await asyncio.gather(site.client.fetch(path), site.index())
    limit = "answered by the API"
    if diagnosis.from_gateway(answer) and answer.status < 500:
        return passed(answer.kind, limit)
    from_storage = diagnosis.from_storage(answer) or answer.body == index.body
    if from_storage or answer.status >= 400:
        pattern = "/" + path.split("/")[1] + "/*"
        reason = (
            diagnosis.explain_api(answer)
            if answer.status >= 500 or not from_storage
            else f"S3 answered, not the API: the distribution has no behavior for {pattern}, or it "
            "stands after the default one, or custom_error_response turned the API's error into "
            "index.html."
        )
        return failed(answer.kind, limit, reason=reason, evidence=evidence(answer))
    raise NotCheckedError(
        f"the answer ({answer.kind}) has no header of API Gateway: nothing tells who gave it"
    )
