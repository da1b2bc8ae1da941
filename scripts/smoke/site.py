"""What the checks share: the client, the settings, and facts that are fetched once and used by many."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from scripts.aws import Aws
from scripts.settings import SmokeSettings
from scripts.smoke import diagnosis, echo
from scripts.smoke.client import Client, Response
from scripts.smoke.deployed import Deployed
from scripts.smoke.model import Need, NotCheckedError
from scripts.smoke.page import Page
from scripts.smoke.page import load as load_page

T = TypeVar("T")

# LibreChat's client build puts an eight-character hash between dots (client/vite.config.ts).
_HASHED = re.compile(r"/assets/.*\.[A-Za-z0-9_-]{8}\.\w+$")
# The same error four times, or twice once this many seconds have passed, will not go away by waiting.
_SAME_ANSWER_LIMIT = 4
_PATIENCE_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0


@dataclass(frozen=True)
class Health:
    """How the API came up.

    Attributes:
        ok: Whether it answered ``OK`` within the budget.
        answer: The last answer, None when none came.
        problem: Why no answer came.
        attempts: Number of answers.
        seconds: From the first request to the last answer: the cold start, when there was one.
        warm_seconds: A second request at once after the first success; None when that got no answer.
    """

    ok: bool
    answer: Response | None
    problem: str
    attempts: int
    seconds: float
    warm_seconds: float | None = None


class Site:
    """A deployment under test.

    Args:
        client: Reaches it as a viewer does.
        settings: Budgets.
        outputs: Terraform's outputs.
        endpoint: The AWS endpoint of the embedded account; empty for the real one.
        ask_account: Asks the account what is deployed; None when nothing but the address is known.
        replaced_domain: The domain that it must name nowhere; empty when that is not known.
        aws: Its account, where a password of the chat check may be; None when only the address is known.
    """

    def __init__(
        self,
        client: Client,
        settings: SmokeSettings,
        outputs: Mapping[str, Any],
        *,
        endpoint: str = "",
        ask_account: Callable[[], Deployed | None] | None = None,
        replaced_domain: str = "",
        aws: Aws | None = None,
    ) -> None:
        self.client = client
        self.settings = settings
        self.outputs = outputs
        self.endpoint = endpoint
        self._ask_account = ask_account
        self.replaced_domain = replaced_domain
        self.aws = aws
        self.lacking: set[Need] = set()
        """What turned out to be missing: the checks that show it run, whoever left them out."""
        self._facts: dict[str, asyncio.Task[Any]] = {}
        self._made: dict[str, Any] = {}

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
        raise NotCheckedError("index.html itself did not arrive", lacks=Need.INDEX)

    async def page(self) -> Page:
        """index.html and its assets, loaded once and kept."""

        async def load() -> Page:
            return await load_page(self.client, await self.good_index())

        return await self._once("page", load)

    async def health(self) -> Health:
        """The API's health, waited for within the cold-start budget."""
        return await self._once("health", self._wait_for_health)

    async def need_api(self) -> None:
        """Return once the API is healthy.

        Raises:
            NotCheckedError: when it is not; the health check says why.
        """
        if not (await self.health()).ok:
            raise NotCheckedError("the API is not healthy (SC-003)", lacks=Need.API)

    async def configuration(self) -> Response:
        """``/api/config``, asked for as a page of the same origin asks: the client's first request."""
        same_origin = {
            "Origin": self.client.base_url,
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "cors",
        }
        return await self._once("config", lambda: self.client.fetch("/api/config", headers=same_origin))

    async def echo(self) -> Response:
        """The answer to a POST with a body, cookies, a query and a forged address, to ``/api/echo``."""
        return await self._once("echo", lambda: echo.post(self.client))

    async def is_stand_in(self) -> bool:
        """Whether the app is our stand-in, which can show what arrived; LibreChat has no such route.

        Raises:
            NotCheckedError: when no answer came; the check that a POST arrives says why.
        """
        try:
            body = (await self.echo()).json()
        except httpx.HTTPError as error:
            raise NotCheckedError("a POST got no answer (US2.2)", lacks=Need.ECHO) from error
        return isinstance(body, dict) and "method" in body and "body" in body

    async def deployed(self) -> Deployed | None:
        """What the account says is deployed: for explaining, never for measuring. None without an account."""
        ask = self._ask_account
        return await self._once("deployed", lambda: asyncio.to_thread(ask)) if ask else None

    def need_output(self, name: str) -> str:
        """An output of Terraform.

        Raises:
            NotCheckedError: when there is none, or nothing but the address is known.
        """
        if not self.outputs:
            raise NotCheckedError(f"only the address is known, not Terraform's output {name}")
        if not self.outputs.get(name):
            raise NotCheckedError(f"Terraform has no output {name}")
        return str(self.outputs[name])

    def object_url(self, bucket: str, key: str = "") -> str:
        """The address of an object, or of the bucket, around CloudFront."""
        if self.endpoint:
            return f"{self.endpoint}/{bucket}/{quote(key)}"
        region = self.outputs.get("region", "")
        return f"https://{bucket}.s3.{region}.amazonaws.com/{quote(key)}"

    async def first(self, name: str, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` gave the first who asked.

        For checks that run one after the other: what is made belongs to the one that makes it, and is
        cancelled with it.
        """
        if name not in self._made:
            self._made[name] = await make()
        made: T = self._made[name]
        return made

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
                return Health(True, answer, "", len(seen), elapsed, await self._warm_seconds())
            hopeless = answer is not None and (
                answer.status < 400
                or seen.count(seen[-1]) >= (2 if elapsed > _PATIENCE_SECONDS else _SAME_ANSWER_LIMIT)
            )
            if hopeless or elapsed + pause >= budget:
                return Health(False, answer, problem, len(seen), elapsed)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _warm_seconds(self) -> float | None:
        with contextlib.suppress(httpx.HTTPError):
            return (await self.client.fetch("/api/health")).seconds
        return None


def is_ok(answer: Response) -> bool:
    """LibreChat answers unknown paths with 200 and a page, so that only the body proves health."""
    return answer.status == 200 and answer.body.strip() == b"OK"


def is_hashed(path: str) -> bool:
    """Whether the name of a file changes with its content."""
    return bool(_HASHED.search(path))


def describe(error: BaseException) -> str:
    """An HTTP error as a phrase; several of httpx's have no text of their own."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    return f"{words}: {error}" if str(error) else words
