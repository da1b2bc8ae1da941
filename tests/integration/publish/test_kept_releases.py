"""Releases that are kept: how to come back, what stays, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.errors import DeployError
from scripts.frontend import NotKeptError, available, manifest
from scripts.frontend.bucket import Bucket
from scripts.frontend.releases import INDEX, files_of
from tests.integration.publish.site import IMMUTABLE, SITE, Site, Wire, md5, publish, restore, served

pytestmark = pytest.mark.integration


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
