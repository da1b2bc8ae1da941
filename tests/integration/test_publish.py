"""Publishing to the embedded S3: what goes up, in which order, and what stays."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.aws import error_code
from scripts.errors import DeployError
from scripts.frontend import publish_directory

pytestmark = pytest.mark.integration

SITE = {
    "index.html": "<script src=assets/index.AAAAAAAA.js>",
    "sw.js": "self",
    "robots.txt": "User-agent: *",
    "manifest.webmanifest": "{}",
    "assets/index.AAAAAAAA.js": "one",
    "assets/index.AAAAAAAA.js.gz": "compressed for another server",
    "assets/fonts/Inter-SemiBold.woff2": "font",
}


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    for name, content in SITE.items():
        write(tmp_path / "dist" / name, content)
    return tmp_path / "dist"


@pytest.fixture
def s3(emulator: Any) -> Any:
    return emulator.aws.client("s3")


@pytest.fixture
def bucket(s3: Any) -> Iterator[str]:
    name = f"site-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield name
    for item in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=item["Key"])
    s3.delete_bucket(Bucket=name)


class Recorder:
    """A client in front of the real one that notes the order of writes, and can break like a cut network."""

    def __init__(self, s3: Any, *, fails_at: str | None = None) -> None:
        self._s3, self._fails_at = s3, fails_at
        self.written: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def put_object(self, *, Key: str, **options: Any) -> Any:
        if Key == self._fails_at:
            raise KeyboardInterrupt
        self.written.append(Key)
        return self._s3.put_object(Key=Key, **options)


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def keys(s3: Any, bucket: str) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


def test_a_first_publication_uploads_every_file_except_precompressed_siblings(
    s3: Any, bucket: str, dist: Path
) -> None:
    result = publish_directory(dist, s3, bucket)

    assert keys(s3, bucket) == set(SITE) - {"assets/index.AAAAAAAA.js.gz"}
    assert (result.uploaded, result.unchanged, result.deleted) == (6, 0, 0)


def test_a_second_publication_of_the_same_files_writes_nothing(s3: Any, bucket: str, dist: Path) -> None:
    publish_directory(dist, s3, bucket)
    recorder = Recorder(s3)

    result = publish_directory(dist, recorder, bucket)

    assert recorder.written == []
    assert (result.uploaded, result.unchanged, result.bytes) == (0, 6, 0)


def test_only_the_changed_file_goes_up(s3: Any, bucket: str, dist: Path) -> None:
    publish_directory(dist, s3, bucket)
    write(dist / "robots.txt", "User-agent: nobody")
    recorder = Recorder(s3)

    publish_directory(dist, recorder, bucket)

    assert recorder.written == ["robots.txt"]


def test_headers_let_hashed_files_live_for_ever_and_the_rest_be_asked_for_each_time(
    s3: Any, bucket: str, dist: Path
) -> None:
    publish_directory(dist, s3, bucket)

    def headers(key: str) -> tuple[str, str]:
        head = s3.head_object(Bucket=bucket, Key=key)
        return head["CacheControl"], head["ContentType"]

    immutable = "public, max-age=31536000, immutable"
    assert headers("assets/index.AAAAAAAA.js") == (immutable, "text/javascript; charset=utf-8")
    assert headers("assets/fonts/Inter-SemiBold.woff2") == ("no-cache", "font/woff2")
    assert headers("index.html") == ("no-cache", "text/html; charset=utf-8")
    assert headers("manifest.webmanifest") == ("no-cache", "application/manifest+json")


def test_index_html_comes_last_after_everything_it_can_lead_to(s3: Any, bucket: str, dist: Path) -> None:
    recorder = Recorder(s3)

    publish_directory(dist, recorder, bucket)

    assert recorder.written[0] == "assets/index.AAAAAAAA.js"
    assert recorder.written[-2:] == ["sw.js", "index.html"]


def test_an_old_hashed_asset_stays_and_an_old_plain_file_goes(s3: Any, bucket: str, dist: Path) -> None:
    publish_directory(dist, s3, bucket)
    (dist / "assets/index.AAAAAAAA.js").rename(dist / "assets/index.BBBBBBBB.js")
    (dist / "robots.txt").unlink()

    result = publish_directory(dist, s3, bucket)

    assert {"assets/index.AAAAAAAA.js", "assets/index.BBBBBBBB.js"} <= keys(s3, bucket)
    assert "robots.txt" not in keys(s3, bucket)
    assert result.deleted == 1


def test_an_interruption_leaves_the_old_site_whole_and_a_repetition_finishes(
    s3: Any, bucket: str, dist: Path
) -> None:
    publish_directory(dist, s3, bucket)
    (dist / "assets/index.AAAAAAAA.js").rename(dist / "assets/index.BBBBBBBB.js")
    write(dist / "index.html", "<script src=assets/index.BBBBBBBB.js>")

    with pytest.raises(KeyboardInterrupt):
        publish_directory(dist, Recorder(s3, fails_at="index.html"), bucket)

    served = s3.get_object(Bucket=bucket, Key="index.html")["Body"].read().decode()
    assert served == SITE["index.html"]
    assert "assets/index.AAAAAAAA.js" in keys(s3, bucket)

    recorder = Recorder(s3)
    publish_directory(dist, recorder, bucket)
    assert recorder.written == ["index.html"]


def test_files_published_with_other_header_rules_go_up_again(s3: Any, bucket: str, dist: Path) -> None:
    publish_directory(dist, s3, bucket)
    s3.put_object(
        Bucket=bucket, Key="index.html", Body=SITE["index.html"], Metadata={"publish-rules": "older"}
    )

    assert publish_directory(dist, s3, bucket).uploaded == 6


def test_a_directory_without_index_html_is_refused_before_anything_is_deleted(
    s3: Any, bucket: str, dist: Path
) -> None:
    publish_directory(dist, s3, bucket)
    (dist / "index.html").unlink()

    with pytest.raises(DeployError, match=r"no index\.html"):
        publish_directory(dist, s3, bucket)

    assert "index.html" in keys(s3, bucket)


def test_a_missing_bucket_is_reported_with_its_name(s3: Any, dist: Path) -> None:
    with pytest.raises(DeployError, match="s3://no-such-bucket-here") as failure:
        publish_directory(dist, s3, "no-such-bucket-here")

    assert error_code(failure.value.__cause__ or failure.value) == "NoSuchBucket"
