"""index.html with everything it names, loaded as a browser does it. Runs no script and renders nothing."""

from __future__ import annotations

import asyncio
import html.parser
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from scripts.smoke.client import Client, Response
from scripts.smoke.stream.recording import ms

_ASSET_LINKS = frozenset(
    {"stylesheet", "modulepreload", "preload", "icon", "apple-touch-icon", "manifest", "mask-icon"}
)
# LibreChat's client build puts an eight-character hash between dots (client/vite.config.ts).
_HASHED = re.compile(r"/assets/.*\.[A-Za-z0-9_-]{8}\.\w+$")

CONNECTIONS = 6
"""As many as browsers open to one host with HTTP/1.1, which is what is spoken here: Chrome and Firefox
alike (https://developer.mozilla.org/docs/Web/HTTP/Guides/Connection_management_in_HTTP_1.x). With HTTP/2
or 3 they need one, and are not slower for it."""


@dataclass(frozen=True)
class Page:
    """index.html and its assets.

    Attributes:
        index: The answer to ``/``.
        assets: Answers by path, in the order of index.html; an exception where none came, or where what is
            named is no address at all.
    """

    index: Response
    assets: Mapping[str, Response | httpx.HTTPError | httpx.InvalidURL]

    @property
    def arrived(self) -> Mapping[str, Response]:
        """The assets that gave an answer."""
        return {path: answer for path, answer in self.assets.items() if isinstance(answer, Response)}

    @property
    def seconds(self) -> float:
        """From the request for index.html to the last byte of the last asset.

        Only the time on the wire counts: what passed between index.html and the first asset does not.
        """
        ends = [answer.started + answer.seconds for answer in self.arrived.values()]
        return self.index.seconds + (max(ends) - self._first if ends else 0.0)

    def waterfall(self) -> list[dict[str, Any]]:
        """What was loaded when: a row for each file, times in ms from the request for index.html."""
        rows = [("/", self.index, 0.0)]
        for path, answer in self.arrived.items():
            rows.append((path, answer, self.index.seconds + answer.started - self._first))
        return [
            {
                "path": path,
                "start_ms": ms(start),
                "headers_ms": ms(start + answer.to_headers),
                "end_ms": ms(start + answer.seconds),
                "bytes": answer.wire_bytes,
                "status": answer.status,
                "cache": answer.header("x-cache"),
            }
            for path, answer, start in rows
        ]

    @property
    def _first(self) -> float:
        return min((answer.started for answer in self.arrived.values()), default=0.0)


async def load(client: Client, index: Response) -> Page:
    """Load everything that index.html names, side by side over `CONNECTIONS`."""
    room = asyncio.Semaphore(CONNECTIONS)

    async def fetch(path: str) -> Response | httpx.HTTPError | httpx.InvalidURL:
        if not _is_address(path):
            return httpx.InvalidURL("it is no address")
        async with room:
            try:
                return await client.fetch(path)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                return error

    paths = asset_paths(index.text, index.url)
    answers = await asyncio.gather(*map(fetch, paths))
    return Page(index, dict(zip(paths, answers, strict=True)))


def asset_paths(page: str, url: str) -> list[str]:
    """Paths (with queries) of the files on the same origin that a page names, in its order.

    A link that is no address (a bracket that nothing closes) is among them as it stands.
    """
    parser = _Links()
    parser.feed(page)
    base = urljoin(url, parser.base) if _is_address(parser.base) else url
    origin = urlsplit(url)[:2]
    paths = []
    for link in parser.links:
        if not _is_address(link):
            paths.append(link)
            continue
        found = urlsplit(urljoin(base, link))
        if found[:2] == origin and PurePosixPath(found.path).suffix:
            paths.append(f"{found.path}?{found.query}" if found.query else found.path)
    return list(dict.fromkeys(paths))


def is_hashed(path: str) -> bool:
    """Whether the name of a file changes with its content."""
    return bool(_HASHED.search(path))


def _is_address(link: str) -> bool:
    try:
        urlsplit(link)
    except ValueError:
        return False
    return True


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
