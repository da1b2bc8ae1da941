"""The API through CloudFront, API Gateway and Lambda: health, routing, preflight, bodies, cookies."""

from __future__ import annotations

import asyncio
import json
import secrets

from scripts.smoke import diagnosis
from scripts.smoke.client import Response, evidence
from scripts.smoke.model import Check, NotCheckedError, Result, Stage, failed, passed
from scripts.smoke.site import FORGED_ADDRESS, Site, echo_differences

_LOGIN = json.dumps({"email": "smoke@example.invalid", "password": "wrong-on-purpose"}).encode()
_JSON = {"Content-Type": "application/json"}
_ALLOW_HEADERS = (
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
)
# 429: LibreChat's own login limiter (7 in 5 minutes), which is behind the whole path as well.
_REFUSED = (400, 401, 403, 404, 422, 429)


async def health(site: Site) -> Result:
    """``/api/health`` is ``OK``, within the budget of a cold start."""
    found = await site.health()
    limit = f"200, OK within {site.settings.cold_start:g} s"
    details = {
        "attempts": found.attempts,
        "seconds": round(found.seconds, 3),
        "warm_seconds": round(found.warm_seconds, 3),
    }
    if found.ok:
        tries = f" ({found.attempts} tries)" if found.attempts > 1 else ""
        return passed(
            f"OK after {found.seconds:.2f} s{tries}, warm {found.warm_seconds * 1000:.0f} ms",
            limit,
            details=details,
        )
    if found.answer is None:
        return failed(
            f"no answer in {found.seconds:.1f} s",
            limit,
            reason=f"The last try: {found.problem}. The function did not come up in time, or nothing "
            "leads to it.",
            details=details,
        )
    tries = f"{found.attempts} answers in {found.seconds:.1f} s, " if found.attempts > 1 else ""
    return failed(
        f"{tries}{found.answer.status}, {found.answer.text[:40].strip()!r}",
        limit,
        reason=diagnosis.explain_api(found.answer),
        evidence=evidence(found.answer),
        details=details,
    )


async def api_route(site: Site) -> Result:
    """An API path that no route knows still goes to the API, not to S3."""
    return await _reaches_api(site, f"/api/smoke-{secrets.token_hex(4)}")


async def login_route(site: Site) -> Result:
    """LibreChat's OpenID login lives outside ``/api`` and goes to the API, too."""
    return await _reaches_api(site, f"/oauth/smoke-{secrets.token_hex(4)}")


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
    first, second = await site.client.fetch(path), await site.client.fetch(path)
    return _compare_cached(first, second)


async def post_whole_path(site: Site) -> Result:
    """A POST with a body, cookies and a query arrives at the app byte for byte."""
    await site.need_api()
    answer = await site.echo()
    if await site.is_stand_in():
        differences = echo_differences(answer.json())
        limit = "as sent"
        if not differences:
            return passed("body, 2 cookies and query as sent", limit)
        return failed(
            f"{len(differences)} parts changed",
            limit,
            reason="The request did not arrive as it was sent. "
            + "; ".join(differences)
            + ". Cookies and queries "
            "are passed on by the origin request policy, encodings and bodies by the handler.",
            evidence=evidence(answer),
        )
    return await _login_refused(site)


async def cookies_apart(site: Site) -> Result:
    """Two cookies set in one answer come back as two header lines."""
    await site.need_api()
    if not await site.is_stand_in():
        raise NotCheckedError("needs a login; only the stand-in sets cookies without one")
    answer = await site.client.fetch("/api/auth/login", method="POST", content=_LOGIN, headers=_JSON)
    lines = answer.all("set-cookie")
    limit = "2 lines"
    measured = f"{len(lines)} line{'' if len(lines) == 1 else 's'}"
    if len(lines) >= 2:
        return passed(measured, limit)
    if not lines:
        reason = (
            f"No cookie came back with status {answer.status}: the app refused, or something drops "
            "Set-Cookie."
        )
    elif "token_provider=" in lines[0] and "refreshToken=" in lines[0]:
        reason = (
            "Both cookies came folded into one line, which browsers read as one cookie: the handler "
            "must put them in multiValueHeaders or cookies of the prelude, not in headers."
        )
    else:
        reason = (
            "Only one of two cookies came back: the handler put Set-Cookie in headers of the prelude, "
            "where the last one wins, instead of multiValueHeaders or cookies."
        )
    return failed(measured, limit, reason=reason, evidence=evidence(answer, body=False))


