"""What goes up, with which headers, in which order, and in how many requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError

from scripts.aws import error_code
from scripts.errors import DeployError
from scripts.frontend.bucket import Bucket
from tests.integration.conftest import Emulator
from tests.integration.publish.site import IMMUTABLE, SITE, Site, Wire, answer, md5, publish, served

pytestmark = pytest.mark.integration


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
