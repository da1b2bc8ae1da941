"""One wrong line of Terraform each: the rehearsal has to fail as AWS would."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import web

from scripts.local.edge.model import ErrorPage
from tests.integration.edge.edge_deployment import (
    ALL_VIEWER,
    API_BEHAVIOR,
    API_ORIGIN,
    DEFAULT_BEHAVIOR,
    INVOCATIONS,
    behavior,
    default_resources,
    deployed,
    distribution,
    integration,
    ok,
    rest_api,
    served,
    viewing,
)

pytestmark = pytest.mark.integration

INTERNAL = {"message": "Internal server error"}


async def bucket(_request: web.Request) -> web.Response:
    return web.Response(text="<!doctype html>", content_type="text/html")


def site() -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", bucket)
    return app


async def test_the_unchanged_deployment_answers():
    async with viewing() as viewer, viewer.get("/api/health") as response:
        assert response.status == 200
        assert await response.text() == "OK"
        assert response.headers["X-Cache"] == "Miss from cloudfront"


async def test_buffered_instead_of_stream_is_an_internal_error():
    api = rest_api(resources=default_resources(integration(response_transfer_mode="BUFFERED")))
    async with viewing(deployed(api=api)) as viewer, viewer.get("/api/health") as response:
        assert response.status == 500
        assert await response.json() == INTERNAL
        assert response.headers["X-Cache"] == "Error from cloudfront"


async def test_a_streaming_handler_behind_a_buffered_integration_is_a_malformed_proxy_response():
    api = rest_api(
        resources=default_resources(integration(response_transfer_mode="BUFFERED", uri=INVOCATIONS))
    )
    async with viewing(deployed(api=api)) as viewer, viewer.get("/api/health") as response:
        assert response.status == 502
        assert await response.json() == INTERNAL


async def test_the_plain_invocations_uri_does_not_stream():
    api = rest_api(resources=default_resources(integration(uri=INVOCATIONS)))
    async with viewing(deployed(api=api)) as viewer, viewer.get("/api/health") as response:
        assert response.status == 500
        assert await response.json() == INTERNAL


async def test_without_origin_path_the_first_segment_is_taken_for_the_stage():
    origins = {**distribution().origins, "api": replace(API_ORIGIN, origin_path="")}
    plane = deployed(distributions=(distribution(origins=origins),))
    async with viewing(plane) as viewer, viewer.get("/api/health") as response:
        assert response.status == 403
        assert await response.json() == {"message": "Forbidden"}


async def test_without_the_api_behavior_the_api_is_answered_by_the_bucket():
    plane = deployed(distributions=(distribution(behaviors=(DEFAULT_BEHAVIOR,)),))
    functions = ok()
    async with (
        served(site()) as port,
        viewing(plane, functions, emulator=f"http://127.0.0.1:{port}") as viewer,
        viewer.get("/api/health") as response,
    ):
        assert await response.text() == "<!doctype html>"
        assert functions.invocations == []


async def test_without_the_api_behavior_a_post_is_refused():
    plane = deployed(distributions=(distribution(behaviors=(DEFAULT_BEHAVIOR,)),))
    async with viewing(plane) as viewer, viewer.request("POST", "/api/echo", data=b"{}") as response:
        assert response.status == 403
        assert "not configured to allow the HTTP request method" in await response.text()


async def test_the_viewers_host_header_is_forbidden_at_api_gateway():
    all_viewer = behavior("/api/*", "api", policy=ALL_VIEWER)
    plane = deployed(distributions=(distribution(behaviors=(all_viewer, DEFAULT_BEHAVIOR)),))
    async with viewing(plane) as viewer, viewer.get("/api/health") as response:
        assert response.status == 403
        assert await response.json() == {"message": "Forbidden"}


async def test_without_lambda_permission_the_call_is_an_internal_error():
    functions = ok()
    async with viewing(deployed(policy=()), functions) as viewer, viewer.get("/api/health") as response:
        assert response.status == 500
        assert await response.json() == INTERNAL
        assert functions.invocations == []


async def test_without_the_options_method_a_preflight_reaches_the_function():
    api = rest_api(resources=default_resources(integration(), preflight=None))
    functions = ok()
    async with (
        viewing(deployed(api=api), functions) as viewer,
        viewer.request("OPTIONS", "/api/health") as response,
    ):
        assert "Access-Control-Allow-Origin" not in response.headers
    assert functions.event["httpMethod"] == "OPTIONS"


async def test_binary_media_types_of_everything_break_the_preflight():
    api = rest_api(binary_media_types=("*/*",))
    async with viewing(deployed(api=api)) as viewer, viewer.request("OPTIONS", "/api/health") as response:
        assert response.status == 500
        assert await response.json() == INTERNAL


async def test_without_origin_request_policy_the_function_sees_no_login():
    bare = behavior("/api/*", "api")
    functions = ok()
    headers = {"Authorization": "Bearer t", "Cookie": "refreshToken=1", "X-Custom": "1"}
    plane = deployed(distributions=(distribution(behaviors=(bare, DEFAULT_BEHAVIOR)),))
    async with viewing(plane, functions) as viewer, viewer.get("/api/me?a=1", headers=headers):
        pass
    seen = {name.lower() for name in functions.event["headers"]}
    assert not seen & {"authorization", "cookie", "x-custom"}
    assert functions.event["queryStringParameters"] is None
    assert functions.event["headers"]["User-Agent"] == "Amazon CloudFront"


async def test_a_custom_error_page_hides_the_errors_of_the_api():
    plane = deployed(
        distributions=(distribution(error_pages={403: ErrorPage("/index.html", 200)}),),
        api=rest_api(resources=()),
    )
    async with (
        served(site()) as port,
        viewing(plane, emulator=f"http://127.0.0.1:{port}") as viewer,
        viewer.get("/api/health") as response,
    ):
        assert response.status == 200
        assert await response.text() == "<!doctype html>"


async def test_a_function_on_the_api_behavior_is_refused_with_its_name():
    attached = replace(API_BEHAVIOR, edge_functions={"viewer-request": "arn:aws:cloudfront::1:function/spa"})
    plane = deployed(distributions=(distribution(behaviors=(attached, DEFAULT_BEHAVIOR)),))
    async with viewing(plane) as viewer, viewer.get("/api/health") as response:
        assert response.status == 503
        assert "function/spa" in await response.text()
