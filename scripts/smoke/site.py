"""What the checks share: the client, the settings, and facts that are fetched once and used by many."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import html.parser
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import httpx

from scripts.settings import SmokeSettings
from scripts.smoke import diagnosis
from scripts.smoke.client import Client, Response
from scripts.smoke.model import NotCheckedError

T = TypeVar("T")

# LibreChat's client build puts an eight-character hash between dots (client/vite.config.ts).
_HASHED = re.compile(r"/assets/.*\.[A-Za-z0-9_-]{8}\.\w+$")
_ASSET_LINKS = frozenset(
    {"stylesheet", "modulepreload", "preload", "icon", "apple-touch-icon", "manifest", "mask-icon"}
)
# The same error four times, or twice once this many seconds have passed, will not go away by waiting.
_SAME_ANSWER_LIMIT = 4
_PATIENCE_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0
_ECHO_BODY = json.dumps({"text": "þetta er prófun – smoke ✓", "padding": "x" * 2000}).encode()

FORGED_ADDRESS = "203.0.113.7"
"""An address of the documentation range: nobody's, so an app that sees it was told it by the viewer."""


@dataclass(frozen=True)
class Health:
    """How the API came up.

    Attributes:
        ok: Whether it answered ``OK`` within the budget.
        answer: The last answer, None when none came.
        problem: Why no answer came.
        attempts: Number of answers.
        seconds: From the first request to the last answer: the cold start, when there was one.
        warm_seconds: A second request at once after the first success.
    """

    ok: bool
    answer: Response | None
    problem: str
    attempts: int
    seconds: float
    warm_seconds: float = 0.0


@dataclass(frozen=True)
class Page:
    """index.html with everything it names.

    Attributes:
        assets: Answers by path; an exception where none came.
        seconds: From the request for index.html to the last byte of the last asset.
    """

    index: Response
    assets: Mapping[str, Response | httpx.HTTPError]
    seconds: float


class Site:
    """A deployment under test.

    Args:
        client: Reaches it as a viewer does.
        settings: Budgets.
        outputs: Terraform's outputs.
        endpoint: The AWS endpoint of the embedded account; empty for the real one.
    """

    def __init__(
        self, client: Client, settings: SmokeSettings, outputs: Mapping[str, Any], *, endpoint: str = ""
    ) -> None:
        self.client = client
        self.settings = settings
        self.outputs = outputs
        self.endpoint = endpoint
        self._facts: dict[str, asyncio.Task[Any]] = {}

    async def index(self) -> Response:
        """index.html, as ``/`` gives it."""
        return await self._once("index", lambda: self.client.fetch("/"))

    async def good_index(self) -> Response:
        """index.html for checks that compare with it.

        Raises:
            NotCheckedError: when it did not arrive; the check of index.html says why.
        """
        with contextlib.suppress(httpx.HTTPError):
            answer = await self.index()
            if answer.status == 200 and diagnosis.is_html(answer):
                return answer
        raise NotCheckedError("index.html itself did not arrive")

    async def page(self) -> Page:
        """index.html and its assets, loaded once and kept."""

        async def load() -> Page:
            return await self.load_page(await self.good_index())

        return await self._once("page", load)

    async def load_page(self, index: Response) -> Page:
        """Load everything that index.html names, side by side, as a browser does."""
        paths = asset_paths(index.text, index.url)
        answers = await asyncio.gather(*(self.client.fetch(path) for path in paths), return_exceptions=True)
        assets: dict[str, Response | httpx.HTTPError] = {}
        for path, answer in zip(paths, answers, strict=True):
            if isinstance(answer, BaseException) and not isinstance(answer, httpx.HTTPError):
                raise answer
            assets[path] = answer
        # Only the time on the wire counts: a fact that was waited for in between does not.
        ends = [a.started + a.seconds for a in assets.values() if isinstance(a, Response)]
        begins = [a.started for a in assets.values() if isinstance(a, Response)]
        return Page(index, assets, index.seconds + (max(ends) - min(begins) if ends else 0.0))

    async def health(self) -> Health:
        """The API's health, waited for within the cold-start budget."""
        return await self._once("health", self._wait_for_health)

    async def need_api(self) -> None:
        """Return once the API is healthy.

        Raises:
            NotCheckedError: when it is not; the health check says why.
        """
        if not (await self.health()).ok:
            raise NotCheckedError("the API is not healthy (SC-003)")

    async def echo(self) -> Response:
        """The answer to a POST with a body, cookies, a query and a forged address, to ``/api/echo``."""
        return await self._once("echo", self._post_echo)

    async def is_stand_in(self) -> bool:
        """Whether the app is our stand-in, which can show what arrived; LibreChat has no such route."""
        body = (await self.echo()).json()
        return isinstance(body, dict) and "method" in body and "body" in body

    def object_url(self, bucket: str, key: str = "") -> str:
        """The address of an object, or of the bucket, around CloudFront."""
        if self.endpoint:
            return f"{self.endpoint}/{bucket}/{quote(key)}"
        region = self.outputs.get("region", "")
        return f"https://{bucket}.s3.{region}.amazonaws.com/{quote(key)}"

    async def _once(self, name: str, make: Callable[[], Awaitable[T]]) -> T:
        if name not in self._facts:
            self._facts[name] = asyncio.ensure_future(make())
        # Shielded: one check that is given up must not take the fact away from the others.
        fact: T = await asyncio.shield(self._facts[name])
        return fact

    async def _wait_for_health(self) -> Health:
        """Ask until the body is ``OK``; given up before the budget is used when waiting cannot help.

        Errors are retried: permissions and a new stage take seconds to spread on AWS. A success that
        is not ``OK`` is wrong for good.
        """
        start = time.perf_counter()
        budget = self.settings.cold_start
        seen: list[str] = []
        pause = _FIRST_PAUSE_SECONDS
        while True:
            left = budget - (time.perf_counter() - start)
            answer: Response | None = None
            problem = ""
            try:
                answer = await self.client.fetch("/api/health", limit=max(left, 0.1))
                # Times and ids in a message differ from try to try, the failure does not.
                seen.append(re.sub(r"[\d.]+", "#", diagnosis.explain_api(answer)))
            except httpx.HTTPError as error:
                problem = describe(error)
            elapsed = time.perf_counter() - start
            if answer and is_ok(answer):
                warm = await self.client.fetch("/api/health")
                return Health(True, answer, "", len(seen), elapsed, warm.seconds)
            hopeless = answer is not None and (
                answer.status < 400
                or seen.count(seen[-1]) >= (2 if elapsed > _PATIENCE_SECONDS else _SAME_ANSWER_LIMIT)
            )
            if hopeless or elapsed + pause >= budget:
                return Health(False, answer, problem, len(seen), elapsed)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _post_echo(self) -> Response:
        return await self.client.fetch(
            "/api/echo?q=a%20b%2Fc&q=%C3%BE&empty=",
            method="POST",
            content=_ECHO_BODY,
            headers={
                "Content-Type": "application/json",
                "Cookie": "smoke_a=1; smoke_b=two",
                "X-Forwarded-For": FORGED_ADDRESS,
            },
        )


