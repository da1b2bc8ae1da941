"""The app through CloudFront, API Gateway and Lambda: health, bodies, cookies, the client's address."""

from __future__ import annotations

import json

from scripts.smoke import diagnosis
from scripts.smoke.client import evidence
from scripts.smoke.model import Check, NotCheckedError, Result, Stage, failed, passed
from scripts.smoke.site import FORGED_ADDRESS, Site, echo_differences

_LOGIN = json.dumps({"email": "smoke@example.invalid", "password": "wrong-on-purpose"}).encode()
_JSON = {"Content-Type": "application/json"}
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
    Check(
        "SC-003",
        "/api/health answers OK",
        Stage.STATIC,
        health,
        by_function=True,
        also=("US2.1", "FR-028a"),
    ),
    Check("US2.2", "a POST reaches the app as sent", Stage.API, post_whole_path, by_function=True),
    Check("FR-008", "two Set-Cookie come back apart", Stage.API, cookies_apart, by_function=True),
    Check("US3.2", "the client address is not forgeable", Stage.API, client_address, by_function=True),
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
