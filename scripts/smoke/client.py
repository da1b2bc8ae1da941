"""The HTTP client of the checks: plain requests, everything about the answer kept.

No redirects followed, no cookies remembered, no retries: a check sees exactly what a viewer's first
request sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.cookiejar
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from scripts.smoke import shapes
from scripts.smoke.stream import recorder
from scripts.smoke.stream.recording import Recording

USER_AGENT = "librechat-lambda-smoke/1"
_CONNECTIONS = 24
_KEPT = 6
# Where the handler's JSON error with the last lines of the app names the request.
_ID_BYTES = 6000


@dataclass(frozen=True)
class Response:
    """An answer, whole.

    Attributes:
        method: Of the request.
        url: Of the request.
        status: HTTP status.
        headers: Every header line in order, names in lower case.
        body: Decompressed body.
        started: Clock (`time.perf_counter`) when the request was sent.
        to_headers: Seconds from the request to the headers of the answer.
        seconds: From the request to the last byte.
        wire_bytes: Length of the body as it was transferred, compressed if it was.
    """

    method: str
    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    started: float = 0.0
    to_headers: float = 0.0
    seconds: float = 0.0
    wire_bytes: int = 0

    @classmethod
    def begun(cls, recording: Recording) -> Self:
        """A recorded answer that is no stream, as far as it was kept: for `scripts.smoke.diagnosis`."""
        return cls("", "", recording.status, recording.headers, recording.head)

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header, one for each line on the wire."""
        return tuple(value for key, value in self.headers if key == name.lower())

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def kind(self) -> str:
        """Status and media type, for a table."""
        return f"{self.status}, {self.media_type or 'no content type'}"

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 shows as replacement characters."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body parsed as JSON, None when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def fields(self) -> Mapping[str, Any]:
        """The body as a JSON object, empty when it is anything else."""
        return shapes.fields(self.body)


class Client:
    """One pool of connections to the deployment.

    Args:
        base_url: Where the viewer reaches it.
        timeout: Seconds for one request.
        use_proxies: Whether ``HTTPS_PROXY`` and the like apply; never to the local target.
        connections: How many there may be at once.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float,
        use_proxies: bool = False,
        connections: int = _CONNECTIONS,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self._use_proxies = use_proxies
        self.requests: set[str] = set()
        """Ids of the requests that were sent, as far as the answers name them."""
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=_KEPT),
            headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip"},
            follow_redirects=False,
            cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[])),
            trust_env=use_proxies,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def fetch(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        limit: float | None = None,
    ) -> Response:
        """Send a request to `path` (or to a whole URL) and read the answer within `limit` seconds.

        Raises:
            httpx.HTTPError: when no whole answer came.
        """
        limit = limit or self.timeout
        request = self._request(path, method, headers, content, limit)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(limit):
                response = await self._http.send(request, stream=True)
                to_headers = time.perf_counter() - started
                try:
                    body = await response.aread()
                finally:
                    await response.aclose()
        except TimeoutError:
            raise httpx.ReadTimeout(f"no whole answer within {limit:.3g} s", request=request) from None
        answer = Response(
            method=method,
            url=str(request.url),
            status=response.status_code,
            headers=recorder.header_lines(response),
            body=body,
            started=started,
            to_headers=to_headers,
            seconds=time.perf_counter() - started,
            wire_bytes=response.num_bytes_downloaded,
        )
        self.requests |= _ids(answer.header("x-amzn-requestid"), body)
        return answer

    async def record(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        limit: float,
        slowly: recorder.Slowly | None = None,
    ) -> Recording:
        """Send a request and record the arrival of its answer for at most `limit` seconds.

        Raises:
            httpx.HTTPError: when no answer came at all.
        """
        request = self._request(path, method, _stream_headers(headers), content, limit)
        recording = await recorder.record(self._http, request, limit=limit, slowly=slowly)
        self.requests |= _ids(recording.header("x-amzn-requestid"), recording.head)
        return recording

    @contextlib.asynccontextmanager
    async def open(
        self, path: str, *, headers: Mapping[str, str] | None = None, limit: float
    ) -> AsyncIterator[httpx.Response]:
        """An event stream whose body is not read yet, for a reader with a pace of its own.

        Leaving the block closes the connection, whatever is still to come.

        Raises:
            httpx.HTTPError: when no answer came within `limit` seconds.
        """
        request = self._request(path, "GET", _stream_headers(headers), None, limit)
        response = await recorder.begin(self._http, request, limit)
        self.requests |= _ids(response.headers.get("x-amzn-requestid", ""), b"")
        try:
            yield response
        finally:
            await response.aclose()

    def with_room_for(self, connections: int) -> Client:
        """A client of the same deployment that may hold so many connections at once."""
        other = Client(
            self.base_url, timeout=self.timeout, use_proxies=self._use_proxies, connections=connections
        )
        other.requests = self.requests
        return other

    def _request(
        self,
        path: str,
        method: str,
        headers: Mapping[str, str] | None,
        content: bytes | None,
        limit: float,
    ) -> httpx.Request:
        url = path if "://" in path else self.base_url + path
        return self._http.build_request(method, url, headers=headers, content=content, timeout=limit)


def _stream_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Headers that ask for an event stream, with further ones."""
    # The encodings that browsers send on plain HTTP: a hop that compresses event streams must show it here.
    asked = {"Accept": "text/event-stream", "Accept-Encoding": "gzip, deflate, br"}
    return {**asked, **(headers or {})}


def _ids(gateways: str, body: bytes) -> set[str]:
    """The ids of a request: API Gateway's in a header, Lambda's in the handler's answer to a failed one."""
    named = re.search(rb'"requestId":\s*"([0-9a-f-]{36})"', body[:_ID_BYTES])
    return {id for id in (gateways, named[1].decode() if named else "") if id}
