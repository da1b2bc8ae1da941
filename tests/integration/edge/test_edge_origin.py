"""What stands between a stranger and the function: throttling, and how CloudFront's requests are marked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.local.edge.gateway_error import GatewayError
from scripts.local.edge.model import ControlPlane, Method, Resource, RestApi, Stage, Throttling
from scripts.local.edge.read_api_gateway import throttling_of
from scripts.local.edge.routing import Route
from scripts.local.edge.throttling import Throttles
from tests.integration.edge.edge_deployment import (
    API_DOMAIN,
    API_ORIGIN,
    deployed,
    distribution,
    integration,
    ok,
    rest_api,
    viewing,
)

pytestmark = pytest.mark.integration

# So slow that no token comes back while a test runs.
TWO_AT_ONCE = Throttling(rate=0.001, burst=2)


def throttled(limits: Throttling) -> ControlPlane:
    """The deployment with these limits on every method of the stage."""
    api = rest_api()
    stage = replace(api.stages["default"], throttling={"*/*": limits})
    return deployed(api=replace(api, stages={"default": stage}))


async def statuses(plane: ControlPlane, count: int) -> list[int]:
    """What so many requests in a row are answered with."""
    async with viewing(plane) as viewer:
        found = []
        for _ in range(count):
            async with viewer.get("/api/health") as response:
                found.append(response.status)
        return found


async def test_what_goes_beyond_the_burst_is_refused_as_api_gateway_does():
    functions = ok()
    async with viewing(throttled(TWO_AT_ONCE), functions) as viewer:
        for _ in range(2):
            async with viewer.get("/api/health") as response:
                assert response.status == 200
        async with viewer.get("/api/health") as response:
            assert response.status == 429
            assert await response.json() == {"message": "Too Many Requests"}
            assert response.headers["x-amzn-ErrorType"] == "TooManyRequestsException"
    assert len(functions.invocations) == 2, "a refused request must not start the function"


async def test_a_stage_without_method_settings_refuses_nobody():
    assert await statuses(deployed(), 8) == [200] * 8


async def test_each_method_has_its_own_bucket():
    async with viewing(throttled(Throttling(rate=0.001, burst=1))) as viewer:
        for method, path, expected in (
            ("GET", "/api/health", 200),
            ("GET", "/api/config", 429),
            ("OPTIONS", "/api/config", 204),
            ("GET", "/oauth/openid", 200),
        ):
            async with viewer.request(method, path) as response:
                assert response.status == expected, (method, path)


def test_tokens_come_back_at_the_rate_and_no_further_than_the_burst():
    method = Method("GET", integration())
    stage = Stage("default", "d1", (), throttling={"*/*": Throttling(rate=2, burst=3)})
    route = Route(Resource("r", "/api", {"GET": method}), method, {})
    throttles, api = Throttles(), RestApi("a", {"default": stage})

    def admitted(now: float) -> bool:
        try:
            throttles.admit(api, stage, route, now)
        except GatewayError:
            return False
        return True

    assert [admitted(0.0) for _ in range(4)] == [True, True, True, False]
    assert [admitted(0.5) for _ in range(2)] == [True, False]
    assert [admitted(100.0) for _ in range(4)] == [True, True, True, False]


def test_method_settings_are_read_as_the_api_shows_them():
    found = throttling_of(
        {
            "*/*": {"throttlingRateLimit": 100.0, "throttlingBurstLimit": 200, "metricsEnabled": False},
            "~1api~1{proxy+}/GET": {"throttlingRateLimit": 5.0, "throttlingBurstLimit": 10},
            "~1api/POST": {"throttlingRateLimit": -1.0, "throttlingBurstLimit": -1},
        }
    )
    assert found == {"*/*": Throttling(100, 200), "/api/{proxy+}/GET": Throttling(5, 10)}


KEYED = deployed(
    distributions=(
        distribution(
            origins={
                **distribution().origins,
                "api": replace(API_ORIGIN, custom_headers=(("x-origin-key", "the-key"),)),
            }
        ),
    )
)


async def test_cloudfront_marks_its_requests_whatever_the_viewer_sends():
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html"""
    functions = ok()
    headers = {"X-Origin-Key": "forged"}
    async with viewing(KEYED, functions) as viewer, viewer.get("/api/health", headers=headers) as response:
        assert response.status == 200
    sent = {name.lower(): value for name, value in functions.event["multiValueHeaders"].items()}
    assert sent["x-origin-key"] == ["the-key"]


async def test_the_api_answers_at_its_own_address_without_cloudfront_s_mark():
    functions = ok()
    headers = {"Host": API_DOMAIN}
    async with viewing(KEYED, functions) as viewer:
        async with viewer.get("/default/api/health", headers=headers) as response:
            assert response.status == 200
            assert "x-amz-apigw-id" in response.headers
            assert "X-Amz-Cf-Id" not in response.headers
        async with viewer.get("/api/health", headers=headers) as response:
            assert response.status == 403, "there the path begins with the stage"
    assert "x-origin-key" not in {name.lower() for name in functions.event["headers"]}


@pytest.mark.parametrize(
    "host", ["evil.example", "zzzzzzzzzz.execute-api.eu-west-1.amazonaws.com", f"{API_DOMAIN}.evil.example"]
)
async def test_any_other_host_is_refused(host: str):
    headers = {"Host": host}
    async with viewing() as viewer, viewer.get("/default/api/health", headers=headers) as response:
        assert response.status == 403
