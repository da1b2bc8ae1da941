"""What is sent, copied, deleted and forgotten: planned from files and a listing, without a bucket."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from scripts.frontend import changes
from scripts.frontend.bucket import MULTIPART_BYTES, Stored
from scripts.frontend.changes import Changes, Upload
from scripts.frontend.manifest import File

PAGE = File("index.html", 5, "page")
WORKER = File("sw.js", 4, "worker")
ROBOTS = File("robots.txt", 3, "robots")
FONT = File("fonts/Inter.woff2", 900, "font")
ASSET = File("assets/index.AAAAAAAA.js", 100, "asset")
OLD_ASSET = File("assets/index.BBBBBBBB.js", 90, "old asset")
SITE = (PAGE, WORKER, ROBOTS, FONT, ASSET)


def kept(files: Iterable[File]) -> dict[str, Stored]:
    return {file.kept_at: Stored(file.md5, file.size) for file in files}


def served(files: Iterable[File]) -> dict[str, Stored]:
    return {file.key: Stored(file.md5, file.size) for file in files}


def go_live(
    files: Iterable[File],
    stored: dict[str, Stored],
    *,
    same_rules: bool = True,
    same_release: bool = True,
) -> Changes:
    return changes.to_go_live(files, stored, same_rules=same_rules, same_release=same_release)


def test_the_biggest_file_is_sent_first() -> None:
    assert [upload.file for upload in changes.missing(SITE, {})[:2]] == [FONT, ASSET]


def test_what_is_kept_or_served_is_not_sent() -> None:
    stored = kept([PAGE, FONT]) | served([ROBOTS])

    assert [upload.file for upload in changes.missing(SITE, stored)] == [ASSET, WORKER]


def test_what_nobody_is_served_yet_goes_straight_there_but_for_the_page_and_the_worker() -> None:
    assert {upload.file: (upload.to, upload.straight) for upload in changes.missing(SITE, {})} == {
        ASSET: (ASSET.key, False),
        FONT: (FONT.key, True),
        ROBOTS: (ROBOTS.key, True),
        WORKER: (WORKER.kept_at, False),
        PAGE: (PAGE.kept_at, False),
    }


def test_what_replaces_a_file_waits_where_it_is_kept_and_the_same_content_is_sent_once() -> None:
    twin = File("humans.txt", ROBOTS.size, ROBOTS.md5)
    stored = served([File("robots.txt", 9, "old"), File("humans.txt", 9, "old")])

    [upload] = changes.missing([ROBOTS, twin], stored)

    assert (upload.to, upload.straight) == (ROBOTS.kept_at, False)


def test_what_goes_up_in_parts_waits_where_it_is_kept() -> None:
    video = File("tour.mp4", MULTIPART_BYTES, "video")

    assert changes.missing([video], {}) == (Upload(video, video.kept_at),)


def test_what_is_about_to_be_lost_is_set_aside_for_the_releases_that_need_it() -> None:
    twin = File("humans.txt", ROBOTS.size, ROBOTS.md5)
    stored = served([ROBOTS, twin, FONT, WORKER]) | kept([WORKER])
    other = File("robots.txt", 4, "of another release")

    aside = changes.to_set_aside([SITE, [*SITE, other]], ["robots.txt", "sw.js", "nobody's.txt"], stored)

    assert aside == (ROBOTS,)


@pytest.mark.parametrize("stored", [Stored("asset", 99), Stored("other", 100)])
def test_another_size_or_checksum_is_a_change(stored: Stored) -> None:
    assert changes.missing([ASSET], {ASSET.key: stored}) == (Upload(ASSET, ASSET.key),)


def test_an_etag_that_is_no_checksum_counts_when_the_manifest_knows_it() -> None:
    in_parts = File(ASSET.key, ASSET.size, ASSET.md5, etag="parts-2")

    assert changes.missing([in_parts], {ASSET.key: Stored("parts-2", ASSET.size)}) == ()


def test_index_html_is_the_last_wave_after_the_service_worker() -> None:
    waves = go_live(SITE, kept(SITE)).waves

    assert waves == ((FONT, ROBOTS), (WORKER,), (PAGE,))


def test_nothing_is_done_when_everything_is_served() -> None:
    assert not go_live(SITE, served(SITE))


def test_only_a_changed_file_is_copied_and_forgotten() -> None:
    stored = served(SITE) | {ROBOTS.key: Stored("old", 3)}

    planned = go_live(SITE, stored)

    assert (planned.waves, planned.lost, planned.stale) == (((ROBOTS,),), ("robots.txt",), ("/robots.txt",))


def test_a_page_with_the_same_bytes_gets_the_name_of_its_new_release_and_is_not_forgotten() -> None:
    planned = go_live(SITE, served(SITE), same_release=False)

    assert (planned.waves, planned.stale) == (((PAGE,),), ())


def test_a_first_publication_has_nothing_to_forget() -> None:
    assert go_live(SITE, {}).stale == ()


def test_plain_files_that_the_release_does_not_have_are_deleted_and_forgotten() -> None:
    stored = served([*SITE, File("old page.html", 1, "x"), OLD_ASSET]) | kept(SITE)

    planned = go_live(SITE, stored)

    assert (planned.deletions, planned.stale) == (("old page.html",), ("/old%20page.html",))


def test_other_rules_give_every_file_new_headers_and_forget_everything() -> None:
    planned = go_live(SITE, served([*SITE, OLD_ASSET]), same_rules=False)

    assert planned.copies == 4
    assert planned.new_headers == (ASSET.key, OLD_ASSET.key)
    assert planned.stale == ("/*",)


def test_what_no_kept_release_needs_is_garbage() -> None:
    stored = kept([*SITE, OLD_ASSET, File("robots.txt", 3, "old robots")]) | served(SITE)

    assert changes.garbage([SITE], [], stored) == ["_releases/files/old robots", OLD_ASSET.key]


def test_records_of_kept_releases_stay() -> None:
    records = ["_releases/index.json", "_releases/aa/manifest.json"]

    assert changes.garbage([], records, [*records, "_releases/bb/manifest.json"]) == [
        "_releases/bb/manifest.json"
    ]


def test_paths_of_an_unfinished_publication_are_added_and_many_become_one() -> None:
    assert changes.merged(["/b", "/a"], ["/a"]) == ("/a", "/b")
    assert changes.merged(["/a"], ["/*"]) == ("/*",)
    assert changes.merged([f"/{number}" for number in range(101)]) == ("/*",)
