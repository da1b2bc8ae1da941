"""Publishing to the embedded S3: what goes up, in which order, what stays, and how to come back."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ConnectionClosedError

from scripts import frontend
from scripts.aws import error_code
from scripts.errors import DeployError
from scripts.frontend import (
    NotKeptError,
    PublishResult,
    available,
    claim,
    manifest,
    publish_directory,
    publisher,
)
from scripts.frontend.bucket import Bucket
from scripts.frontend.releases import INDEX, Index, files_of, index_of
from scripts.settings import Settings
from scripts.target import local_target
from tests.integration.conftest import ACCOUNT, Emulator

pytestmark = pytest.mark.integration

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


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "dist", SITE)


@pytest.fixture(scope="module")
def wired(emulator: Emulator) -> Any:
    """A second client: what tests do with the other one is not seen on the wire."""
    return emulator.as_key(ACCOUNT, "local").client("s3")


@pytest.fixture
def wire(wired: Any) -> Iterator[Wire]:
    wire = Wire(wired)
    yield wire
    wire.close()


@pytest.fixture
def s3(emulator: Emulator) -> Any:
    return emulator.aws.client("s3")


@pytest.fixture
def bucket(s3: Any) -> Iterator[str]:
    name = f"site-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield name
    Bucket(s3, name).delete(list(Bucket(s3, name).listing()))
    s3.delete_bucket(Bucket=name)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "_POLL_SECONDS", 0.01)


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


# --- Publishing ---------------------------------------------------------------------------------------


def test_a_first_publication_uploads_every_file_except_precompressed_siblings(
    s3: Any, bucket: str, site: Site
) -> None:
    result = publish(site, s3, bucket, "aa")

    assert {key: body.decode() for key, (body, _, _) in served(s3, bucket).items()} == {
        key: text for key, text in SITE.items() if not key.endswith(".gz")
    }
    assert (result.release, result.uploaded, result.unchanged, result.deleted) == ("aa", 6, 0, 0)


def test_a_second_publication_of_the_same_files_asks_twice_and_writes_nothing(
    s3: Any, wire: Wire, bucket: str, site: Site
) -> None:
    publish(site, s3, bucket, "aa")

    result = publish(site, wire.s3, bucket, "aa")

    assert wire.sent == ["GET _releases/index.json", "GET ?list-type"]
    assert (result.uploaded, result.copied, result.unchanged, result.bytes) == (0, 0, 6, 0)


def test_only_the_changed_file_is_sent_and_put_live_with_its_page(
    s3: Any, wire: Wire, bucket: str, site: Site
) -> None:
    publish(site, s3, bucket, "aa")
    site.write("robots.txt", "User-agent: nobody")

    result = publish(site, wire.s3, bucket, "bb")

    new, old = (f"_releases/files/{md5(text)}" for text in ("User-agent: nobody", SITE["robots.txt"]))
    assert wire.writes() == [new, old, "robots.txt", "index.html"]
    assert (result.uploaded, result.bytes) == (1, len("User-agent: nobody"))


@pytest.mark.parametrize(
    ("key", "content_type", "cache_control"),
    [
        ("index.html", "text/html; charset=utf-8", "no-cache"),
        ("sw.js", "text/javascript; charset=utf-8", "no-cache"),
        ("registerSW.js", "text/javascript; charset=utf-8", "no-cache"),
        ("manifest.webmanifest", "application/manifest+json", "no-cache"),
        ("robots.txt", "text/plain; charset=utf-8", "no-cache"),
        ("assets/favicon-32x32.png", "image/png", "no-cache"),
        ("assets/fonts/Inter-SemiBold.woff2", "font/woff2", "no-cache"),
        ("fonts/katex.woff", "font/woff", "no-cache"),
        ("fonts/katex.ttf", "font/ttf", "no-cache"),
        ("favicon.ico", "image/x-icon", "no-cache"),
        ("workbox-5ffe50d4.js", "text/javascript; charset=utf-8", IMMUTABLE),
        ("assets/index.AAAAAAAA.js", "text/javascript; charset=utf-8", IMMUTABLE),
        ("assets/index.AAAAAAAA.js.map", "application/json", IMMUTABLE),
        ("assets/index.AAAAAAAA.css", "text/css; charset=utf-8", IMMUTABLE),
        ("assets/logo.AAAAAAAA.svg", "image/svg+xml", IMMUTABLE),
        ("assets/heic.AAAAAAAA.wasm", "application/wasm", IMMUTABLE),
        ("assets/worker.AAAAAAAA.mjs", "text/javascript; charset=utf-8", IMMUTABLE),
        ("assets/katex.AAAAAAAA.woff2", "font/woff2", IMMUTABLE),
        ("assets/done.AAAAAAAA.mp3", "audio/mpeg", IMMUTABLE),
        ("assets/photo.AAAAAAAA.webp", "image/webp", IMMUTABLE),
        ("LICENSE", "application/octet-stream", "no-cache"),
    ],
)
def test_every_type_of_file_has_its_headers(
    headers: dict[str, tuple[bytes, str, str]], key: str, content_type: str, cache_control: str
) -> None:
    assert headers[key][1:] == (content_type, cache_control)


@pytest.fixture(scope="module")
def headers(
    request: pytest.FixtureRequest, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[bytes, str, str]]]:
    """One publication of a file of each type in the table above."""
    [table] = [
        mark for mark in test_every_type_of_file_has_its_headers.pytestmark if mark.name == "parametrize"
    ]
    site = Site(tmp_path_factory.mktemp("types"), {key: key for key, *_ in table.args[1]})
    s3, name = emulator.aws.client("s3"), "site-of-every-type"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    publish(site, s3, name, "aa")
    yield served(s3, name)
    Bucket(s3, name).delete(list(Bucket(s3, name).listing()))
    s3.delete_bucket(Bucket=name)


def test_a_file_that_goes_up_in_parts_has_its_headers_and_is_not_sent_again(
    s3: Any, wire: Wire, bucket: str, site: Site
) -> None:
    site.write("assets/model.AAAAAAAA.wasm", "w" * (9 << 20))
    site.write("tour.mp4", "m" * (9 << 20))
    publish(site, wire.s3, bucket, "aa")
    assert "POST assets/model.AAAAAAAA.wasm" in wire.sent
    assert served(s3, bucket)["assets/model.AAAAAAAA.wasm"][1:] == ("application/wasm", IMMUTABLE)
    assert served(s3, bucket)["tour.mp4"][1:] == ("video/mp4", "no-cache")
    wire.undisturbed()

    assert publish(site, wire.s3, bucket, "aa").unchanged == 8
    assert not wire.writes()


def test_index_html_comes_last_after_everything_it_can_lead_to(
    wire: Wire, s3: Any, bucket: str, site: Site
) -> None:
    publish(site, s3, bucket, "aa", keep=1)
    site.becomes("B")
    site.remove("robots.txt")
    site.write("manifest.webmanifest", '{"name": "B"}')
    site.write("registerSW.js", "register")

    publish(site, wire.s3, bucket, "bb", keep=1)

    order = [
        "PUT assets/index.BBBBBBBB.js",
        "PUT _releases/bb/manifest.json",
        "PUT _releases/index.json",
        "PUT manifest.webmanifest",
        "PUT sw.js",
        "PUT index.html",
        "POST ?delete",
    ]
    assert [request for request in wire.sent if request in order[:2] + order[3:6]] == order[:2] + order[3:6]
    assert sorted(order, key=wire.sent.index) == order
    new = wire.sent.index("PUT registerSW.js")  # nobody is served it yet
    assert new < wire.sent.index("PUT _releases/bb/manifest.json")
    assert "robots.txt" not in served(s3, bucket)


def test_the_number_of_requests_follows_what_changed_and_not_the_number_of_files(
    wire: Wire, bucket: str, site: Site
) -> None:
    for number in range(1000):
        site.write(f"assets/chunk{number}.CCCCCCCC.js", f"chunk {number}")
        if number % 100 == 0:
            site.write(f"images/{number}.png", f"image {number}")
    publish(site, wire.s3, bucket, "aa")
    wire.undisturbed()

    publish(site, wire.s3, bucket, "aa")
    nothing_changed = list(wire.sent)
    wire.undisturbed()
    site.becomes("B")
    publish(site, wire.s3, bucket, "bb")

    pages = ["GET ?list-type"] * 2  # more than 1,000 objects, 1,000 a page
    assert nothing_changed == ["GET _releases/index.json", *pages]
    assert sorted(wire.writes())[-3:] == ["assets/index.BBBBBBBB.js", "index.html", "sw.js"]
    assert len(wire.sent) - len(pages) <= 16


def test_a_first_publication_sends_a_file_once_and_copies_only_the_worker_and_the_page(
    wire: Wire, bucket: str, site: Site
) -> None:
    publish(site, wire.s3, bucket, "aa")

    twice = [f"_releases/files/{md5(SITE[key])}" for key in ("index.html", "sw.js")]
    once = [key for key in SITE if not key.endswith(".gz")]
    assert sorted(wire.writes()) == sorted([*once, *twice])


@pytest.mark.parametrize("name", ["images/two words.png", "images/a+b (1)~.png", "images/größe.png"])
def test_a_name_is_served_as_it_is(s3: Any, wire: Wire, bucket: str, site: Site, name: str) -> None:
    site.write(name, "picture")

    publish(site, wire.s3, bucket, "aa")

    assert served(s3, bucket)[name] == (b"picture", "image/png", "no-cache")
    assert len([request for request in wire.sent if request == f"PUT {name}"]) == 1


@pytest.mark.parametrize(
    "trouble", [503, ConnectionClosedError(endpoint_url="http://emulator")], ids=["busy", "cut off"]
)
def test_a_file_that_does_not_get_through_is_sent_again(
    s3: Any, wire: Wire, bucket: str, site: Site, trouble: Exception | int
) -> None:
    def fail() -> AWSResponse:
        if isinstance(trouble, Exception):
            raise trouble
        return answer(trouble, "SlowDown")

    wire.once_before("PUT robots.txt", fail)

    publish(site, wire.s3, bucket, "aa")

    assert served(s3, bucket)["robots.txt"][0].decode() == SITE["robots.txt"]


def test_a_file_that_changes_while_it_is_published_is_refused(wire: Wire, bucket: str, site: Site) -> None:
    wire.once_before("GET ?list-type", lambda: site.write("robots.txt", "not what the manifest says"))

    with pytest.raises(DeployError, match="could not be published") as failure:
        publish(site, wire.s3, bucket, "aa")

    assert error_code(failure.value.__cause__ or failure.value) == "BadDigest"
    assert "PUT index.html" not in wire.sent


def test_a_directory_without_index_html_is_refused_before_anything_is_asked(
    wire: Wire, bucket: str, site: Site
) -> None:
    site.remove("index.html")

    with pytest.raises(DeployError, match=r"no index\.html"):
        publish(site, wire.s3, bucket, "aa")

    assert not wire.sent


def test_a_missing_bucket_is_reported_with_its_name(s3: Any, site: Site) -> None:
    with pytest.raises(DeployError, match="s3://no-such-bucket-here") as failure:
        publish(site, s3, "no-such-bucket-here", "aa")

    assert error_code(failure.value.__cause__ or failure.value) == "NoSuchBucket"


def test_a_name_that_would_leave_its_folder_is_refused(wire: Wire, bucket: str, site: Site) -> None:
    with pytest.raises(DeployError, match="cannot name a release"):
        publish(site, wire.s3, bucket, "../aa")

    assert not wire.sent


# --- Interruptions ------------------------------------------------------------------------------------

WAVES = [
    "PUT assets/index.BBBBBBBB.js",
    "PUT the worker that is kept",
    "PUT robots.txt aside",
    "PUT _releases/bb/manifest.json",
    "PUT _releases/index.json",
    "PUT manifest.webmanifest",
    "PUT sw.js",
    "PUT index.html",
    "POST ?delete",
]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), 403], ids=["Ctrl-C", "refused"])
@pytest.mark.parametrize("moment", WAVES)
def test_an_interruption_leaves_a_whole_site_that_can_be_restored_and_a_repetition_finishes(
    s3: Any, wire: Wire, bucket: str, site: Site, moment: str, error: BaseException | int
) -> None:
    publish(site, s3, bucket, "aa")
    before = served(s3, bucket)
    site.becomes("B")
    site.write("manifest.webmanifest", '{"name": "B"}')
    site.remove("robots.txt")
    kept = {
        "PUT the worker that is kept": f"PUT _releases/files/{md5('precache B')}",
        "PUT robots.txt aside": f"PUT _releases/files/{md5(SITE['robots.txt'])}",
    }
    wire.cut_at(kept.get(moment, moment), error)

    with pytest.raises((KeyboardInterrupt, DeployError)):
        publish(site, wire.s3, bucket, "bb")

    assert_whole(s3, bucket)
    if moment not in WAVES[-1:]:
        assert page(s3, bucket) == SITE["index.html"]
    wire.undisturbed()
    assert publish(site, wire.s3, bucket, "bb").release == "bb"
    assert "chunk B" in {body.decode() for body, _, _ in served(s3, bucket).values()}
    assert restore(s3, bucket, "aa").restored
    now = served(s3, bucket)
    assert {key: now[key] for key in before} == before


def test_a_repetition_sends_only_what_was_not_sent_yet(s3: Any, wire: Wire, bucket: str, site: Site) -> None:
    publish(site, s3, bucket, "aa")
    site.becomes("B")
    wire.cut_at("PUT index.html", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        publish(site, wire.s3, bucket, "bb")
    wire.undisturbed()

    result = publish(site, wire.s3, bucket, "bb")

    assert wire.writes() == ["index.html"]
    assert (result.uploaded, result.copied) == (0, 1)


def test_a_first_publication_that_was_cut_short_is_finished_without_sending_again(
    wire: Wire, bucket: str, site: Site
) -> None:
    wire.cut_at("PUT _releases/aa/manifest.json", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        publish(site, wire.s3, bucket, "aa")
    wire.undisturbed()

    result = publish(site, wire.s3, bucket, "aa")

    assert (result.uploaded, result.copied) == (0, 2)
    assert wire.writes() == ["sw.js", "index.html"]


def test_what_is_interrupted_waits_for_nobody_afterwards(wire: Wire, bucket: str, site: Site) -> None:
    wire.cut_at("PUT sw.js", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        publish(site, wire.s3, bucket, "aa")

    index = index_in(wire.s3, bucket)
    assert (index.holder, index.live) == ("", "")


# --- Releases -----------------------------------------------------------------------------------------


def test_restoring_brings_back_bytes_and_headers_and_keeps_the_assets_of_the_other(
    s3: Any, wire: Wire, bucket: str, site: Site
) -> None:
    publish(site, s3, bucket, "aa")
    before = served(s3, bucket)
    site.becomes("B")
    site.write("extra.txt", "only in B")
    site.remove("robots.txt")
    publish(site, s3, bucket, "bb")

    result = restore(wire.s3, bucket, "aa")

    assert served(s3, bucket) == before | {
        "assets/index.BBBBBBBB.js": (b"chunk B", "text/javascript; charset=utf-8", IMMUTABLE)
    }
    assert wire.writes() == [f"_releases/files/{md5('only in B')}", "robots.txt", "sw.js", "index.html"]
    assert (result.restored, result.uploaded, result.copied, result.deleted) == (True, 0, 3, 1)
    assert s3.head_object(Bucket=bucket, Key="index.html")["Metadata"] == {"release": "aa"}


def test_restoring_what_is_live_writes_nothing(s3: Any, wire: Wire, bucket: str, site: Site) -> None:
    publish(site, s3, bucket, "aa")

    restore(wire.s3, bucket, "aa")

    assert [request.split()[0] for request in wire.sent] == ["GET", "GET", "GET"]


def test_the_last_n_releases_are_kept_with_their_assets_and_older_ones_leave_nothing(
    s3: Any, bucket: str, site: Site
) -> None:
    for letter in "BCDE":
        site.becomes(letter)
        publish(site, s3, bucket, letter, keep=2)

    assert list(available(s3, bucket)) == ["E", "D"]
    place = Bucket(s3, bucket)
    # What both have in common is where it is served, and nowhere else.
    needed = {file.kept_at for release in "ED" for file in files_of(place, release)}
    common = {f"_releases/files/{md5(SITE[key])}" for key in SITE if key not in ("index.html", "sw.js")}
    records = {INDEX, "_releases/D/manifest.json", "_releases/E/manifest.json"}
    assert set(place.listing()) == needed - common | records | set(served(s3, bucket))
    assert {key for key in served(s3, bucket) if "index." in key} == {
        "index.html",
        "assets/index.DDDDDDDD.js",
        "assets/index.EEEEEEEE.js",
    }


def test_a_restored_release_is_the_newest(s3: Any, bucket: str, site: Site) -> None:
    publish(site, s3, bucket, "aa", keep=2)
    site.becomes("B")
    publish(site, s3, bucket, "bb", keep=2)
    restore(s3, bucket, "aa", keep=2)
    site.becomes("C")
    publish(site, s3, bucket, "cc", keep=2)

    assert list(available(s3, bucket)) == ["cc", "aa"]


def test_a_release_that_is_not_kept_any_more_is_refused_and_the_kept_ones_named(
    s3: Any, wire: Wire, bucket: str, site: Site
) -> None:
    for letter in "BCD":
        site.becomes(letter)
        publish(site, s3, bucket, letter, keep=2)
    before = served(s3, bucket)

    with pytest.raises(NotKeptError, match="Release B") as refusal:
        restore(wire.s3, bucket, "B")

    assert "D, C" in refusal.value.next_step
    assert served(s3, bucket) == before
    assert all(request.startswith("GET") for request in wire.sent)


@pytest.mark.parametrize("lost", ["assets/index.AAAAAAAA.js", "robots.txt"])
def test_a_release_of_which_a_file_is_gone_is_refused_and_the_file_named(
    s3: Any, wire: Wire, bucket: str, site: Site, lost: str
) -> None:
    publish(site, s3, bucket, "aa")
    [file] = [file for file in files_of(Bucket(s3, bucket), "aa") if file.key == lost]
    site.becomes("B")
    site.write("robots.txt", "changed in B")
    publish(site, s3, bucket, "bb")
    s3.delete_object(Bucket=bucket, Key=file.kept_at)
    before = served(s3, bucket)

    with pytest.raises(NotKeptError) as refusal:
        restore(wire.s3, bucket, "aa")

    assert lost in refusal.value.why
    assert served(s3, bucket) == before
    assert not wire.writes()


def test_a_file_that_a_release_replaced_or_dropped_comes_back_with_the_release_before(
    s3: Any, bucket: str, site: Site
) -> None:
    publish(site, s3, bucket, "aa")
    before = served(s3, bucket)
    site.becomes("B")
    site.write("robots.txt", "changed in B")
    site.remove("manifest.webmanifest")
    publish(site, s3, bucket, "bb")
    site.becomes("C")
    site.write("robots.txt", "changed in C")
    publish(site, s3, bucket, "cc")

    restore(s3, bucket, "aa")
    now = served(s3, bucket)
    restore(s3, bucket, "bb")

    assert {key: now[key] for key in before} == before
    assert served(s3, bucket)["robots.txt"][0] == b"changed in B"
    assert "manifest.webmanifest" not in served(s3, bucket)


def test_a_bucket_that_keeps_a_copy_of_every_file_as_it_used_to_be_goes_on(
    s3: Any, wire: Wire, bucket: str, site: Site
) -> None:
    publish(site, s3, bucket, "aa")
    before = served(s3, bucket)
    for file in files_of(Bucket(s3, bucket), "aa"):
        Bucket(s3, bucket).copy(file.key, file.kept_at)
    site.becomes("B")
    site.write("robots.txt", "changed in B")

    publish(site, wire.s3, bucket, "bb")

    assert f"_releases/files/{md5(SITE['robots.txt'])}" not in wire.writes()
    assert restore(s3, bucket, "aa").restored
    now = served(s3, bucket)
    assert {key: now[key] for key in before} == before


def test_an_altered_file_is_as_good_as_gone(s3: Any, bucket: str, site: Site) -> None:
    publish(site, s3, bucket, "aa")
    site.becomes("B")
    publish(site, s3, bucket, "bb")
    s3.put_object(Bucket=bucket, Key="assets/index.AAAAAAAA.js", Body=b"two")

    with pytest.raises(NotKeptError, match=r"assets/index\.AAAAAAAA\.js"):
        restore(s3, bucket, "aa")


def test_a_file_that_somebody_changed_by_hand_is_put_right(s3: Any, bucket: str, site: Site) -> None:
    publish(site, s3, bucket, "aa")
    s3.put_object(Bucket=bucket, Key="robots.txt", Body=b"by hand")

    publish(site, s3, bucket, "aa")

    assert served(s3, bucket)["robots.txt"][0].decode() == SITE["robots.txt"]


def test_a_damaged_index_ends_the_publication_and_names_the_object(s3: Any, bucket: str, site: Site) -> None:
    publish(site, s3, bucket, "aa")
    s3.put_object(Bucket=bucket, Key=INDEX, Body=b"{")

    with pytest.raises(DeployError, match=f"s3://{bucket}/{INDEX}"):
        publish(site, s3, bucket, "bb")


def test_a_site_from_before_releases_were_kept_gets_its_headers_and_keeps_its_assets_for_n_releases(
    s3: Any, bucket: str, site: Site
) -> None:
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"<script src=assets/index.00000000.js>")
    s3.put_object(Bucket=bucket, Key="assets/index.00000000.js", Body=b"zero")
    forgotten: list[str] = []

    def invalidate(paths: Any) -> str:
        forgotten.extend(paths)
        return ""

    publish(site, s3, bucket, "aa", keep=2, invalidate=invalidate)

    assert served(s3, bucket)["assets/index.00000000.js"][1:] == (
        "text/javascript; charset=utf-8",
        IMMUTABLE,
    )
    assert forgotten == ["/*"]
    assert list(available(s3, bucket)) == ["aa"]
    with pytest.raises(NotKeptError):
        restore(s3, bucket, "unrecorded")
    site.becomes("B")
    publish(site, s3, bucket, "bb", keep=2)
    assert "assets/index.00000000.js" not in served(s3, bucket)
    assert "assets/index.AAAAAAAA.js" in served(s3, bucket)


def test_new_header_rules_reach_every_file_without_sending_one(
    s3: Any, wire: Wire, bucket: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(site, s3, bucket, "aa")
    site.becomes("B")
    publish(site, s3, bucket, "bb")
    monkeypatch.setattr(manifest, "IMMUTABLE", "public, max-age=60")
    monkeypatch.setitem(manifest.CONTENT_TYPES, ".webmanifest", "application/json")

    result = publish(site, wire.s3, bucket, "bb")

    now = served(s3, bucket)
    assert {now[key][2] for key in now if manifest.is_hashed(key)} == {"public, max-age=60"}
    assert now["manifest.webmanifest"][1] == "application/json"
    assert (result.uploaded, result.copied) == (0, 5)
    wire.undisturbed()
    publish(site, wire.s3, bucket, "bb")
    assert not wire.writes()


# --- Two at once --------------------------------------------------------------------------------------


def test_who_is_overtaken_before_going_live_begins_anew_and_sends_what_the_other_deleted(
    s3: Any, wire: Wire, bucket: str, site: Site, tmp_path: Path
) -> None:
    other = Site(tmp_path / "other", SITE)
    other.becomes("O")
    publish(site, s3, bucket, "aa", keep=1)
    site.becomes("B")
    # By now chunk B is there and no release names it: to the other one it is garbage.
    wire.once_before("PUT _releases/bb/manifest.json", lambda: publish(other, s3, bucket, "oo", keep=1))

    publish(site, wire.s3, bucket, "bb", keep=2)

    assert wire.sent.count("PUT assets/index.BBBBBBBB.js") == 2
    assert_whole(s3, bucket)
    assert index_in(s3, bucket).live == "bb"
    assert list(available(s3, bucket)) == ["bb", "oo"]
    assert restore(s3, bucket, "oo").restored


def test_two_that_bring_the_same_new_file_do_not_overwrite_each_other_before_going_live(
    s3: Any, wire: Wire, bucket: str, site: Site, tmp_path: Path
) -> None:
    other = Site(tmp_path / "other", SITE | {"new.txt": "theirs"})
    other.becomes("O")
    publish(site, s3, bucket, "aa")
    site.becomes("B")
    site.write("new.txt", "ours")
    wire.once_before("PUT new.txt", lambda: publish(other, s3, bucket, "oo"))

    publish(site, wire.s3, bucket, "bb")

    assert served(s3, bucket)["new.txt"][0] == b"ours"
    restore(s3, bucket, "oo")
    assert served(s3, bucket)["new.txt"][0] == b"theirs"


def test_publications_side_by_side_end_with_one_whole_site_and_every_release_kept(
    s3: Any, bucket: str, tmp_path: Path
) -> None:
    sites = {letter: Site(tmp_path / letter, SITE) for letter in "BCD"}
    failures: list[BaseException] = []

    def run(letter: str) -> None:
        try:
            publish(sites[letter], s3, bucket, letter)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(letter,)) for letter in sites]
    for letter, site in sites.items():
        site.becomes(letter)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures
    live = index_in(s3, bucket).live
    assert set(available(s3, bucket)) == set("BCD")
    assert page(s3, bucket) == f"<script src=assets/index.{live * 8}.js>"
    assert served(s3, bucket)["sw.js"][0].decode() == f"precache {live}"
    for letter in "BCD":
        restore(s3, bucket, letter)


def hold(s3: Any, bucket: str, holder: str) -> None:
    """Write the index as another publication would, that has it (or, without a name, gives it back)."""
    index = dataclasses.replace(index_in(s3, bucket), holder=holder)
    s3.put_object(Bucket=bucket, Key=INDEX, Body=json.dumps(index.to_json()))


def test_while_another_one_goes_live_it_is_waited_for_and_named(
    s3: Any, wire: Wire, bucket: str, site: Site
) -> None:
    publish(site, s3, bucket, "aa")
    hold(s3, bucket, "ann@laptop 1")
    said: list[str] = []

    def progress(line: str) -> None:
        said.append(line)
        hold(s3, bucket, "")

    site.becomes("B")
    publish(site, wire.s3, bucket, "bb", progress=progress)

    assert said == [f"Waiting for another publication to s3://{bucket} (ann@laptop 1)"]
    assert index_in(s3, bucket).live == "bb"


def test_the_claim_of_one_that_died_ends_by_itself(
    s3: Any, bucket: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(site, s3, bucket, "aa")
    hold(s3, bucket, "ann@laptop 1")
    monkeypatch.setattr(claim, "LEASE_SECONDS", 0.0)

    assert publish(site, s3, bucket, "aa").release == "aa"


def test_who_lost_the_claim_while_it_stood_still_leaves_the_page_alone(
    s3: Any, wire: Wire, bucket: str, site: Site
) -> None:
    publish(site, s3, bucket, "aa")
    site.becomes("B")
    wire.once_before("PUT sw.js", lambda: hold(s3, bucket, "ann@laptop 1"))

    with pytest.raises(DeployError, match="Somebody else publishes"):
        publish(site, wire.s3, bucket, "bb")

    assert page(s3, bucket) == SITE["index.html"]
    assert index_in(s3, bucket).holder == "ann@laptop 1"


def test_a_claim_whose_answer_was_lost_is_still_ours(s3: Any, wire: Wire, bucket: str, site: Site) -> None:
    captured: dict[str, Any] = {}

    def remember(params: dict[str, Any], **_: Any) -> None:
        captured[params["Key"]] = params

    wire.s3.meta.events.register("provide-client-params.s3.PutObject", remember)

    def arrives_but_the_answer_does_not() -> AWSResponse:
        s3.put_object(**captured[INDEX])
        return answer(500, "InternalError")

    wire.once_before(f"PUT {INDEX}", arrives_but_the_answer_does_not)

    publish(site, wire.s3, bucket, "aa")

    wire.s3.meta.events.unregister("provide-client-params.s3.PutObject", remember)
    assert index_in(s3, bucket).live == "aa"


# --- CloudFront ---------------------------------------------------------------------------------------


def built_page(title: str) -> str:
    return f"<h1>{title}</h1><script src=/app.js></script>"


@pytest.fixture
def settings(default_settings: Settings, tmp_path: Path) -> Settings:
    """A checkout with LibreChat's shape whose build copies three files."""
    root = tmp_path / "LibreChat"
    build = "mkdir -p client/dist && cp client/*.html client/*.js client/*.txt client/dist/"
    package = {"name": "librechat", "version": "1.0.0"}
    checkout = Site(
        root,
        {
            "package.json": json.dumps(package | {"scripts": {"frontend": build}}),
            "package-lock.json": json.dumps(package | {"lockfileVersion": 3, "packages": {"": package}}),
            "client/index.html": built_page("one"),
            "client/app.js": "app",
            "client/robots.txt": "one",
        },
    )
    librechat = dataclasses.replace(default_settings.librechat, source=str(checkout.dist))
    return dataclasses.replace(default_settings, librechat=librechat, project_root=tmp_path)


