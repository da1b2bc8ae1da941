"""API Gateway's data plane for REST APIs: which stage and method serve a request, and how.

Resource policies of APIs, usage plans and authorizers are not rehearsed: a method that asks for one
is refused, never served without it.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

from scripts.local.edge import mock
from scripts.local.edge.call import Call, CallIds
from scripts.local.edge.gateway_error import (
    GatewayError,
    forbidden,
    misconfigured,
    missing_authentication_token,
    too_large,
    unauthorized,
)
from scripts.local.edge.lambda_integration import Functions, LambdaIntegration, Limits
from scripts.local.edge.messages import MAX_HEAD_BYTES, MAX_REQUEST_BYTES, Request, Response, whole
from scripts.local.edge.model import ControlPlane, Method, RestApi
from scripts.local.edge.routing import find_route
from scripts.local.edge.throttling import Throttles

_HOST = re.compile(
    r"(?P<api>[a-z0-9]+)\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(:\d+)?", re.IGNORECASE
)


class ApiGateway:
    """The execute-api endpoints of an account.

    Args:
        functions: The Lambda service.
        limits: Limits of streamed responses.
    """

    def __init__(self, functions: Functions, limits: Limits) -> None:
        self._lambda = LambdaIntegration(functions, limits)
        self._throttles = Throttles()

    async def serve(self, plane: ControlPlane, request: Request) -> Response:
        """Answer a request; its Host header names the API, its path begins with the stage."""
        ids = CallIds.of(request)
        # Slashes before the stage do not count, neither here nor in the event.
        request = replace(request, path="/" + request.path.lstrip("/"))
        try:
            call = _routed(plane, request, ids)
            self._throttles.admit(call.api, call.stage, call.route, asyncio.get_running_loop().time())
            if call.integration.type == "MOCK":
                return _mocked(call)
            return await self._lambda.answer(call)
        except GatewayError as error:
            return error.response(ids)


def api_id_of(host: str) -> str:
    """The API that an execute-api host names; empty for any other host."""
    match = _HOST.fullmatch(host)
    return match["api"].lower() if match else ""


def _routed(plane: ControlPlane, request: Request, ids: CallIds) -> Call:
    arrived = asyncio.get_running_loop().time()
    api = _api(plane, request)
    if len(request.body) > MAX_REQUEST_BYTES:
        raise too_large(f"HTTP content length exceeded {MAX_REQUEST_BYTES} bytes.")
    # Not adjustable, and a cookie jar of the whole domain reaches it.
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
    if _head_bytes(request) > MAX_HEAD_BYTES:
        raise too_large(f"HTTP header is larger than {MAX_HEAD_BYTES} bytes.")
    _, stage_name, *rest = request.path.split("/", 2)
    stage = api.stages.get(stage_name)
    if stage is None:
        raise forbidden(f"the API has no stage {stage_name!r}, only {', '.join(api.stages) or 'none at all'}")
    # The event's path has one leading slash; requestContext.path keeps what was sent.
    path = "/" + "".join(rest).lstrip("/")
    route = find_route(stage.resources, request.method, path)
    if route is None:
        raise missing_authentication_token(
            f"the deployment of stage {stage_name} has no method for {request.method} {path}"
        )
    _check_authorization(route.method, request)
    integration = route.method.integration
    if integration is None:
        raise misconfigured("the method has no integration")
    deadline = arrived + integration.timeout_ms / 1000 / request.clock
    return Call(request, plane, api, stage, route, integration, path, ids, deadline)


def _head_bytes(request: Request) -> int:
    """Size of the request line and of all header values; their names do not count."""
    line = f"{request.method} {request.path}?{request.query} HTTP/1.1"
    return len(line) + sum(len(value) for _, value in request.headers)


def _api(plane: ControlPlane, request: Request) -> RestApi:
    host = request.header("Host")
    api = plane.rest_apis.get(api_id_of(host))
    if api is None:
        # The classic: CloudFront forwards the viewer's Host header, which is no name of API Gateway's.
        raise forbidden(f"the Host header {host!r} is not the name of a REST API")
    if not api.execute_api_endpoint:
        raise forbidden("the execute-api endpoint is disabled")
    return api


def _check_authorization(method: Method, request: Request) -> None:
    if method.authorization_type == "AWS_IAM":
        raise missing_authentication_token("the method wants a signed request (AWS_IAM)")
    if method.authorization_type != "NONE":
        raise unauthorized(f"the local edge does not run authorizers ({method.authorization_type})")
    if method.api_key_required:
        raise forbidden("the method wants an API key, which the local edge does not know")


def _mocked(call: Call) -> Response:
    status, headers, body = mock.answer(call.request, call.api, call.integration)
    length = () if status == 204 else (("Content-Length", str(len(body))),)
    return Response(status, (*headers, *length, *call.ids.headers), whole(body))