def echo_differences(echoed: Mapping[str, Any]) -> list[str]:
    """What of the request did not reach the app as it was sent; empty when all did."""
    expected = {
        "method": "POST",
        "url": "/api/echo?q=a%20b%2Fc&q=%C3%BE&empty=",
        "cookies": {"smoke_a": "1", "smoke_b": "two"},
        "body": {"length": len(_ECHO_BODY), "sha256": hashlib.sha256(_ECHO_BODY).hexdigest()},
    }
    return [
        f"{name}: sent {value!r}, the app saw {echoed.get(name)!r}"
        for name, value in expected.items()
        if echoed.get(name) != value
    ]


def is_ok(answer: Response) -> bool:
    """LibreChat answers unknown paths with 200 and a page, so that only the body proves health."""
    return answer.status == 200 and answer.body.strip() == b"OK"


def is_hashed(path: str) -> bool:
    """Whether the name of a file changes with its content."""
    return bool(_HASHED.search(path))


def asset_paths(page: str, url: str) -> list[str]:
    """Paths (with queries) of the files on the same origin that a page names, in its order."""
    parser = _Links()
    parser.feed(page)
    base = urljoin(url, parser.base)
    origin = urlsplit(url)[:2]
    found = [urlsplit(urljoin(base, link)) for link in parser.links]
    paths = [f"{u.path}?{u.query}" if u.query else u.path for u in found if u[:2] == origin]
    return list(dict.fromkeys(path for path in paths if PurePosixPath(urlsplit(path).path).suffix))


def describe(error: BaseException) -> str:
    """An HTTP error as a phrase; several of httpx's have no text of their own."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    return f"{words}: {error}" if str(error) else words


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what a browser would load."""
        values = {name: value or "" for name, value in attrs}
        if tag == "base":
            self.base = self.base or values.get("href", "")
        elif tag == "link" and _ASSET_LINKS & set(values.get("rel", "").lower().split()):
            self.links.append(values.get("href", ""))
        elif tag in ("script", "img"):
            self.links.append(values.get("src", ""))
        self.links = [link for link in self.links if link]
