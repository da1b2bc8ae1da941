"""The frontend through CloudFront: files, fallback to index.html, caching, load time."""

from __future__ import annotations

import asyncio
import re
import secrets
from urllib.parse import urlsplit

from scripts.smoke import diagnosis
from scripts.smoke.client import Response
from scripts.smoke.evidence import describe, evidence
from scripts.smoke.model import Check, Need, NotCheckedError, Result, Stage, failed, passed
from scripts.smoke.page import is_hashed, load
from scripts.smoke.report.text import size
from scripts.smoke.site import Site

LOAD_SECONDS = 3.0
"""SC-002."""

_YEAR = 31_536_000
_MEDIA_TYPES = {
    "js": {"text/javascript", "application/javascript"},
    "mjs": {"text/javascript", "application/javascript"},
    "css": {"text/css"},
    "svg": {"image/svg+xml"},
    "png": {"image/png"},
    "ico": {"image/x-icon", "image/vnd.microsoft.icon"},
    "webmanifest": {"application/manifest+json"},
    "json": {"application/json"},
    "woff2": {"font/woff2"},
}
# Files with fixed names that a browser keeps for ever if it is allowed to: a service worker that is
# cached pins every viewer to the old release.
_FIXED_NAMES = ("/sw.js", "/registerSW.js", "/manifest.webmanifest")


async def index_html(site: Site) -> Result:
    """``/`` is index.html."""
    answer = await site.index()
    limit = "200, text/html"
    if answer.status == 200 and answer.media_type == "text/html":
        return passed(f"{answer.kind}, {size(len(answer.body))}", limit)
    reason = diagnosis.explain_static(answer)
    if answer.status in (403, 404) and (await site.client.fetch("/index.html")).status == 200:
        reason = "/index.html is there and / is not: default_root_object of the distribution is missing."
    elif answer.status == 200:
        reason = "The object has the wrong content type: it was published without ContentType text/html."
    return failed(answer.kind, limit, reason=reason, evidence=evidence(answer))


