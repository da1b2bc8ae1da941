"""CloudFront's part: who is served, by which behavior, and what an origin gets to see."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest
from aiohttp import web

from scripts.local.edge.cloudfront import normalize
from scripts.local.edge.model import ControlPlane, Distribution
from scripts.local.edge.wildcard import arn_matches, matches
from tests.integration.edge.edge_deployment import (
    ALIAS,
    ALL_VIEWER_EXCEPT_HOST,
    API_BEHAVIOR,
    API_DOMAIN,
    API_ORIGIN,
    CACHING_OPTIMIZED,
    DEFAULT_BEHAVIOR,
    DOMAIN,
    answering,
    behavior,
    deployed,
    distribution,
    ok,
    prelude,
    request_policy,
    served,
    viewing,
)

pytestmark = pytest.mark.integration


def one(**changes: object) -> ControlPlane:
    return deployed(distributions=(distribution(**changes),))


@pytest.mark.parametrize(
    "host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", ALIAS, ALIAS.upper(), DOMAIN]
)
async def test_local_hosts_the_alias_and_the_domain_name_reach_the_distribution(host: str):
    async with viewing() as viewer, viewer.get("/api/health", headers={"Host": host}) as response:
        assert response.status == 200


async def test_a_wildcard_alias_counts():
    plane = one(aliases=("*.sandbox.data.apro.is",))
    async with viewing(plane) as viewer, viewer.get("/api/health", headers={"Host": ALIAS}) as response:
        assert response.status == 200


async def test_an_unknown_host_gets_cloudfronts_403():
    headers = {"Host": "example.com"}
    async with viewing() as viewer, viewer.get("/api/health", headers=headers) as response:
        assert response.status == 403
        assert "The request could not be satisfied" in await response.text()
        assert response.headers["Server"] == "CloudFront"
        assert response.headers["X-Cache"] == "Error from cloudfront"
        assert response.headers["Via"].endswith(".cloudfront.net (CloudFront)")
        assert response.headers["X-Amz-Cf-Id"] in await response.text()


async def test_nothing_deployed_is_said_plainly():
    async with viewing(deployed(distributions=())) as viewer, viewer.get("/") as response:
        assert response.status == 403
        assert "No distribution is deployed" in await response.text()


async def test_a_lost_control_plane_is_said_plainly():
    lost = ConnectionRefusedError("Could not connect to the endpoint URL")
    async with viewing(lost) as viewer, viewer.get("/") as response:
        assert response.status == 503
        assert "Could not connect to the endpoint URL" in await response.text()
        assert "inv local.status" in await response.text()


async def test_a_disabled_distribution_serves_nothing():
    async with viewing(one(enabled=False)) as viewer, viewer.get("/api/health") as response:
        assert response.status == 403
        assert "disabled" in await response.text()


async def test_of_several_distributions_localhost_means_the_one_with_the_alias():
    other: Distribution = distribution(id="E2", aliases=(), domain_name="d2.cloudfront.net", behaviors=())
    plane = deployed(distributions=(other, distribution()))
    async with viewing(plane) as viewer, viewer.get("/api/health") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/api/*", "/api/health", True),
        ("api/*", "/api/health", True),
        ("/api/*", "/api", False),
        ("/api/*", "/API/health", False),
        ("/*.jpg", "/a/b.jpg", True),
        ("/a??.jpg", "/ant.jpg", True),
        ("/a??.jpg", "/ants.jpg", False),
        ("/a[1].jpg", "/a1.jpg", False),
    ],
)
async def test_path_patterns_know_two_wildcards_and_case(pattern: str, path: str, expected: bool):
    functions = ok()
    first = replace(API_BEHAVIOR, path_pattern=pattern)
    broken = replace(DEFAULT_BEHAVIOR, target_origin_id="nowhere")
    async with viewing(one(behaviors=(first, broken)), functions) as viewer, viewer.get(path) as response:
        assert ("nowhere" not in await response.text()) is expected


@pytest.mark.parametrize(
    ("path", "normalized"),
    [
        ("/api/health", "/api/health"),
        ("/x/../api/./health", "/api/health"),
        ("/../../api/", "/api/"),
        ("//api///health", "/api/health"),
        ("/%61pi/he%2Dalth", "/api/he-alth"),
        ("/api%2Fhealth", "/api%2Fhealth"),
        ("/%E9", "/%E9"),
        ("/a/..", "/"),
        ("/", "/"),
    ],
)
def test_behaviors_are_matched_with_the_normalized_path(path: str, normalized: str):
    assert normalize(path) == normalized


async def test_a_path_with_dot_segments_goes_to_its_behavior_and_reaches_the_origin_as_sent():
    async with viewing(functions=ok()) as viewer, viewer.get("/x/../api/health") as response:
        # No resource of the API has this raw path: that API Gateway is asked at all is what counts.
        assert response.status == 403
        assert response.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


async def test_a_url_beyond_8192_bytes_is_refused():
    async with viewing() as viewer:
        async with viewer.get("/api/" + "x" * 8_187) as response:
            assert response.status == 200
        async with viewer.get("/api/" + "x" * 8_188) as response:
            assert response.status == 414
            assert response.headers["Server"] == "CloudFront"


async def test_a_request_whose_headers_exceed_32_kb_is_refused():
    headers = {f"X-{number}": "x" * 8_000 for number in range(5)}
    async with viewing() as viewer, viewer.get("/api/health", headers=headers) as response:
        assert response.status == 413
        assert response.headers["X-Cache"] == "Error from cloudfront"


async def test_the_first_matching_behavior_wins():
    refused = behavior("/api/admin/*", "api", methods=("GET", "HEAD"))
    plane = one(behaviors=(refused, API_BEHAVIOR, DEFAULT_BEHAVIOR))
    async with viewing(plane) as viewer:
        async with viewer.request("DELETE", "/api/admin/x") as response:
            assert response.status == 403
        async with viewer.request("DELETE", "/api/users/x") as response:
            assert response.status == 200


async def test_a_get_request_with_a_body_is_refused():
    async with viewing() as viewer, viewer.get("/api/health", data=b"x") as response:
        assert response.status == 403


async def test_an_origin_that_does_not_exist_cannot_be_resolved():
    gone = replace(API_ORIGIN, domain_name="gone000000.execute-api.eu-west-1.amazonaws.com")
    plane = one(origins={**distribution().origins, "api": gone})
    async with viewing(plane) as viewer, viewer.get("/api/health") as response:
        assert response.status == 502
        assert "resolve the origin domain name" in await response.text()


async def test_other_origins_are_refused_by_name():
    elsewhere = replace(API_ORIGIN, domain_name="example.com")
    plane = one(origins={**distribution().origins, "api": elsewhere})
    async with viewing(plane) as viewer, viewer.get("/api/health") as response:
        assert response.status == 502
        assert "example.com" in await response.text()


async def test_the_origin_sees_the_viewers_request_signed_by_cloudfront():
    functions = ok()
    headers = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "http",
        "CloudFront-Viewer-Country": "XX",
        "Cookie": "a=1; b=2",
        "Accept-Encoding": "gzip, br",
        "Authorization": "Bearer t",
        "User-Agent": "Mozilla/5.0",
        "TE": "trailers",
    }
    async with viewing(functions=functions) as viewer, viewer.get("/api/x?b=1&a=%20", headers=headers):
        pass
    seen = functions.event["headers"]
    assert seen["Host"] == API_DOMAIN
    assert seen["Cookie"] == "a=1; b=2"
    assert seen["Accept-Encoding"] == "gzip, br"
    assert seen["Authorization"] == "Bearer t"
    assert seen["User-Agent"] == "Mozilla/5.0"
    assert seen["CloudFront-Forwarded-Proto"] == "https"
    assert seen["X-Forwarded-Proto"] == "https"
    assert seen["X-Forwarded-Port"] == "443"
    assert seen["Via"].startswith("1.1 ") and "X-Amz-Cf-Id" in seen
    assert "CloudFront-Viewer-Country" not in seen and "TE" not in seen
    forged, viewer_address, edge = seen["X-Forwarded-For"].split(", ")
    assert (forged, viewer_address) == ("203.0.113.9", "127.0.0.1")
    assert functions.event["requestContext"]["identity"]["sourceIp"] == edge


async def test_a_whitelist_lets_only_its_names_through():
    policy = {
        "HeadersConfig": {
            "HeaderBehavior": "whitelist",
            "Headers": {"Items": ["X-Wanted", "CloudFront-Forwarded-Proto"]},
        },
        "CookiesConfig": {"CookieBehavior": "whitelist", "Cookies": {"Items": ["wanted"]}},
        "QueryStringsConfig": {"QueryStringBehavior": "allExcept", "QueryStrings": {"Items": ["un wanted"]}},
    }
    functions = ok()
    headers = {"X-Wanted": "1", "X-Other": "1", "Cookie": "wanted=1; other=2"}
    plane = one(behaviors=(behavior("/api/*", "api", policy=policy), DEFAULT_BEHAVIOR))
    async with (
        viewing(plane, functions) as viewer,
        viewer.get("/api/x?un%20wanted=1&q=a%2Fb", headers=headers),
    ):
        pass
    event = functions.event
    assert event["headers"]["X-Wanted"] == "1" and "X-Other" not in event["headers"]
    assert event["headers"]["CloudFront-Forwarded-Proto"] == "https"
    assert event["headers"]["Cookie"] == "wanted=1"
    assert event["queryStringParameters"] == {"q": "a/b"}


async def test_a_cache_policy_that_compresses_normalizes_accept_encoding():
    functions = ok()
    optimized = behavior("/api/*", "api", cache=CACHING_OPTIMIZED, policy=ALL_VIEWER_EXCEPT_HOST)
    plane = one(behaviors=(optimized, DEFAULT_BEHAVIOR))
    async with (
        viewing(plane, functions) as viewer,
        viewer.get("/api/x", headers={"Accept-Encoding": "deflate, gzip, br, zstd"}),
    ):
        pass
    assert functions.event["headers"]["Accept-Encoding"] == "br,gzip"


async def test_a_behavior_with_forwarded_values_instead_of_policies_is_understood():
    functions = ok()
    legacy = behavior(
        "/api/*",
        "api",
        cache=None,
        ForwardedValues={
            "QueryString": True,
            "Cookies": {"Forward": "all"},
            "Headers": {"Items": ["Authorization"]},
        },
    )
    headers = {"Authorization": "Bearer t", "Cookie": "a=1", "Referer": "x", "X-Custom": "1"}
    plane = one(behaviors=(legacy, DEFAULT_BEHAVIOR))
    async with viewing(plane, functions) as viewer, viewer.get("/api/x?a=1", headers=headers):
        pass
    seen = functions.event["headers"]
    assert (seen["Authorization"], seen["Cookie"], seen["X-Custom"]) == ("Bearer t", "a=1", "1")
    assert "Referer" not in seen and seen["Host"] == API_DOMAIN
    assert functions.event["queryStringParameters"] == {"a": "1"}


async def test_custom_origin_headers_replace_the_viewers():
    functions = ok()
    origins = {**distribution().origins, "api": replace(API_ORIGIN, custom_headers=(("X-Secret", "s"),))}
    async with (
        viewing(one(origins=origins), functions) as viewer,
        viewer.get("/api/x", headers={"x-secret": "forged"}),
    ):
        pass
    assert functions.event["multiValueHeaders"]["X-Secret"] == ["s"]
    assert "x-secret" not in functions.event["headers"]


async def test_s3_behaviors_are_handed_to_the_emulator_as_the_distribution():
    seen = {}

    async def emulator(request: web.Request) -> web.Response:
        seen.update(host=request.host, path=request.raw_path, proto=request.headers["X-Forwarded-Proto"])
        return web.Response(body=b"file", headers={"X-Cache": "Miss from cloudfront", "ETag": '"1"'})

    app = web.Application()
    app.router.add_get("/{path:.*}", emulator)
    async with (
        served(app) as port,
        viewing(emulator=f"http://127.0.0.1:{port}") as viewer,
        viewer.get("/chat/a%2Fb?x=%20") as response,
    ):
        assert await response.read() == b"file"
        assert response.headers.getall("X-Cache") == ["Miss from cloudfront"]
        assert response.headers["ETag"] == '"1"'
    # An encoded slash twice: MiniStack decodes once more than CloudFront does.
    assert seen == {"host": DOMAIN, "path": "/chat/a%252Fb?x=%20", "proto": "https"}


async def test_an_emulator_that_is_gone_is_a_bad_gateway():
    async with viewing() as viewer, viewer.get("/") as response:
        assert response.status == 502
        assert "embedded AWS does not answer" in await response.text()


@pytest.mark.parametrize(
    ("content_type", "size", "encoded"),
    [
        ("text/html", 5000, "gzip"),
        ("text/html", 500, None),
        ("image/png", 5000, None),
        ("text/event-stream", 5000, None),
    ],
)
async def test_only_large_enough_text_is_compressed(content_type: str, size: int, encoded: str | None):
    async def emulator(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * size, content_type=content_type)

    app = web.Application()
    app.router.add_get("/{path:.*}", emulator)
    async with (
        served(app) as port,
        viewing(emulator=f"http://127.0.0.1:{port}") as viewer,
        viewer.session.get(
            f"{viewer.url}/file", headers={"Accept-Encoding": "gzip"}, auto_decompress=False
        ) as response,
    ):
        body = await response.read()
        assert response.headers.get("Content-Encoding") == encoded
        assert (gzip.decompress(body) if encoded else body) == b"x" * size


def test_wildcards_of_arns_stay_within_their_part():
    source = "arn:aws:execute-api:eu-west-1:1:api/default/GET/api/{proxy+}"
    assert arn_matches("arn:aws:execute-api:eu-west-1:1:api/*/*", source)
    assert arn_matches("arn:aws:execute-api:*:*:api/default/GET/*", source)
    assert not arn_matches("arn:aws:execute-api:eu-west-1:1:other/*", source)
    assert not arn_matches("arn:aws:execute-api:eu-west-1:1:api", source)
    assert not arn_matches("*", source)
    assert matches("a*c", "a\nc")


def test_all_viewer_adds_no_cloudfront_headers_but_all_except_does():
    assert (
        not behavior("*", "o", policy=request_policy("allViewer"))
        .forwarding[1]
        .cloudfront_headers.includes("x")
    )
    assert API_BEHAVIOR.forwarding[1].cloudfront_headers.includes("cloudfront-forwarded-proto")


POLICY = {
    "SecurityHeadersConfig": {
        "ContentTypeOptions": {"Override": True},
        "FrameOptions": {"Override": False, "FrameOption": "SAMEORIGIN"},
        "XSSProtection": {"Override": False, "Protection": True, "ModeBlock": True},
        "StrictTransportSecurity": {
            "Override": False,
            "AccessControlMaxAgeSec": 31536000,
            "IncludeSubdomains": True,
        },
    },
    "CustomHeadersConfig": {"Items": [{"Header": "X-Ours", "Value": "1", "Override": True}]},
    "RemoveHeadersConfig": {"Items": [{"Header": "X-Powered-By"}]},
    "CorsConfig": {
        "AccessControlAllowOrigins": {"Items": ["https://*.example.com"]},
        "AccessControlAllowCredentials": True,
        "OriginOverride": True,
    },
}


async def test_a_response_headers_policy_sets_and_removes_what_it_says():
    policed = behavior("/api/*", "api", policy=ALL_VIEWER_EXCEPT_HOST, response=POLICY)
    head = prelude(headers={"X-Powered-By": "Express", "X-Frame-Options": "DENY", "x-ours": "2"})
    plane = one(behaviors=(policed, DEFAULT_BEHAVIOR))
    async with viewing(plane, answering(head)) as viewer:
        async with viewer.get("/api/x", headers={"Origin": "https://a.example.com"}) as response:
            seen = response.headers
        async with viewer.get("/api/x", headers={"Origin": "https://evil.example"}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
    assert seen["X-Content-Type-Options"] == "nosniff"
    assert seen.getall("X-Frame-Options") == ["DENY"]
    assert seen["X-XSS-Protection"] == "1; mode=block"
    assert seen["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert seen.getall("X-Ours") == ["1"]
    assert "X-Powered-By" not in seen
    assert seen["Access-Control-Allow-Origin"] == "https://a.example.com"
    assert seen["Access-Control-Allow-Credentials"] == "true"