async def client_address(site: Site) -> Result:
    """The app sees the viewer's address, which the viewer cannot choose."""
    await site.need_api()
    if not await site.is_stand_in():
        raise NotCheckedError("only the stand-in shows the address it sees")
    seen = str((await site.echo()).json().get("ip", ""))
    limit = f"not {FORGED_ADDRESS}"
    if not seen:
        return failed(
            "none", limit, reason="The app saw no client address: X-Forwarded-For did not reach it."
        )
    # ::ffff:a.b.c.d is how a dual-stack socket shows an IPv4 address.
    if seen.removeprefix("::ffff:") != FORGED_ADDRESS:
        return passed(f"{seen}", limit)
    return failed(
        seen,
        limit,
        reason="The app took the address from a header that the viewer sent: whoever forges it walks "
        "around the login limiter. The handler must rewrite X-Forwarded-For to the viewer's address "
        "alone.",
        evidence=evidence(await site.echo()),
    )


CHECKS = (
    Check("SC-003", "/api/health answers OK", Stage.STATIC, health, by_function=True),
    Check("FR-042", "OPTIONS is answered without Lambda", Stage.STATIC, preflight),
    Check("FR-013", "unknown /api paths go to the API", Stage.API, api_route, by_function=True),
    Check("FR-013", "/oauth paths go to the API", Stage.API, login_route, by_function=True),
    Check("FR-015", "API answers are not cached", Stage.API, not_cached, by_function=True),
    Check("US2.2", "a POST reaches the app as sent", Stage.API, post_whole_path, by_function=True),
    Check("FR-008", "two Set-Cookie come back apart", Stage.API, cookies_apart, by_function=True),
    Check("US3.2", "the client address is not forgeable", Stage.API, client_address, by_function=True),
)


async def _reaches_api(site: Site, path: str) -> Result:
    # LibreChat answers unknown paths with its own index.html and 200, so the status tells nothing.
    await site.need_api()
    answer, index = await asyncio.gather(site.client.fetch(path), site.index())
    limit = "answered by the API"
    measured = f"{answer.status}, {answer.media_type or 'no content type'}"
    if diagnosis.from_gateway(answer) and answer.status < 500:
        return passed(measured, limit)
    if diagnosis.from_storage(answer) or answer.body == index.body or answer.status >= 400:
        pattern = "/" + path.split("/")[1] + "/*"
        reason = (
            diagnosis.explain_api(answer)
            if answer.status >= 500
            else f"S3 answered, not the API: the distribution has no behavior for {pattern}, or it "
            "stands after the default one, or custom_error_response turned the API's error into "
            "index.html."
        )
        return failed(measured, limit, reason=reason, evidence=evidence(answer))
    return passed(measured, limit)


def _compare_cached(first: Response, second: Response) -> Result:
    limit = "not a hit, another id"
    cache = second.header("x-cache")
    ids = [answer.header("x-amzn-requestid") or answer.header("x-amz-apigw-id") for answer in (first, second)]
    shown = cache or "no x-cache"
    problem = ""
    if first.status >= 500 or second.status >= 500:
        worse = first if first.status >= 500 else second
        return failed(str(worse.status), limit, reason=diagnosis.explain_api(worse), evidence=evidence(worse))
    if "hit" in cache.lower():
        problem = f"CloudFront answered from its cache ({cache})"
    elif second.header("age"):
        problem = f"the answer is {second.header('age')} s old"
    elif ids[0] and ids[0] == ids[1]:
        problem = "both answers carry the same request id"
    elif not cache and not ids[1]:
        raise NotCheckedError("the answers show neither x-cache nor a request id")
    if not problem:
        return passed(f"{shown}{', new request id' if ids[1] else ''}", limit)
    return failed(
        f"{shown}, {problem}",
        limit,
        reason=f"The second of two equal GETs did not reach the API: {problem}. The cache policy of the "
        "API behavior must be CachingDisabled (FR-015).",
        evidence=evidence(second, body=False),
    )


async def _login_refused(site: Site) -> Result:
    """On LibreChat: a login with wrong credentials is refused by the app, in JSON."""
    answer = await site.client.fetch(
        "/api/auth/login",
        method="POST",
        content=_LOGIN,
        headers={**_JSON, "Cookie": "smoke_a=1; smoke_b=two"},
    )
    limit = "refused by the app, JSON"
    measured = f"{answer.status}, {answer.media_type or 'no content type'}"
    from_app = answer.media_type == "application/json" and not answer.header("x-amzn-errortype")
    if answer.status in _REFUSED and from_app:
        return passed(measured, limit)
    return failed(
        measured, limit, reason=diagnosis.explain_api(answer), evidence=evidence(answer, body=False)
    )
