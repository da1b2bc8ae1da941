"""What the checks share: the client, the settings, and facts that are fetched once and used by many."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from scripts.aws import Aws
from scripts.settings import SmokeSettings
from scripts.smoke import diagnosis, echo, health
from scripts.smoke.access import Access
from scripts.smoke.access import read as read_access
from scripts.smoke.client import Client, Response
from scripts.smoke.deployed import Deployed
from scripts.smoke.health import Health
from scripts.smoke.model import Need, NotCheckedError
from scripts.smoke.page import Page
from scripts.smoke.page import load as load_page

T = TypeVar("T")


class Site:
    """A deployment under test.

    Args:
        client: Reaches it as a viewer does.
        settings: Budgets.
        outputs: Terraform's outputs.
        endpoint: The AWS endpoint of the embedded account; empty for the real one.
        ask_account: Asks the account what is deployed; None when nothing but the address is known.
        replaced_domain: The domain that it must name nowhere; empty when that is not known.
        aws: Its account, for what its parameters and quotas say; None when only the address is known.
        access: To the diagnostic stream; None: read from the account when it is asked for.
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
        access: Access | None = None,
    ) -> None:
        self.client = client
        self.settings = settings
        self.outputs = outputs
        self.endpoint = endpoint
        self._ask_account = ask_account
        self.replaced_domain = replaced_domain
        self.aws = aws
        self._access = access
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
        return await self._once("health", lambda: health.wait(self.client, self.settings.cold_start))

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
            body = (await self.echo()).fields
        except httpx.HTTPError as error:
            raise NotCheckedError("a POST got no answer (US2.2)", lacks=Need.ECHO) from error
        return "method" in body and "body" in body

    async def deployed(self) -> Deployed | None:
        """What the account says is deployed: for explaining, never for measuring. None without an account."""
        ask = self._ask_account
        return await self._once("deployed", lambda: asyncio.to_thread(ask)) if ask else None

    async def access(self) -> Access:
        """What a request for the diagnostic stream needs.

        Raises:
            NotCheckedError: when it cannot be had, with the reason.
        """
        if self._access is not None:
            return self._access
        return await self._once("access", lambda: asyncio.to_thread(read_access, self.aws, self.outputs))

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

    def need_https(self) -> tuple[str, int]:
        """Host and port of an https address.

        Raises:
            NotCheckedError: when it is another address.
        """
        url = urlsplit(self.client.base_url)
        if url.scheme != "https" or not url.hostname:
            raise NotCheckedError("not an https address")
        return url.hostname, url.port or 443

    def object_url(self, bucket: str, key: str = "") -> str:
        """The address of an object, or of the bucket, around CloudFront."""
        if self.endpoint:
            return f"{self.endpoint}/{bucket}/{quote(key)}"
        region = self.outputs.get("region", "")
        return f"https://{bucket}.s3.{region}.amazonaws.com/{quote(key)}"

    def execute_api_url(self, path: str) -> tuple[str, dict[str, str]]:
        """The address of an API path around CloudFront, and the headers that a request to it needs.

        Raises:
            NotCheckedError: as `need_output`.
        """
        address = self.need_output("api_invoke_url")
        if not self.endpoint:
            return address + path, {}
        # The embedded AWS answers for API Gateway's host at its one port.
        parts = urlsplit(address)
        return f"{self.client.base_url}{parts.path}{path}", {"Host": parts.netloc}

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
