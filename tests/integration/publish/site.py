"""A site that tests publish, what is served of it, and what a client really sends."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse

from scripts import frontend
from scripts.frontend import PublishResult, publish_directory
from scripts.frontend.bucket import Bucket
from scripts.frontend.releases import INDEX, Index, index_of

IMMUTABLE = "public, max-age=31536000, immutable"
SITE = {
    "index.html": "<script src=assets/index.AAAAAAAA.js>",
    "sw.js": "self",
    "robots.txt": "User-agent: *",
    "manifest.webmanifest": "{}",
    "assets/index.AAAAAAAA.js": "one",
    "assets/index.AAAAAAAA.js.gz": "compressed for another server",
    "assets/fonts/Inter-SemiBold.woff2": "font",
}


class Site:
    """A distribution directory that tests rewrite, as builds do."""

    def __init__(self, dist: Path, content: dict[str, str]) -> None:
        self.dist = dist
        for name, text in content.items():
            self.write(name, text)

    def write(self, name: str, content: str) -> None:
        (self.dist / name).parent.mkdir(parents=True, exist_ok=True)
        (self.dist / name).write_text(content)

    def remove(self, name: str) -> None:
        (self.dist / name).unlink()

    def becomes(self, letter: str) -> None:
        """The next build: another chunk, and a page and service worker that name it."""
        for old in self.dist.glob("assets/index.????????.js*"):
            old.unlink()
        self.write(f"assets/index.{letter * 8}.js", f"chunk {letter}")
        self.write("index.html", f"<script src=assets/index.{letter * 8}.js>")
        self.write("sw.js", f"precache {letter}")


class Wire:
    """What a client really sends, by botocore's events; a test may get in its way.

    Attributes:
        sent: Requests in order, ``PUT index.html``; of a query only its first word (``POST ?delete``).
    """

    def __init__(self, s3: Any) -> None:
        self.s3 = s3
        self.sent: list[str] = []
        self._interfere: Callable[[str], Any] = lambda request: None
        self.s3.meta.events.register("before-send.s3", self._before_send)

    def close(self) -> None:
        self.s3.meta.events.unregister("before-send.s3", self._before_send)

    def cut_at(self, key: str, error: BaseException | int = 403) -> None:
        """Fail every request for `key`: with an exception, or with an answer of this status."""

        def cut(request: str) -> AWSResponse | None:
            if request != key:
                return None
            if isinstance(error, BaseException):
                raise error
            return answer(error, "AccessDenied")

        self._interfere = cut

    def once_before(self, request: str, action: Callable[[], Any]) -> None:
        """Do something just before the first such request goes out; its result is the answer, if any."""
        pending = [action]
        self._interfere = lambda now: pending.pop()() if now == request and pending else None

    def undisturbed(self) -> None:
        self._interfere = lambda request: None
        self.sent.clear()

    def writes(self) -> list[str]:
        """The keys that were put or copied, but for the records of releases."""
        keys = (request.removeprefix("PUT ") for request in self.sent if request.startswith("PUT "))
        return [key for key in keys if not key.endswith(".json")]

    def _before_send(self, request: Any, **_: Any) -> AWSResponse | None:
        url = urlsplit(request.url)
        key = unquote(url.path).split("/", 2)[2:]
        what = f"{request.method} {key[0] if key else '?' + url.query.split('&')[0].split('=')[0]}"
        instead = self._interfere(what)
        self.sent.append(what)
        return instead if isinstance(instead, AWSResponse) else None


class Raw(io.BytesIO):
    """The body of an answer that no server gave."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def answer(status: int, code: str) -> AWSResponse:
    body = f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode()
    return AWSResponse("http://emulator", status, {"content-type": "application/xml"}, Raw(body))


def publish(site: Site, s3: Any, bucket: str, release: str, keep: int = 3, **more: Any) -> PublishResult:
    return publish_directory(site.dist, s3, bucket, release=release, keep=keep, **more)


def restore(s3: Any, bucket: str, release: str, keep: int = 3) -> PublishResult:
    return frontend.restore(s3, bucket, release, keep=keep)


def served(s3: Any, bucket: str) -> dict[str, tuple[bytes, str, str]]:
    """Body, Content-Type and Cache-Control of everything that visitors may get."""
    found = {}
    for key in Bucket(s3, bucket).listing():
        if not key.startswith("_releases/"):
            got = s3.get_object(Bucket=bucket, Key=key)
            found[key] = got["Body"].read(), got["ContentType"], got["CacheControl"]
    return found


def page(s3: Any, bucket: str) -> str:
    return s3.get_object(Bucket=bucket, Key="index.html")["Body"].read().decode()


def assert_whole(s3: Any, bucket: str) -> None:
    """The page that is served names a chunk that is served."""
    chunk = page(s3, bucket).removeprefix("<script src=").removesuffix(">")
    assert chunk in Bucket(s3, bucket).listing()


def index_in(s3: Any, bucket: str) -> Index:
    place = Bucket(s3, bucket)
    return index_of(place, place.document(INDEX))
