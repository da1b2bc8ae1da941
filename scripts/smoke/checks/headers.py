"""The security headers that response headers policies set: on the client's files, and on the API's answers.

On the page and on a script: a policy that is attached to another behavior, or to none, shows on both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scripts.smoke.client import Response
from scripts.smoke.evidence import evidence
from scripts.smoke.model import Check, Result, Stage, failed, passed
from scripts.smoke.site import Site

HSTS_SECONDS = 31_536_000
"""One year, the least that browsers' preload lists take: https://hstspreload.org/#submission-requirements."""


@dataclass(frozen=True)
class Expected:
    """A header, what its value must match (whole, in any case), and how to say that."""

    name: str
    pattern: str
    says: str


EXPECTED = (
    # Whether subdomains are included is a variable: the domain's owner knows whether they speak https.
    Expected("Strict-Transport-Security", r"max-age=(\d+)(;.*)?", "a year"),
    Expected("X-Content-Type-Options", r"nosniff", "nosniff"),
    Expected("X-Frame-Options", r"sameorigin|deny", "SAMEORIGIN"),
    Expected("Referrer-Policy", r"(strict-origin.*|same-origin|no-referrer)", "strict-origin…"),
    Expected("Content-Security-Policy", r".*\bframe-ancestors\b.*\bobject-src 'none'.*", "object-src, …"),
    Expected("Content-Security-Policy-Report-Only", r".*\bscript-src\b.*", "script-src, …"),
)


ON_THE_API = EXPECTED[:2]
"""The others belong to pages."""


async def api_headers(site: Site) -> Result:
    """HSTS and nosniff on what the function answers."""
    await site.need_api()
    answer = await site.configuration()
    wrong = [*_wrong(answer, ON_THE_API)]
    limit = ", ".join(expected.name for expected in ON_THE_API)
    if not wrong:
        return passed(f"{len(ON_THE_API)} headers on /api/config", limit)
    return failed(
        "; ".join(wrong),
        limit,
        reason="The API's cache behaviors have no response headers policy, or another one than the module's "
        "`api`: response_headers_policies and response_headers_policy_key belong together.",
        evidence=evidence(answer, body=False),
    )


async def security_headers(site: Site) -> Result:
    """Every header on the page and on a file that it names, each with its value and what was expected."""
    index = await site.good_index()
    named = [answer for answer in (await site.page()).assets.values() if isinstance(answer, Response)]
    # A deep link takes the SPA function's way to the same page.
    answers = [index, await site.client.fetch("/c/new"), *named[:1]]
    problems = [(found, answer) for answer in answers for found in _wrong(answer, EXPECTED)]
    limit = ", ".join(expected.name for expected in EXPECTED)
    details = {expected.name: index.header(expected.name) for expected in EXPECTED}
    if not problems:
        count = len(answers)
        return passed(f"{len(EXPECTED)} headers on {count} files", limit, details=details)
    wrong, answer = problems[0]
    more = f" ({len(problems) - 1} more are wrong)" if len(problems) > 1 else ""
    return failed(
        wrong + more,
        limit,
        reason="The default cache behavior has no response headers policy, or another one than the "
        "module's `client`: response_headers_policies and response_headers_policy_key belong together.",
        evidence=evidence(answer, body=False),
        details=details,
    )


def _wrong(answer: Response, wanted: Sequence[Expected]) -> Iterator[str]:
    path = re.sub(r"^https?://[^/]+", "", answer.url)
    for expected in wanted:
        value = answer.header(expected.name)
        matched = re.fullmatch(expected.pattern, value, re.IGNORECASE)
        too_short = expected is EXPECTED[0] and matched is not None and int(matched[1]) < HSTS_SECONDS
        if matched is None or too_short:
            yield f"{path}: {expected.name}: {value or '(none)'}, expected {expected.says}"


CHECKS = (
    Check("US1.1", "the client's files carry the security headers", Stage.STATIC, security_headers),
    Check("US3.2", "the API's answers carry HSTS and nosniff", Stage.API, api_headers, by_function=True),
)
