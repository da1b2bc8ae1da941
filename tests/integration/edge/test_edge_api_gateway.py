"""API Gateway's part: stages, resources, events, preflights and refusals."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from scripts.local.edge.api_gateway import ApiGateway, api_id_of
from scripts.local.edge.lambda_integration import Limits
from scripts.local.edge.messages import MAX_REQUEST_BYTES, Request
from scripts.local.edge.model import IntegrationResponse, Method, Resource, RestApi
from scripts.local.edge.permission import may_invoke
from scripts.local.edge.routing import find_route
from scripts.local.lambda_.invocation import InvokeError
from tests.integration.edge.edge_deployment import (
    ACCOUNT,
    API,
    API_DOMAIN,
    FUNCTION,
    INVOCATIONS,
    PERMISSION,
    PREFLIGHT,
    REGION,
    answering,
    default_resources,
    deployed,
    distribution,
    integration,
    ok,
    prelude,
    rest_api,
    viewing,
)

pytestmark = pytest.mark.integration


async def call(
    path: str, *, method: str = "GET", api: RestApi | None = None, headers: tuple[tuple[str, str], ...] = ()
) -> tuple[int, dict[str, object]]:
    gateway = ApiGateway(ok(), Limits())
    request = Request(method, path, headers=(("Host", API_DOMAIN), *headers))
    response = await gateway.serve(deployed(api=api), request)
    body = b"".join([chunk async for chunk in response.body])
    return response.status, json.loads(body) if body.startswith(b"{") else {}


async def test_a_stage_that_does_not_exist_is_forbidden():
    for path in ("/", "/prod/api/x", "/api/x"):
        assert await call(path) == (403, {"message": "Forbidden"})


async def test_slashes_before_the_stage_do_not_count():
    assert (await call("//default/api/x"))[0] == 200


async def test_a_path_without_resource_lacks_an_authentication_token():
    for path in ("/default", "/default/", "/default/other", "/default/api", "/default/api/"):
        assert await call(path) == (403, {"message": "Missing Authentication Token"})


async def test_any_means_the_seven_methods_of_api_gateway():
    assert (await call("/default/api/x", method="PATCH"))[0] == 200
    assert (await call("/default/api/x", method="PROPFIND"))[0] == 403


async def test_a_disabled_endpoint_is_forbidden():
    assert await call("/default/api/x", api=rest_api(execute_api_endpoint=False)) == (
        403,
        {"message": "Forbidden"},
    )


@pytest.mark.parametrize(
    ("method", "status"),
    [
        (Method("ANY", integration(), authorization_type="AWS_IAM"), 403),
        (Method("ANY", integration(), authorization_type="CUSTOM"), 401),
        (Method("ANY", integration(), api_key_required=True), 403),
        (Method("ANY", None), 500),
        (Method("ANY", integration(type="HTTP_PROXY")), 500),
        (Method("ANY", integration(http_method="GET")), 500),
        (Method("ANY", integration(credentials="arn:aws:iam::1:role/r")), 500),
        (Method("ANY", integration(uri="https://example.com")), 500),
    ],
)
async def test_what_the_edge_cannot_honour_is_refused(method: Method, status: int):
    api = rest_api(resources=(Resource("r", "/api/{proxy+}", {"ANY": method}),))
    assert (await call("/default/api/x", api=api))[0] == status


def route(path: str, *templates: str) -> tuple[str, dict[str, str]] | None:
    tree = [Resource(template, template, {"ANY": Method("ANY", integration())}) for template in templates]
    found = find_route(tree, "GET", path)
    return (found.resource.path, dict(found.path_parameters)) if found else None


def test_the_most_specific_resource_wins():
    tree = ("/{proxy+}", "/a/{proxy+}", "/a/{id}", "/a/b")
    assert route("/a/b", *tree) == ("/a/b", {})
    assert route("/a/c", *tree) == ("/a/{id}", {"id": "c"})
    assert route("/a/c/d", *tree) == ("/a/{proxy+}", {"proxy": "c/d"})
    assert route("/x", *tree) == ("/{proxy+}", {"proxy": "x"})
    assert route("/", *tree) is None
    assert route("/", "/") == ("/", {})


def test_a_trailing_slash_does_not_matter_but_an_inner_one_does():
    assert route("/a/b/", "/a/b") == ("/a/b", {})
    assert route("/a/x//y/", "/a/{proxy+}") == ("/a/{proxy+}", {"proxy": "x//y"})


def test_a_resource_without_the_method_does_not_shadow_a_greedy_one():
    exact = Resource("1", "/a/b", {"POST": Method("POST", integration())})
    greedy = Resource("2", "/{proxy+}", {"ANY": Method("ANY", integration())})
    found = find_route((exact, greedy), "GET", "/a/b")
    assert found and found.resource.id == "2"


async def test_the_event_is_the_one_of_the_real_service():
    functions = ok()
    path = "/api/user/test%2Balias@gmail.com/plus/a+b//x/"
    query = "?q=foo+bar&q=b%2Bc&empty&zhash=abort%2F"
    headers = [("X-Multi", "1"), ("X-Multi", "2"), ("content-type", "application/json")]
    async with viewing(functions=functions) as viewer:
        await viewer.request("POST", path + query, headers=headers, data='{"ä": 1}'.encode())
    event = functions.event
    assert event["resource"] == "/api/{proxy+}"
    assert event["path"] == path
    assert event["pathParameters"] == {"proxy": "user/test%2Balias@gmail.com/plus/a+b//x"}
    assert event["httpMethod"] == "POST"
    assert event["queryStringParameters"] == {"q": "b+c", "empty": "", "zhash": "abort/"}
    assert event["multiValueQueryStringParameters"]["q"] == ["foo bar", "b+c"]
    assert event["headers"]["X-Multi"] == "2"
    assert event["multiValueHeaders"]["X-Multi"] == ["1", "2"]
    assert event["body"] == '{"ä": 1}' and event["isBase64Encoded"] is False
    assert event["stageVariables"] is None
    context = event["requestContext"]
    assert context["path"] == f"/default{path}"
    assert (context["stage"], context["apiId"], context["accountId"]) == ("default", API, ACCOUNT)
    assert (context["domainName"], context["domainPrefix"]) == (API_DOMAIN, API)
    assert context["resourcePath"] == "/api/{proxy+}" and context["httpMethod"] == "POST"
    assert context["protocol"] == "HTTP/1.1" and context["deploymentId"] == "dep1"
    assert "Content-Length" not in event["headers"]


async def test_what_is_absent_is_null():
    functions = ok()
    async with viewing(functions=functions) as viewer, viewer.get("/api/x"):
        pass
    for key in ("queryStringParameters", "multiValueQueryStringParameters", "stageVariables", "body"):
        assert functions.event[key] is None


@pytest.mark.parametrize(
    ("content_type", "is_base64"),
    [("multipart/form-data; boundary=x", True), ("application/octet-stream", True), ("text/plain", False)],
)
async def test_bodies_of_binary_media_types_are_base64(content_type: str, is_base64: bool):
    functions = ok()
    body = b"\x00\xff"
    async with viewing(functions=functions) as viewer:
        await viewer.request("POST", "/api/upload", data=body, headers={"Content-Type": content_type})
    assert functions.event["isBase64Encoded"] is is_base64
    expected = base64.b64encode(body).decode() if is_base64 else "\x00\ufffd"
    assert functions.event["body"] == expected


async def test_ten_megabytes_are_the_most_that_api_gateway_takes():
    async with (
        viewing() as viewer,
        viewer.request("POST", "/api/upload", data=bytes(MAX_REQUEST_BYTES + 1)) as response,
    ):
        assert response.status == 413


async def test_headers_beyond_10240_bytes_are_refused_before_the_function_as_a_full_cookie_jar_shows():
    functions = ok()
    jar = {"Cookie": "; ".join(f"c{number}={'x' * 900}" for number in range(11))}
    async with viewing(functions=functions) as viewer:
        async with viewer.get("/api/health", headers={"Cookie": jar["Cookie"][:8_000]}) as response:
            assert response.status == 200
        async with viewer.get("/api/health", headers=jar) as response:
            assert response.status == 413
            assert "10240" in (await response.json())["message"]
    assert len(functions.invocations) == 1


async def test_six_megabytes_are_the_most_that_lambda_takes():
    headers = {"Content-Type": "application/octet-stream"}
    async with (
        viewing() as viewer,
        viewer.request("POST", "/api/upload", data=bytes(5_000_000), headers=headers) as response,
    ):
        assert response.status == 413
        assert await response.json() == {"message": "Request Too Long"}


async def test_a_refused_invocation_is_an_internal_error():
    functions = ok()
    functions.refusal = InvokeError(429, "TooManyRequestsException", "Rate Exceeded.")
    async with viewing(functions=functions) as viewer, viewer.get("/api/x") as response:
        assert response.status == 500
        assert await response.json() == {"message": "Internal server error"}


async def test_a_preflight_is_answered_without_the_function():
    functions = ok()
    async with (
        viewing(functions=functions) as viewer,
        viewer.request("OPTIONS", "/api/x", headers={"Origin": "https://x"}) as response,
    ):
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Credentials"] == "true"
        assert response.headers["x-amzn-RequestId"]
        assert "X-Amzn-Trace-Id" not in response.headers
        assert await response.read() == b""
    assert functions.invocations == []


def preflight(**changes: object) -> RestApi:
    assert PREFLIGHT.integration
    mock = replace(PREFLIGHT.integration, **changes)  # type: ignore[arg-type]
    return rest_api(
        resources=default_resources(integration(), preflight=replace(PREFLIGHT, integration=mock))
    )


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"request_templates": {"application/json": "{statusCode: 204}"}}, 204),
        ({"request_templates": {}}, 500),
        ({"request_templates": {"application/json": "{}"}}, 500),
        ({"responses": ()}, 500),
        ({"responses": (IntegrationResponse(418, "2\\d\\d"), IntegrationResponse(500))}, 418),
        (
            {"responses": (IntegrationResponse(200, parameters={"method.response.header.A": "context.x"}),)},
            500,
        ),
        ({"request_templates": {"application/json": "#set($a = 1)"}}, 500),
        ({"passthrough_behavior": "NEVER", "request_templates": {"text/plain": "x"}}, 415),
        ({"passthrough_behavior": "WHEN_NO_TEMPLATES", "request_templates": {"text/plain": "x"}}, 415),
    ],
)
async def test_a_mock_needs_a_status_and_a_response_for_it(changes: dict[str, object], status: int):
    assert (await call("/default/api/x", method="OPTIONS", api=preflight(**changes)))[0] == status


async def test_a_mock_body_comes_from_its_template():
    responses = (IntegrationResponse(200, templates={"application/json": '{"ok": true}'}),)
    api = preflight(responses=responses)
    assert await call("/default/api/x", method="OPTIONS", api=api) == (200, {"ok": True})


SOURCE = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API}/default/GET/api/{{proxy+}}"


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"condition": {}}, True),
        ({"principal": "*"}, True),
        ({"action": "lambda:*"}, True),
        ({"condition": {"StringEquals": {"AWS:SourceAccount": ACCOUNT}}}, True),
        ({"condition": {"StringEquals": {"AWS:SourceAccount": "1"}}}, False),
        ({"condition": {"ArnLike": {"AWS:SourceArn": SOURCE.replace("/default/", "/prod/")}}}, False),
        ({"condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
        ({"principal": {"Service": "s3.amazonaws.com"}}, False),
        ({"action": "lambda:InvokeFunctionUrl"}, False),
        ({"resource": FUNCTION + "-other"}, False),
        ({"effect": "Deny"}, False),
    ],
)
def test_the_resource_policy_decides_who_may_invoke(changes: dict[str, object], allowed: bool):
    statement = replace(PERMISSION, **changes)  # type: ignore[arg-type]
    assert (
        may_invoke([statement], function_arn=FUNCTION, source_arn=SOURCE, source_account=ACCOUNT) is allowed
    )


def test_a_deny_wins_and_no_statement_is_a_no():
    statements = [PERMISSION, replace(PERMISSION, effect="Deny")]
    for policy in (statements, []):
        assert not may_invoke(policy, function_arn=FUNCTION, source_arn=SOURCE, source_account=ACCOUNT)


async def test_stage_variables_complete_the_uri():
    uri = integration().uri.replace("librechat-lambda-api-dev", "${stageVariables.name}")
    variables = {"name": "librechat-lambda-api-dev"}
    api = rest_api(resources=default_resources(integration(uri=uri)), variables=variables)
    assert (await call("/default/api/x", api=api))[0] == 200


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (b'{"statusCode": 200, "wrongValue": 1}', 502),
        (b'"just a string"', 502),
        (b'{"statusCode": "fine"}', 502),
        (b'{"statusCode": "201"}', 201),
        (b'{"headers": null}', 200),
        (b'{"multiValueHeaders": {"a": "b"}}', 502),
        (b'{"body": {"a": 1}}', 502),
        (b"", 502),
    ],
)
async def test_the_buffered_document_is_checked_as_the_real_service_does(document: bytes, status: int):
    api = rest_api(
        resources=default_resources(integration(response_transfer_mode="BUFFERED", uri=INVOCATIONS))
    )
    async with viewing(deployed(api=api), answering(document)) as viewer, viewer.get("/api/x") as response:
        assert response.status == status


async def test_base64_is_decoded_only_for_who_accepts_binary():
    api = rest_api(
        resources=default_resources(integration(response_transfer_mode="BUFFERED", uri=INVOCATIONS)),
        binary_media_types=("image/png",),
    )
    document = b'{"body": "AP8=", "isBase64Encoded": true}'
    async with viewing(deployed(api=api), answering(document)) as viewer:
        async with viewer.get("/api/x", headers={"Accept": "image/png"}) as response:
            assert await response.read() == b"\x00\xff"
        async with viewer.get("/api/x") as response:
            assert await response.read() == b"AP8="


def test_only_execute_api_hosts_name_an_api():
    assert api_id_of(API_DOMAIN) == API
    assert api_id_of("localhost") == api_id_of("bucket.s3.eu-west-1.amazonaws.com") == ""


async def test_the_stage_is_hidden_by_the_origin_path_only():
    functions = answering(prelude())
    async with (
        viewing(deployed(distributions=(distribution(),)), functions) as viewer,
        viewer.get("/api/x") as response,
    ):
        assert response.status == 200
    assert functions.event["path"] == "/api/x"
