"""MOCK integrations: an answer made of the configuration alone (CORS preflights).

https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html
Mapping templates are taken as plain text; one with VTL in it is refused rather than half understood.
"""

from __future__ import annotations

import re

from scripts.local.edge.gateway_error import misconfigured, unsupported_media_type
from scripts.local.edge.media_types import essence, is_binary
from scripts.local.edge.messages import Headers, Request
from scripts.local.edge.model import Integration, IntegrationResponse, RestApi

_STATUS_CODE = re.compile(r"""["']?statusCode["']?\s*:\s*["']?(\d{3})\b""")
_HEADER = "method.response.header."


def answer(request: Request, api: RestApi, integration: Integration) -> tuple[int, Headers, bytes]:
    """Status, headers and body of the mocked method.

    Raises:
        GatewayError: when no template gives a ``statusCode``, or none of the integration responses
            is meant for it.
    """
    status = _integration_status(request, api, integration)
    chosen = _integration_response(integration, status)
    accept = essence(request.header("Accept").partition(",")[0])
    templates = chosen.templates
    content_type = accept if accept in templates else next(iter(templates), "application/json")
    body = _plain(templates.get(content_type, ""))
    headers = [("Content-Type", content_type)] if body or chosen.status != 204 else []
    for target, source in chosen.parameters.items():
        if target.startswith(_HEADER):
            headers.append((target.removeprefix(_HEADER), _static(source)))
    return chosen.status, tuple(headers), body.encode()


def _integration_status(request: Request, api: RestApi, integration: Integration) -> str:
    content_type = request.header("Content-Type")
    # This is how "*/*" in binaryMediaTypes breaks preflights: the template never sees the request.
    if is_binary(content_type, api.binary_media_types):
        raise misconfigured(f"{essence(content_type)} is a binary media type: no template is applied")
    template = integration.request_templates.get(essence(content_type))
    if template is None:
        never = integration.passthrough_behavior == "NEVER"
        if never or (
            integration.passthrough_behavior == "WHEN_NO_TEMPLATES" and integration.request_templates
        ):
            raise unsupported_media_type(f"no mapping template for {essence(content_type)}")
        template = request.body.decode("utf-8", errors="replace")
    else:
        template = _plain(template)
    found = _STATUS_CODE.search(template)
    if found is None:
        raise misconfigured("unable to parse statusCode: it must be an integer in the request template")
    return found[1]


def _integration_response(integration: Integration, status: str) -> IntegrationResponse:
    default = None
    for response in integration.responses:
        if response.selection_pattern and re.fullmatch(response.selection_pattern, status):
            return response
        if not response.selection_pattern:
            default = response
    if default is None:
        raise misconfigured(f"no integration response for the status {status}, and no default one")
    return default


def _plain(template: str) -> str:
    if re.search(r"[$#]\w|[$#]\{", template):
        raise misconfigured(f"the local edge does not evaluate mapping templates with VTL: {template[:80]!r}")
    return template


def _static(source: str) -> str:
    if len(source) >= 2 and source[0] == source[-1] == "'":
        return source[1:-1]
    raise misconfigured(
        f"a MOCK integration has no value for {source!r}; static values stand in single quotes"
    )
