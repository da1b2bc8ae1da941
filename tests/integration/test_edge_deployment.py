"""The edge against a real control plane: every path goes where what was deployed sends it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from yarl import URL

from tests.integration.conftest import ACCOUNT, Emulator
from tests.integration.edge_stack import INDEX, Stack, deployed, viewer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stack(emulator: Emulator) -> Iterator[Stack]:
    with deployed(emulator) as made:
        yield made


async def test_an_api_request_reaches_the_function_through_what_was_deployed(stack: Stack):
    async with viewer(stack) as session, session.post("/api/echo?a=1", data=b"x") as response:
        assert response.status == 200
        assert response.headers["X-Cache"] == "Miss from cloudfront"
        event = await response.json()
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/api/{proxy+}", "/api/echo", "POST")
    assert event["requestContext"]["apiId"] == stack.api_id
    assert event["requestContext"]["accountId"] == ACCOUNT


async def test_an_upload_arrives_as_base64_and_a_preflight_needs_no_function(stack: Stack):
    async with viewer(stack) as session:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        async with session.post("/api/upload", data=b"\xff", headers=headers) as response:
            event = await response.json()
            assert (event["body"], event["isBase64Encoded"]) == ("/w==", True)
        async with session.options("/api/upload") as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == "https://x"


@pytest.mark.parametrize("path", ["/", "/index.html", "/chat/123"])
async def test_the_client_and_its_deep_links_come_from_the_bucket(stack: Stack, path: str):
    async with viewer(stack) as session, session.get(path) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html"
        assert await response.read() == INDEX
        assert len(response.headers.getall("Via")) == 1


async def test_a_missing_object_is_a_403_and_a_head_has_no_body(stack: Stack):
    async with viewer(stack) as session:
        async with session.get("/assets/missing.js") as response:
            assert response.status == 403
        async with session.head("/assets/a.js") as response:
            assert response.status == 200
            assert await response.read() == b""


async def test_the_security_headers_of_the_managed_policy_are_on_files_and_not_on_the_api(stack: Stack):
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-response-headers-policies.html"""
    expected = {
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "X-XSS-Protection": "1; mode=block",
    }
    async with viewer(stack) as session:
        async with session.get("/chat/123") as response:
            assert {name: response.headers.get(name) for name in expected} == expected
        async with session.get("/api/x") as response:
            assert not expected.keys() & response.headers.keys()


async def test_an_encoded_letter_hides_no_path_from_its_behavior(stack: Stack):
    async with viewer(stack) as session, session.get(URL("/%61pi/x", encoded=True)) as response:
        # No resource of the API has the raw path, and it is the API that says so, not the bucket.
        assert response.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


async def test_an_encoded_slash_is_no_slash(stack: Stack):
    """CloudFront normalizes as RFC 3986 does, which leaves ``%2F`` alone: it is not ``/api/*``.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html#DownloadDistValuesPathPattern
    """
    async with viewer(stack) as session, session.get(URL("/api%2Fx", encoded=True)) as response:
        assert "x-amzn-RequestId" not in response.headers
        assert await response.read() == INDEX


async def test_a_large_text_is_compressed_for_who_takes_it(stack: Stack):
    headers = {"Accept-Encoding": "gzip"}
    async with viewer(stack) as session, session.get("/index.html", headers=headers) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert int(response.headers["Content-Length"]) < len(INDEX)
        assert await response.read() == INDEX