@pytest.fixture
def distribution(emulator: Emulator, bucket: str) -> Iterator[str]:
    cloudfront = emulator.aws.client("cloudfront")
    made = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": bucket,
            "Comment": "",
            "Enabled": False,
            "Origins": {
                "Quantity": 1,
                "Items": [
                    {
                        "Id": "s3",
                        "DomainName": f"{bucket}.s3.eu-west-1.amazonaws.com",
                        "S3OriginConfig": {"OriginAccessIdentity": ""},
                    }
                ],
            },
            "DefaultCacheBehavior": {
                "TargetOriginId": "s3",
                "ViewerProtocolPolicy": "allow-all",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            },
        }
    )
    yield made["Distribution"]["Id"]
    cloudfront.delete_distribution(Id=made["Distribution"]["Id"], IfMatch=made["ETag"])


def invalidations(emulator: Emulator, distribution: str) -> list[list[str]]:
    cloudfront = emulator.aws.client("cloudfront")
    listed = cloudfront.list_invalidations(DistributionId=distribution)["InvalidationList"]
    found = [
        cloudfront.get_invalidation(DistributionId=distribution, Id=item["Id"])["Invalidation"]
        for item in listed.get("Items", [])
    ]
    return [sorted(item["InvalidationBatch"]["Paths"]["Items"]) for item in found]


