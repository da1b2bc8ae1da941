"""What each published file is: which files, which headers, which checksum."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from scripts.errors import DeployError
from scripts.frontend import manifest
from scripts.frontend.manifest import File


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    write(tmp_path / "index.html", "<h1>")
    return tmp_path


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def keys(dist: Path) -> list[str]:
    return [file.key for file in manifest.read(dist)]


@pytest.mark.parametrize(
    "key",
    [
        "assets/index.C3b2aQx_.js",
        "assets/index.-3b2aQx_.css",
        "assets/logo.Leb83kIX.svg",
        "assets/locales.CDeaw5C5.js.map",
        "workbox-5ffe50d4.js",
    ],
)
def test_a_name_with_a_hash_is_cached_for_ever(key: str) -> None:
    assert manifest.cache_control(key) == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "key",
    [
        "index.html",
        "sw.js",
        "registerSW.js",
        "manifest.webmanifest",
        "robots.txt",
        "fonts/Inter-SemiBold.woff2",
        "assets/fonts/Inter-SemiBold.woff2",
        "assets/apple-touch-icon-180x180.png",
        "assets/maskable-icon.png",
        "images/logo.abcdefgh.png",
    ],
)
def test_a_name_without_a_hash_is_asked_for_each_time(key: str) -> None:
    assert manifest.cache_control(key) == "no-cache"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("manifest.webmanifest", "application/manifest+json"),
        ("worker.mjs", "text/javascript; charset=utf-8"),
        ("assets/engine.CDeaw5C5.wasm", "application/wasm"),
        ("fonts/Inter.woff2", "font/woff2"),
        ("assets/index.CDeaw5C5.js.map", "application/json"),
        ("ICON.PNG", "image/png"),
        ("LICENSE", "application/octet-stream"),
    ],
)
def test_content_types_do_not_depend_on_the_machine(key: str, expected: str) -> None:
    assert manifest.content_type(key) == expected


def test_a_file_is_read_with_its_size_and_checksum(dist: Path) -> None:
    write(dist / "assets/index.CDeaw5C5.js", "code")

    [asset, page] = manifest.read(dist)

    assert asset == File("assets/index.CDeaw5C5.js", 4, hashlib.md5(b"code").hexdigest())
    assert page.key == "index.html"


def test_precompressed_siblings_stay_at_home_and_an_archive_of_its_own_goes_up(dist: Path) -> None:
    for name in ("app.js", "app.js.gz", "app.js.br", "theme.tar.gz"):
        write(dist / name, name)

    assert keys(dist) == ["app.js", "index.html", "theme.tar.gz"]


def test_a_directory_without_index_html_is_not_a_build(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"no index\.html"):
        manifest.read(tmp_path)


def test_a_hashed_file_is_kept_where_it_is_served_and_an_unhashed_one_by_its_content() -> None:
    assert File("assets/index.CDeaw5C5.js", 4, "0a").kept_at == "assets/index.CDeaw5C5.js"
    assert File("robots.txt", 4, "0a").kept_at == File("humans.txt", 4, "0a").kept_at == "_releases/files/0a"


def test_two_builds_are_the_same_site_when_names_and_contents_are(dist: Path) -> None:
    files = manifest.read(dist)
    renamed = [File("page.html", file.size, file.md5) for file in files]
    altered = [File(file.key, file.size, "0a") for file in files]

    assert manifest.digest(files) == manifest.digest([*reversed(files)])
    assert len({manifest.digest(some) for some in (files, renamed, altered)}) == 3


def test_other_headers_for_the_same_names_are_other_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    before = manifest.rules_version()

    monkeypatch.setitem(manifest.CONTENT_TYPES, ".html", "text/html")

    assert manifest.rules_version() != before