async def assets(site: Site) -> Result:
    """Every file that index.html names arrives, as itself."""
    page = await site.page()
    if not page.assets:
        return failed(
            "none named",
            "at least one script",
            reason="index.html names no file: what was published is not a built client.",
            evidence=evidence(page.index),
        )
    wrong = [
        (reason, answer)
        for path, answer in page.assets.items()
        if (reason := _wrong_asset(path, answer, page.index))
    ]
    whole = sum(len(a.body) for a in page.arrived.values())
    measured = f"{len(page.assets) - len(wrong)} of {len(page.assets)} files, {size(whole)}"
    if not wrong:
        return passed(measured, "all, as themselves")
    reason, answer = wrong[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return failed(
        measured,
        "all, as themselves",
        reason=reason + more,
        evidence=evidence(answer) if isinstance(answer, Response) else describe(answer),
    )


async def asset_caching(site: Site) -> Result:
    """Files whose name holds a hash are cached for ever, all others are asked for again."""
    page = await site.page()
    arrived = {p: a for p, a in page.arrived.items() if a.status == 200}
    if not arrived:
        raise NotCheckedError("no asset arrived")
    hashed = [path for path in arrived if is_hashed(path)]
    if not hashed:
        raise NotCheckedError("index.html names no file with a hash in its name")
    limit = "immutable, 1 year"
    for path in hashed:
        control = arrived[path].header("cache-control")
        if not _is_immutable(control):
            return failed(
                f"{path}: {control or 'no Cache-Control'}",
                limit,
                reason="A hashed file is not cached for ever: it was published without Cache-Control "
                "'public, max-age=31536000, immutable', or a response headers policy overrides it.",
                evidence=evidence(arrived[path], body=False),
            )
    return passed(f"{len(hashed)} hashed files", limit)


async def revalidation(site: Site) -> Result:
    """Files with fixed names are revalidated, so that a new release shows without an invalidation."""
    index = await site.good_index()
    named = [urlsplit(p).path for p in (await site.page()).arrived if not is_hashed(p)]
    others = await asyncio.gather(*map(site.client.fetch, dict.fromkeys([*_FIXED_NAMES, *named])))
    # A client need not have every one; what is answered with a page is the business of other checks.
    answers = [index, *(a for a in others if a.status == 200 and not diagnosis.is_html(a))]
    limit = "no-cache"
    for answer in answers:
        control = answer.header("cache-control").lower()
        if not re.search(r"\b(no-cache|no-store)\b", control) and not re.search(r"\bmax-age=0\b", control):
            path = urlsplit(answer.url).path
            return failed(
                f"{path}: {control or 'no Cache-Control'}",
                limit,
                reason=f"{path} keeps its name between releases but may be cached: a new release would "
                "not be seen without an invalidation. It must be published with Cache-Control "
                "'no-cache'.",
                evidence=evidence(answer, body=False),
            )
    return passed(f"{len(answers)} files no-cache", limit)


async def deep_link(site: Site) -> Result:
    """A route of the client, opened directly, is index.html."""
    index = await site.good_index()
    answer = await site.client.fetch("/chat/123", headers={"Accept": "text/html"})
    limit = "200, index.html"
    if answer.status == 200 and answer.body == index.body:
        return passed("200, index.html", limit)
    if answer.status == 200:
        reason = (
            "/chat/123 gave something else than index.html: the SPA function rewrites to another file, "
            "or the path is served by the API."
        )
    else:
        reason = diagnosis.explain_static(answer, deep_link=True)
    return failed(answer.kind, limit, reason=reason, evidence=evidence(answer))


async def missing_asset(site: Site) -> Result:
    """A file that does not exist is an error and not index.html with 200."""
    index = await site.good_index()
    answer = await site.client.fetch(f"/assets/nope-{secrets.token_hex(4)}.js")
    limit = "403 or 404"
    if answer.status in (403, 404):
        return passed(str(answer.status), limit)
    same = answer.body == index.body
    return failed(
        f"{answer.status}, index.html" if same else answer.kind,
        limit,
        reason="A missing file was answered with index.html: custom_error_response on the distribution "
        "(it also turns errors of the API into pages), or an SPA function that rewrites names with a "
        "dot."
        if same
        else diagnosis.explain_static(answer),
        evidence=evidence(answer),
    )


async def load_time(site: Site) -> Result:
    """index.html and everything it names load within SC-002's three seconds."""
    page = await site.page()
    again = ""
    if page.seconds >= LOAD_SECONDS:
        # The first viewer at an edge location waits until it has asked S3; the second one should not.
        again = f", {page.seconds:.2f} s at the first try"
        page = await load(site.client, await site.client.fetch("/"))
    if any(not isinstance(a, Response) or a.status != 200 for a in (page.index, *page.assets.values())):
        raise NotCheckedError("not every file arrived, so the time is not that of the whole page")
    limit = f"< {LOAD_SECONDS:g} s"
    measured = f"{page.seconds:.2f} s for {1 + len(page.assets)} files{again}"
    details = {"seconds": round(page.seconds, 3), "waterfall": page.waterfall()}
    if page.seconds < LOAD_SECONDS:
        return passed(measured, limit, details=details)
    timed = [(a.seconds, p) for p, a in page.arrived.items()]
    slowest = max([(page.index.seconds, "/"), *timed])
    return failed(
        measured,
        limit,
        reason=f"The slowest file is {slowest[1]} with {slowest[0]:.2f} s. Look at compression and "
        "caching of the default behavior and at the price class.",
        details=details,
    )


CHECKS = (
    Check(
        "US1.1",
        "index.html arrives through CloudFront",
        Stage.STATIC,
        index_html,
        also=("FR-001",),
        shows=Need.INDEX,
    ),
    Check("US3.1", "every asset that index.html names arrives", Stage.STATIC, assets, also=("FR-014",)),
    Check("SC-002", "the frontend loads within 3 seconds", Stage.PAGE, load_time),
    Check("US1.2", "a deep link gives index.html", Stage.STATIC, deep_link, also=("FR-003",)),
    Check("US1.3", "files with fixed names are revalidated", Stage.STATIC, revalidation),
    Check("US1.3", "hashed assets are cached for ever", Stage.STATIC, asset_caching),
    Check("FR-003", "a missing file is not index.html", Stage.STATIC, missing_asset),
)


def _wrong_asset(path: str, answer: Response | Exception, index: Response) -> str:
    """What is wrong with a file, empty when nothing is."""
    if isinstance(answer, Exception):
        return f"{path} did not arrive: {describe(answer)}"
    if answer.status != 200:
        return f"{path}: {diagnosis.explain_static(answer)}"
    if diagnosis.from_gateway(answer):
        return (
            f"{path} came from API Gateway, not from S3: a pattern of the API's behaviors covers it "
            "(api_path_patterns)."
        )
    if answer.body == index.body:
        return (
            f"{path} is index.html under another name: the file is missing from the bucket and a "
            "fallback (custom_error_response, or an SPA function that rewrites names with a dot) hides "
            "it."
        )
    expected = _MEDIA_TYPES.get(urlsplit(path).path.rpartition(".")[2])
    if expected and answer.media_type not in expected:
        return (
            f"{path} has content type {answer.media_type or '(none)'} and should have "
            f"{' or '.join(sorted(expected))}: browsers refuse it. It was published without its "
            "ContentType."
        )
    return ""


def _is_immutable(control: str) -> bool:
    age = re.search(r"\bmax-age=(\d+)", control)
    return "immutable" in control and age is not None and int(age[1]) >= _YEAR