def test_cloudfront_forgets_unhashed_files_that_changed_and_nothing_otherwise(
    emulator: Emulator, settings: Settings, bucket: str, distribution: str
) -> None:
    target = local_target(settings, endpoint=emulator.endpoint, base_url="")

    frontend.publish(settings, target, bucket)
    frontend.publish(settings, target, bucket)
    assert invalidations(emulator, distribution) == []

    Path(settings.librechat.source, "client/robots.txt").write_text("two")
    result = frontend.publish(settings, target, bucket)
    assert invalidations(emulator, distribution) == [["/robots.txt"]]
    assert result.invalidated == ("/robots.txt",)


def test_a_refused_invalidation_is_a_warning_for_the_site_is_live(
    emulator: Emulator, settings: Settings, bucket: str
) -> None:
    target = local_target(settings, endpoint=emulator.endpoint, base_url="")
    frontend.publish(settings, target, bucket)
    Path(settings.librechat.source, "client/robots.txt").write_text("two")

    result = frontend.publish(settings, target, bucket, distribution_id="E0NOTTHERE")

    assert "CloudFront was not told" in result.warning
    assert (result.copied, result.invalidated) == (2, ())


def test_an_invalidation_that_an_interruption_skipped_is_made_up_for(
    s3: Any, wire: Wire, bucket: str, site: Site
) -> None:
    publish(site, s3, bucket, "aa")
    site.write("robots.txt", "two")
    wire.cut_at("PUT index.html", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        publish(site, wire.s3, bucket, "bb")

    assert publish(site, s3, bucket, "bb").invalidated == ("/robots.txt",)


# --- Which release ------------------------------------------------------------------------------------


def test_a_release_that_is_not_kept_is_built_when_the_sources_give_it(
    emulator: Emulator, settings: Settings, s3: Any, bucket: str
) -> None:
    target = local_target(settings, endpoint=emulator.endpoint, base_url="")
    hash = frontend.source_hash(settings)

    result = frontend.publish(settings, target, bucket, release=hash)

    assert (result.release, result.restored) == (hash, False)
    assert page(s3, bucket) == built_page("one")


def test_a_release_that_is_kept_is_restored_without_building(
    emulator: Emulator, settings: Settings, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = local_target(settings, endpoint=emulator.endpoint, base_url="")
    first = frontend.publish(settings, target, bucket).release
    Path(settings.librechat.source, "client/index.html").write_text(built_page("two"))
    frontend.publish(settings, target, bucket)
    nowhere = dataclasses.replace(settings.librechat, source="/nowhere")

    result = frontend.publish(dataclasses.replace(settings, librechat=nowhere), target, bucket, release=first)

    assert (result.release, result.restored) == (first, True)
    assert page(s3, bucket) == built_page("one")


def test_a_release_that_is_neither_kept_nor_in_the_sources_is_refused(
    emulator: Emulator, settings: Settings, bucket: str
) -> None:
    target = local_target(settings, endpoint=emulator.endpoint, base_url="")

    with pytest.raises(NotKeptError, match="0123456789abcdef"):
        frontend.publish(settings, target, bucket, release="0123456789abcdef")


def test_sources_that_change_under_a_deploy_are_not_published_as_what_was_planned(
    emulator: Emulator, settings: Settings, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = local_target(settings, endpoint=emulator.endpoint, base_url="")
    planned = frontend.source_hash(settings)

    def edit_then_build(*arguments: Any) -> Any:
        Path(settings.librechat.source, "client/index.html").write_text(built_page("edited"))
        return frontend.build(*arguments)

    monkeypatch.setattr(publisher, "build", edit_then_build)

    with pytest.raises(DeployError, match="have changed meanwhile"):
        frontend.publish(settings, target, bucket, release=planned)

    with pytest.raises(ClientError, match="NoSuchKey"):
        page(s3, bucket)
