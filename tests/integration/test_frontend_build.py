"""The frontend's build cache, its choice of sources, and the rules for published files."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from scripts import frontend
from scripts.errors import DeployError, ExitStatus
from scripts.frontend import manifest
from scripts.frontend.manifest import Entry
from scripts.frontend.publisher import plan
from scripts.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with LibreChat's shape whose build is one copied file and a line of output."""
    root = tmp_path / "LibreChat"
    scripts = {"frontend": "mkdir -p client/dist && cp client/page.html client/dist/index.html && echo built"}
    write(root / "package.json", json.dumps({"name": "librechat", "version": "1.0.0", "scripts": scripts}))
    lock = {
        "name": "librechat",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "packages": {"": {"name": "librechat"}},
    }
    write(root / "package-lock.json", json.dumps(lock))
    write(root / "client/page.html", "<h1>one</h1>")
    write(root / "packages/data/index.ts", "export {}")
    write(root / "api/server/index.js", "server")
    return root


@pytest.fixture
def settings(default_settings: Settings, checkout: Path, tmp_path: Path) -> Settings:
    librechat = dataclasses.replace(default_settings.librechat, source=str(checkout))
    return dataclasses.replace(default_settings, librechat=librechat, project_root=tmp_path)


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_a_checkout_is_built_once_for_each_content(settings: Settings) -> None:
    lines: list[str] = []

    first = frontend.build(settings, lines.append)
    second = frontend.build(settings)

    assert (first.path / "index.html").read_text() == "<h1>one</h1>"
    assert "built" in lines
    assert (first.cached, second.cached) == (False, True)
    assert first.content_hash == second.content_hash == frontend.source_hash(settings)


def test_a_changed_client_is_another_content(settings: Settings, checkout: Path) -> None:
    before = frontend.source_hash(settings)

    write(checkout / "client/page.html", "<h1>two</h1>")

    assert frontend.source_hash(settings) != before


@pytest.mark.parametrize(
    "path", ["api/server/index.js", "client/dist/index.html", "client/node_modules/x/index.js", ".git/HEAD"]
)
def test_what_the_client_is_not_made_from_does_not_count(
    settings: Settings, checkout: Path, path: str
) -> None:
    before = frontend.source_hash(settings)

    write(checkout / path, "changed")

    assert frontend.source_hash(settings) == before


def test_a_variable_that_vite_reads_counts(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = frontend.source_hash(settings)

    monkeypatch.setenv("VITE_ENABLE_LOGGER", "true")

    assert frontend.source_hash(settings) != before


def test_a_failed_build_shows_its_last_lines_and_leaves_nothing_behind(
    settings: Settings, checkout: Path
) -> None:
    package = json.loads((checkout / "package.json").read_text())
    package["scripts"]["frontend"] = "echo Cannot find module vite; exit 3"
    write(checkout / "package.json", json.dumps(package))

    with pytest.raises(DeployError, match="npm run frontend") as failure:
        frontend.build(settings)

    assert "Cannot find module vite" in failure.value.evidence
    frontends = settings.project_root / ".build" / "frontend"
    assert [path.name for path in frontends.iterdir()] == [".lock"]


def test_a_directory_that_is_not_librechat_is_refused(settings: Settings, checkout: Path) -> None:
    write(checkout / "package.json", '{"scripts": {}}')

    with pytest.raises(DeployError, match="not a checkout of LibreChat") as failure:
        frontend.source_hash(settings)

    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_the_real_account_gets_no_stand_in(default_settings: Settings) -> None:
    with pytest.raises(DeployError) as failure:
        frontend.build(dataclasses.replace(default_settings, target="aws"))

    assert "INVOKE_LIBRECHAT_SOURCE" in failure.value.next_step


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


def test_a_size_that_differs_is_a_change_even_with_the_same_checksum() -> None:
    entry = Entry("index.html", Path("index.html"), 5, "abc", "text/html", "no-cache")

    changes = plan([entry], {"index.html": ("abc", 4)}, current_rules=manifest.rules_version())

    assert changes.upload == (entry,)
