"""The app through CloudFront, API Gateway and Lambda: health, bodies, cookies, the client's address."""

from __future__ import annotations

import json

from scripts.smoke import diagnosis
from scripts.smoke.client import Response
from scripts.smoke.echo import FORGED_ADDRESS, differences
from scripts.smoke.evidence import evidence
from scripts.smoke.model import Check, Need, NotCheckedError, Result, Stage, failed, passed
from scripts.smoke.site import Site

# A login of anybody's: the stand-in lets all in.
_LOGIN = json.dumps({"email": "smoke@example.invalid", "password": "wrong-on-purpose"}).encode()
_JSON = {"Content-Type": "application/json"}
# The two routes of LibreChat v0.8.2-rc1 that answer a stranger's POST and count nothing: a login would be
# counted by loginLimiter (7 in 5 minutes, then a violation), which comes before everything else
# (api/server/routes/auth.js). One reads the body, the other a cookie; both tokens are nobody's.
_SECOND_FACTOR = json.dumps({"tempToken": "smoke", "token": "000000"}).encode()
_REFRESH_COOKIE = "smoke_a=1; refreshToken=smoke"


async def health(site: Site) -> Result:
    """``/api/health`` is ``OK``, within the budget of a cold start."""
    found = await site.health()
    limit = f"200, OK within {site.settings.cold_start:g} s"
    details = {"attempts": found.attempts, "seconds": round(found.seconds, 3)}
    warm = "no answer when warm"
    if found.warm_seconds is not None:
        details["warm_seconds"] = round(found.warm_seconds, 3)
        warm = f"warm {found.warm_seconds * 1000:.0f} ms"
    if found.ok:
        tries = f" ({found.attempts} tries)" if found.attempts > 1 else ""
        return passed(f"OK after {found.seconds:.2f} s{tries}, {warm}", limit, details=details)
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


async def post_whole_path(site: Site) -> Result:
    """A POST with a body, cookies and a query arrives at the app byte for byte."""
    await site.need_api()
    answer = await site.echo()
    if await site.is_stand_in():
        changed = differences(answer.fields)
        limit = "as sent"
        if not changed:
            return passed("body, 2 cookies and query as sent", limit)
        return failed(
            f"{len(changed)} parts changed",
            limit,
            reason=f"The request did not arrive as it was sent. {'; '.join(changed)}. Cookies and queries "
            "are passed on by the origin request policy, encodings and bodies by the handler.",
            evidence=evidence(answer),
        )
    return await _nobody_refused(site)


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
    answer = await site.echo()
    seen = str(answer.fields.get("ip", ""))
    limit = f"not {FORGED_ADDRESS}"
    if not seen:
        return failed(
            "none", limit, reason="The app saw no client address: X-Forwarded-For did not reach it."
        )
    # ::ffff:a.b.c.d is how a dual-stack socket shows an IPv4 address.
    if seen.removeprefix("::ffff:") != FORGED_ADDRESS:
        return passed(seen, limit)
    return failed(
        seen,
        limit,
        reason="The app took the address from a header that the viewer sent: whoever forges it walks "
        "around the login limiter. The handler must rewrite X-Forwarded-For to the viewer's address "
        "alone.",
        evidence=evidence(answer),
    )


CHECKS = (
    Check(
        "SC-003",
        "/api/health answers OK",
        Stage.STATIC,
        health,
        by_function=True,
        also=("US2.1", "FR-028a"),
        shows=Need.API,
    ),
    Check(
        "US2.2",
        "a POST reaches the app as sent",
        Stage.API,
        post_whole_path,
        by_function=True,
        shows=Need.ECHO,
    ),
    Check("FR-008", "two Set-Cookie come back apart", Stage.API, cookies_apart, by_function=True),
    Check("US3.2", "the client address is not forgeable", Stage.API, client_address, by_function=True),
)


async def _nobody_refused(site: Site) -> Result:
    """On LibreChat: it refuses a token in a body and one in a cookie, because it has read them."""
    limit = "body and cookie read by the app"
    body = await site.client.fetch(
        "/api/auth/2fa/verify-temp", method="POST", content=_SECOND_FACTOR, headers=_JSON
    )
    words = str(body.fields.get("message", ""))
    if body.status == 429 or "temporarily banned" in words:
        raise NotCheckedError(
            f"LibreChat takes no more from this address for a while: {body.status}, {words or body.text[:80]}"
        )
    # Without the body it would be 400, "Missing temporary token".
    if body.status != 401 or "temporary token" not in words.lower():
        return _not_as_sent(body, "body", limit)
    cookie = await site.client.fetch(
        "/api/auth/refresh", method="POST", content=b"{}", headers={**_JSON, "Cookie": _REFRESH_COOKIE}
    )
    # Without the cookie it would be 200, "Refresh token not provided".
    if cookie.status not in (401, 403) or "refresh token" not in cookie.text.lower():
        return _not_as_sent(cookie, "cookie", limit)
    return passed(f"{body.status} for the body, {cookie.status} for the cookie", limit)


def _not_as_sent(answer: Response, what: str, limit: str) -> Result:
    return failed(
        f"{answer.kind} for the {what}",
        limit,
        reason=f"The app did not say that it had read the {what}. {diagnosis.explain_api(answer)}",
        evidence=evidence(answer),
    )
