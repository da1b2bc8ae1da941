"""Every way in which the frontend's part may be wrong is found by its check, and named."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest
from aiohttp import web

from scripts.smoke import site as site_module
from scripts.smoke.checks import access, frontend
from scripts.smoke.model import NotCheckedError, Status
from scripts.smoke.page import CONNECTIONS, asset_paths, is_hashed
from tests.unit.smoke.server import (
    FILES,
    INDEX,
    YEAR,
    Handler,
    always,
    api_headers,
    file,
    s3_denied,
    site_of,
)

pytestmark = pytest.mark.integration

SCRIPT = "/assets/index.B1x-2_3d.js"


def page(text: str = INDEX, status: int = 200, kind: str = "text/html") -> Handler:
    return always(lambda: web.Response(text=text, status=status, content_type=kind))


@pytest.mark.parametrize("check", [*frontend.CHECKS, *access.CHECKS[:3]], ids=lambda check: check.title)
async def test_a_good_frontend_passes(check) -> None:  # type: ignore[no-untyped-def]
    async with site_of() as site:
        result = await check.run(site)
    assert result.ok, result
    assert result.measured


async def test_a_refused_index_points_at_the_bucket_policy() -> None:
    async with site_of({"/": always(s3_denied), "/index.html": always(s3_denied)}) as site:
        result = await frontend.index_html(site)
    assert result.status is Status.FAILED
    assert "bucket policy" in result.reason
    assert "AccessDenied" in result.evidence


async def test_a_missing_default_root_object_is_told_from_a_refusal() -> None:
    async with site_of({"/": always(s3_denied)}) as site:
        assert "default_root_object" in (await frontend.index_html(site)).reason


async def test_an_index_that_was_published_without_its_type_is_named() -> None:
    async with site_of({"/": page(kind="binary/octet-stream")}) as site:
        assert "content type" in (await frontend.index_html(site)).reason


@pytest.mark.parametrize(
    "check", [frontend.assets, frontend.load_time, frontend.deep_link, frontend.missing_asset]
)
async def test_without_an_index_the_others_are_not_checked_instead_of_failing_too(check) -> None:  # type: ignore[no-untyped-def]
    async with site_of({"/": always(s3_denied)}) as site:
        with pytest.raises(NotCheckedError, match="did not arrive"):
            await check(site)


async def test_a_missing_asset_named_by_the_index_is_found() -> None:
    async with site_of({SCRIPT: always(s3_denied)}) as site:
        result = await frontend.assets(site)
    assert result.measured.startswith("3 of 4")
    assert SCRIPT in result.reason


async def test_an_asset_that_is_really_the_index_is_found() -> None:
    async with site_of({SCRIPT: always(lambda: file("/index.html"))}) as site:
        assert "index.html under another name" in (await frontend.assets(site)).reason


async def test_an_asset_with_a_wrong_content_type_is_found() -> None:
    async with site_of({SCRIPT: page("export {}", kind="application/octet-stream")}) as site:
        result = await frontend.assets(site)
    assert "application/octet-stream" in result.reason and "text/javascript" in result.reason


async def test_an_asset_that_the_api_serves_is_found() -> None:
    from_api = always(
        lambda: web.Response(text="export {}", content_type="text/javascript", headers=api_headers())
    )
    async with site_of({SCRIPT: from_api}) as site:
        assert "came from API Gateway" in (await frontend.assets(site)).reason


async def test_an_index_without_assets_is_not_a_client() -> None:
    async with site_of({"/": page("<!doctype html><p>It works!")}) as site:
        assert "not a built client" in (await frontend.assets(site)).reason


async def test_several_wrong_assets_are_counted() -> None:
    async with site_of({"/assets/*": always(s3_denied)}) as site:
        result = await frontend.assets(site)
    assert result.measured.startswith("2 of 4")
    assert result.reason.endswith("(and 1 more)")


@pytest.mark.parametrize("control", ["no-cache", "public, max-age=31536000", "public, max-age=60, immutable"])
async def test_a_hashed_asset_that_is_not_kept_for_ever_is_found(control: str) -> None:
    async with site_of({SCRIPT: always(lambda: file(SCRIPT, Cache_Control=control))}) as site:
        result = await frontend.asset_caching(site)
    assert not result.ok
    assert SCRIPT in result.measured and control in result.measured


@pytest.mark.parametrize("path", ["/", "/sw.js", "/favicon.svg"])
async def test_a_file_with_a_fixed_name_that_is_cached_is_found(path: str) -> None:
    async with site_of({path: always(lambda: file(path, Cache_Control=YEAR))}) as site:
        result = await frontend.revalidation(site)
    assert not result.ok
    assert result.reason.startswith(f"{path} keeps its name")


async def test_a_file_with_a_fixed_name_and_no_cache_control_is_found() -> None:
    async with site_of({"/sw.js": page("self", kind="text/javascript")}) as site:
        assert (await frontend.revalidation(site)).measured == "/sw.js: no Cache-Control"


async def test_a_client_without_a_service_worker_is_fine() -> None:
    async with site_of({"/sw.js": always(s3_denied)}) as site:
        assert (await frontend.revalidation(site)).ok


async def test_a_deep_link_that_s3_refuses_points_at_the_spa_function() -> None:
    async with site_of({"/chat/*": always(s3_denied)}) as site:
        result = await frontend.deep_link(site)
    assert "SPA function is not attached" in result.reason
    assert result.measured.startswith("403")


async def test_a_deep_link_that_gives_another_page_is_found() -> None:
    async with site_of({"/chat/*": page("<!doctype html><p>other")}) as site:
        assert "something else than index.html" in (await frontend.deep_link(site)).reason


async def test_a_missing_file_answered_with_the_index_points_at_custom_error_response() -> None:
    async with site_of({"/assets/nope*": page()}) as site:
        assert "custom_error_response" in (await frontend.missing_asset(site)).reason


async def test_the_load_time_names_the_slowest_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "LOAD_SECONDS", 0.2)

    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.25)
        return file(SCRIPT)

    async with site_of({SCRIPT: slow}) as site:
        result = await frontend.load_time(site)
    assert not result.ok
    assert SCRIPT in result.reason
    assert "at the first try" in result.measured


async def test_a_page_that_is_slow_once_is_loaded_again() -> None:
    async with site_of() as site:
        page = await site.page()
        slow = replace(page, index=replace(page.index, seconds=3.2))
        site._facts["page"] = asyncio.ensure_future(asyncio.sleep(0, slow))
        result = await frontend.load_time(site)
    assert result.ok
    assert re.search(r"3\.\d\d s at the first try", result.measured)


async def test_a_page_that_is_slow_once_and_then_fails_has_no_load_time() -> None:
    """An error page names no file, and nothing is loaded fast."""
    answers = iter((file("/index.html"), s3_denied()))
    async with site_of({"/": always(lambda: next(answers))}) as site:
        page = await site.page()
        slow = replace(page, index=replace(page.index, seconds=3.2))
        site._facts["page"] = asyncio.ensure_future(asyncio.sleep(0, slow))
        with pytest.raises(NotCheckedError, match="not that of the whole page"):
            await frontend.load_time(site)


async def test_the_waterfall_has_a_row_for_each_file_and_begins_with_the_page() -> None:
    cached = always(lambda: file(SCRIPT, X_Cache="Hit from cloudfront"))
    async with site_of({SCRIPT: cached}) as site:
        rows = (await frontend.load_time(site)).details["waterfall"]
    assert [row["path"] for row in rows] == ["/", *asset_paths(INDEX, "http://x/")]
    page, *assets = rows
    assert page["start_ms"] == 0
    assert min(row["start_ms"] for row in assets) == page["end_ms"]
    for row in rows:
        assert row["start_ms"] <= row["headers_ms"] <= row["end_ms"]
        assert row["status"] == 200 and row["bytes"] > 0
    assert {row["cache"] for row in rows} == {"Hit from cloudfront"}


async def test_a_page_is_loaded_over_as_many_connections_as_a_browser_opens() -> None:
    names = [f"/assets/part{n}.{n:08}.js" for n in range(CONNECTIONS + 2)]
    page = "".join(f'<script src="{name}"></script>' for name in names)
    waiting, most = 0, 0
    full = asyncio.Event()

    async def held(request: web.Request) -> web.StreamResponse:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        if waiting == CONNECTIONS:
            full.set()
        await full.wait()
        for _ in range(20):  # whoever else was sent has time to arrive
            await asyncio.sleep(0)
        waiting -= 1
        return web.Response(text="export {}", content_type="text/javascript")

    index = always(lambda: web.Response(text=f"<!doctype html>{page}", content_type="text/html"))
    async with site_of({"/": index, "/assets/*": held}) as site:
        assert len((await site.page()).arrived) == len(names)
    assert most == CONNECTIONS


async def test_a_compressed_file_counts_with_the_bytes_on_the_wire() -> None:
    async def compressed(request: web.Request) -> web.StreamResponse:
        answer = file(SCRIPT)
        answer.text = "x" * 10_000
        answer.enable_compression(web.ContentCoding.gzip)
        return answer

    async with site_of({SCRIPT: compressed}) as site:
        answer = (await site.page()).arrived[SCRIPT]
    assert len(answer.body) == 10_000
    assert answer.wire_bytes < 1000


async def test_a_page_without_hashed_files_says_nothing_about_their_caching() -> None:
    plain = '<!doctype html><script src="/plain.js"></script>'
    async with site_of({"/": page(plain), "/plain.js": page("export {}", kind="text/javascript")}) as site:
        with pytest.raises(NotCheckedError, match="hash in its name"):
            await frontend.asset_caching(site)


async def test_a_page_that_did_not_arrive_whole_has_no_load_time() -> None:
    async with site_of({SCRIPT: always(s3_denied)}) as site:
        with pytest.raises(NotCheckedError, match="not every file"):
            await frontend.load_time(site)


async def test_a_bucket_that_anybody_can_read_is_found_and_its_content_is_not_shown() -> None:
    async with site_of({"/s3/the-frontend/index.html": page("private things")}) as site:
        result = await access.frontend_bucket(site)
    assert "Anybody can read s3://the-frontend/index.html" in result.reason
    assert "private things" not in result.evidence


async def test_releases_that_visitors_can_read_are_found_and_their_content_is_not_shown() -> None:
    async with site_of({"/_releases/index.json": page("private things")}) as site:
        result = await access.kept_releases(site)
    assert result.status is Status.FAILED
    assert "bucket policy" in result.reason
    assert "private things" not in result.evidence


async def test_a_bucket_that_anybody_can_list_is_found() -> None:
    async with site_of({"/s3/the-files/": page("<ListBucketResult/>", kind="application/xml")}) as site:
        assert not (await access.files_bucket(site)).ok


async def test_a_bucket_that_does_not_exist_is_not_a_closed_bucket() -> None:
    async with site_of({"/s3/*": page("<Error/>", 404, "application/xml")}) as site:
        assert "does not exist" in (await access.frontend_bucket(site)).reason


async def test_without_the_output_the_bucket_is_not_checked() -> None:
    async with site_of() as site:
        site.outputs = {}
        with pytest.raises(NotCheckedError, match="frontend_bucket"):
            await access.frontend_bucket(site)


@pytest.mark.parametrize("check", [access.tls_version, access.https_redirect])
async def test_tls_is_not_checked_on_plain_http(check) -> None:  # type: ignore[no-untyped-def]
    async with site_of() as site:
        with pytest.raises(NotCheckedError, match="not an https address"):
            await check(site)


def test_objects_of_the_real_account_are_asked_for_at_the_bucket_s_own_host() -> None:
    site = site_module.Site(None, None, {"region": "eu-west-1"})  # type: ignore[arg-type]
    assert site.object_url("b", "index.html") == "https://b.s3.eu-west-1.amazonaws.com/index.html"


def test_the_assets_are_those_a_browser_would_load_from_the_same_origin() -> None:
    assert asset_paths(INDEX, "http://host:1/") == [
        "/favicon.svg",
        "/manifest.webmanifest",
        SCRIPT,
        "/assets/index.abcDEF12.css",
    ]


def test_a_link_that_is_no_address_is_named_as_it_stands() -> None:
    assert asset_paths(
        "<base href='//[x'><script src='//[bad/x.js'></script><img src='a.png'>", "http://h/"
    ) == [
        "//[bad/x.js",
        "/a.png",
    ]


def test_relative_links_follow_the_page_when_there_is_no_base() -> None:
    links = '<img src="a.png?v=1"><img src="a.png?v=1"><link rel="alternate" href="b.xml"><a href="c.html">'
    assert asset_paths(links, "http://host/chat/1") == ["/chat/a.png?v=1"]


@pytest.mark.parametrize(
    ("path", "hashed"),
    [
        (SCRIPT, True),
        ("/assets/fonts/x.12345678.woff2", True),
        ("/assets/fonts/Inter-SemiBold.woff2", False),
        ("/assets/favicon-32x32.png", False),
        ("/sw.js", False),
    ],
)
def test_a_hash_stands_between_dots(path: str, hashed: bool) -> None:
    assert is_hashed(path) is hashed


def test_the_good_deployment_is_a_consistent_fixture() -> None:
    assert set(asset_paths(INDEX, "http://host/")) <= set(FILES)
