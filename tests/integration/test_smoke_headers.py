"""Security headers that are missing, too weak, or only on some files are found, and named."""

from __future__ import annotations

import pytest
from aiohttp import web

from scripts.smoke.checks import headers
from scripts.smoke.model import NotCheckedError
from tests.unit.smoke.server import FILES, SECURITY_HEADERS, always, api, file, s3_denied, site_of

pytestmark = pytest.mark.integration

FAVICON = "/favicon.svg"
"""The first file that the page names."""


def without(path: str, name: str) -> web.Response:
    answer = file(path)
    del answer.headers[name]
    return answer


async def test_a_client_with_all_of_them_passes_and_shows_their_values() -> None:
    async with site_of() as site:
        result = await headers.security_headers(site)
    assert result.ok, result
    assert result.measured == "6 headers on 3 files"
    assert result.details["Referrer-Policy"] == "strict-origin-when-cross-origin"


@pytest.mark.parametrize("name", SECURITY_HEADERS)
async def test_a_missing_header_is_named_with_what_was_expected(name: str) -> None:
    async with site_of({"/": always(lambda: without("/", name))}) as site:
        result = await headers.security_headers(site)
    assert result.measured.startswith(f"/: {name}: (none), expected ")
    assert "response headers policy" in result.reason


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Strict-Transport-Security", "max-age=300; includeSubDomains"),
        ("X-Frame-Options", "ALLOWALL"),
        ("Referrer-Policy", "unsafe-url"),
        ("Content-Security-Policy", "default-src *"),
    ],
)
async def test_a_weaker_value_is_shown(name: str, value: str) -> None:
    weak = {name.replace("-", "_"): value}
    async with site_of({"/": always(lambda: file("/", **weak))}) as site:
        result = await headers.security_headers(site)
    assert f"{name}: {value}" in result.measured


async def test_a_page_that_has_them_does_not_speak_for_its_files() -> None:
    async with site_of({FAVICON: always(lambda: without(FAVICON, "X-Content-Type-Options"))}) as site:
        result = await headers.security_headers(site)
    assert result.measured.startswith(f"{FAVICON}: X-Content-Type-Options")


async def test_without_a_page_they_are_not_checked() -> None:
    async with site_of({"/": always(s3_denied)}) as site:
        with pytest.raises(NotCheckedError):
            await headers.security_headers(site)


async def test_whether_subdomains_are_included_is_the_owner_s_choice() -> None:
    alone = {"Strict_Transport_Security": "max-age=63072000"}
    paths = ("/", "/c/new", FAVICON)
    wrong = {path: always(lambda path=path: file(path if path in FILES else "/", **alone)) for path in paths}
    async with site_of(wrong) as site:
        result = await headers.security_headers(site)
    assert result.ok, result


async def test_the_api_s_answers_have_theirs() -> None:
    async with site_of() as site:
        result = await headers.api_headers(site)
    assert result.ok, result
    assert result.measured == "2 headers on /api/config"


@pytest.mark.parametrize("name", ["Strict-Transport-Security", "X-Content-Type-Options"])
async def test_a_header_that_the_api_s_answers_lack_is_named(name: str) -> None:
    def config() -> web.Response:
        answer = api({"appTitle": "x"})
        del answer.headers[name]
        return answer

    async with site_of({"/api/config": always(config)}) as site:
        result = await headers.api_headers(site)
    assert not result.ok
    assert result.measured.startswith(f"/api/config: {name}: (none), expected ")
    assert "response headers policy" in result.reason
