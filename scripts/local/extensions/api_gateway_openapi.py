"""PutRestApi and ImportRestApi: a REST API from an OpenAPI document, which MiniStack does not have.

Restores the import of paths, methods, parameters, responses, security and API Gateway's extensions:
https://docs.aws.amazon.com/apigateway/latest/api/API_PutRestApi.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html.
A part of the document that AWS would import and this module does not is refused by name, never
dropped: a rehearsal that ignores a line of the configuration would lie about it.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.local.extensions import Context, Response, replace
from scripts.local.extensions.api_gateway import bad_request, integration_problem

Document = Mapping[str, Any]

_ANY = "x-amazon-apigateway-any-method"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", _ANY)
_ROOT_EXTENSIONS = {
    "x-amazon-apigateway-api-key-source",
    "x-amazon-apigateway-binary-media-types",
    "x-amazon-apigateway-endpoint-configuration",
    "x-amazon-apigateway-gateway-responses",
    "x-amazon-apigateway-minimum-compression-size",
    "x-amazon-apigateway-policy",
}
_OPERATION_EXTENSIONS = {"x-amazon-apigateway-integration"}
_LOCATIONS = {"path": "path", "query": "querystring", "header": "header"}
# Per-child stores of an API that an overwrite replaces as a whole.
_CHILD_STORES = ("_authorizers_v1", "_models", "_gateway_responses", "_documentation_parts")


class _Refused(Exception):
    """The document cannot be imported; the messages are those of API Gateway."""


def install(context: Context) -> None:
    """Route ``PUT /restapis/{id}`` and ``POST /restapis?mode=import``."""
    from ministack.services import apigateway_v1 as api

    def routed(original: Any) -> Any:
        async def handle(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
        ) -> Response:
            parts = [part for part in path.strip("/").split("/") if part]
            mode = (query.get("mode") or [""])[0]
            if method == "PUT" and len(parts) == 2 and parts[0] == "restapis":
                return _put_rest_api(parts[1], body, mode or "merge")
            if method == "POST" and parts == ["restapis"] and mode == "import":
                return _import_rest_api(body)
            response: Response = await original(method, path, headers, body, query)
            return response

        return handle

    replace(api, "handle_request", routed)


def _put_rest_api(api_id: str, body: bytes, mode: str) -> Response:
    from ministack.services import apigateway_v1 as api

    if api_id not in api._rest_apis:
        missing: Response = api._v1_error("NotFoundException", "Invalid API identifier specified", 404)
        return missing
    if mode not in ("merge", "overwrite"):
        return bad_request("Invalid put mode specified. Valid values are merge and overwrite")
    before = {name: copy.deepcopy(getattr(api, name).get(api_id)) for name in ("_resources", *_CHILD_STORES)}
    before_api = copy.deepcopy(api._rest_apis[api_id])
    try:
        document = _parse(body)
        if mode == "overwrite":
            _clear(api_id)
        _import(api_id, document)
    except _Refused as refused:
        # API Gateway rolls a failed import back.
        for name, value in before.items():
            getattr(api, name)[api_id] = value
        api._rest_apis[api_id] = before_api
        return bad_request(str(refused))
    response: Response = api._v1_response(api._rest_api_view(api._rest_apis[api_id]))
    return response


def _import_rest_api(body: bytes) -> Response:
    from ministack.services import apigateway_v1 as api

    _, _, created = api._create_rest_api({"endpointConfiguration": {"types": ["EDGE"]}})
    api_id = json.loads(created)["id"]
    response = _put_rest_api(api_id, body, "overwrite")
    if response[0] >= 400:
        api._delete_rest_api(api_id)
        return response
    return 201, *response[1:]


def _parse(body: bytes) -> Document:
    import yaml

    try:
        document = yaml.safe_load(body)
    except yaml.YAMLError as error:
        raise _Refused("Invalid OpenAPI input.") from error
    if not isinstance(document, dict) or not ("openapi" in document or "swagger" in document):
        raise _Refused("Invalid OpenAPI input.")
    _require_known(document, _ROOT_EXTENSIONS, "the document")
    if document.get("definitions") or (document.get("components") or {}).get("schemas"):
        raise _Refused("The embedded AWS does not import models (components/schemas).")
    return document


def _require_known(part: Document, known: set[str], where: str) -> None:
    unknown = {name for name in part if name.startswith("x-amazon-apigateway-")} - known
    if unknown:
        raise _Refused(f"The embedded AWS does not import {', '.join(sorted(unknown))} of {where}.")


def _clear(api_id: str) -> None:
    from ministack.services import apigateway_v1 as api

    resources = api._resources[api_id]
    for resource_id in [key for key, resource in resources.items() if resource["path"] != "/"]:
        del resources[resource_id]
    for resource in resources.values():
        resource["resourceMethods"] = {}
    for name in _CHILD_STORES:
        getattr(api, name)[api_id] = {}
    api._rest_apis[api_id]["binaryMediaTypes"] = []
    api._rest_apis[api_id]["minimumCompressionSize"] = None


def _import(api_id: str, document: Document) -> None:
    from ministack.services import apigateway_v1 as api

    _import_settings(api._rest_apis[api_id], document)
    for kind, response in (document.get("x-amazon-apigateway-gateway-responses") or {}).items():
        status, _, body = api._put_gateway_response(api_id, kind, _gateway_response(response))
        if status >= 400:
            raise _Refused(json.loads(body).get("message", body.decode()))
    schemes = api._import_security_schemes(api_id, document)
    problems: list[str] = []
    for path, item in (document.get("paths") or {}).items():
        resource_id = _resource(api_id, path)
        for name, operation in item.items():
            if name in _METHODS:
                method = "ANY" if name == _ANY else name.upper()
                shared = item.get("parameters") or []
                security = operation.get("security", document.get("security"))
                authorization = api._method_security(security, schemes)
                problems += _operation(api_id, resource_id, path, method, operation, shared, authorization)
    if problems:
        raise _Refused("Errors found during import:\n" + "\n".join(f"\t{problem}" for problem in problems))


def _import_settings(stored: dict[str, Any], document: Document) -> None:
    info = document.get("info") or {}
    stored["name"] = info.get("title") or stored["name"]
    stored["description"] = info.get("description") or stored.get("description", "")
    stored["version"] = str(info.get("version") or "")
    if types := document.get("x-amazon-apigateway-binary-media-types"):
        stored["binaryMediaTypes"] = list(types)
    if source := document.get("x-amazon-apigateway-api-key-source"):
        stored["apiKeySource"] = source
    if (size := document.get("x-amazon-apigateway-minimum-compression-size")) is not None:
        stored["minimumCompressionSize"] = int(size)
    if policy := document.get("x-amazon-apigateway-policy"):
        stored["policy"] = policy if isinstance(policy, str) else json.dumps(policy)
    endpoint = document.get("x-amazon-apigateway-endpoint-configuration") or {}
    if "disableExecuteApiEndpoint" in endpoint:
        stored["disableExecuteApiEndpoint"] = bool(endpoint["disableExecuteApiEndpoint"])
    if ids := endpoint.get("vpcEndpointIds"):
        stored["endpointConfiguration"]["vpcEndpointIds"] = list(ids)


def _gateway_response(response: Document) -> dict[str, Any]:
    return {
        "statusCode": str(response["statusCode"]) if response.get("statusCode") else None,
        "responseParameters": response.get("responseParameters") or {},
        "responseTemplates": response.get("responseTemplates") or {},
    }


def _resource(api_id: str, path: str) -> str:
    """The id of the resource at a path, made with its parents when missing."""
    from ministack.services import apigateway_v1 as api

    resources: dict[str, Any] = api._resources[api_id]
    current = next(key for key, resource in resources.items() if resource["path"] == "/")
    segments = [segment for segment in path.split("/") if segment]
    for position, segment in enumerate(segments):
        siblings = {r["pathPart"]: key for key, r in resources.items() if r.get("parentId") == current}
        if segment not in siblings:
            _check_segment(segment, set(siblings), last=position == len(segments) - 1)
            _, _, body = api._create_resource(api_id, current, {"pathPart": segment})
            siblings[segment] = json.loads(body)["id"]
        current = siblings[segment]
    return current


def _check_segment(segment: str, siblings: set[str], *, last: bool) -> None:
    if not re.fullmatch(r"[a-zA-Z0-9._:-]+|\{[a-zA-Z0-9._:-]+\+?\}", segment):
        raise _Refused(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces "
            "at the beginning and the end."
        )
    if segment.endswith("+}") and not last:
        raise _Refused(f"Cannot create a child of a resource with a greedy path variable: {segment}")
    variables = [
        name for name in siblings if name.startswith("{") and name.endswith("+}") == segment.endswith("+}")
    ]
    if segment.startswith("{") and variables:
        raise _Refused(
            f"A sibling ({variables[0]}) of this resource already has a variable path part "
            "-- only one is allowed"
        )


def _operation(
    api_id: str,
    resource_id: str,
    path: str,
    method: str,
    operation: Document,
    shared_parameters: list[Document],
    authorization: Document,
) -> list[str]:
    """Import one method. Returns what API Gateway would report as errors of the import."""
    from ministack.services import apigateway_v1 as api

    _require_known(operation, _OPERATION_EXTENSIONS, f"{method} {path}")
    parameters = dict(_request_parameters([*shared_parameters, *(operation.get("parameters") or [])]))
    responses = dict(_method_responses(operation.get("responses") or {}))
    api._put_method(
        api_id,
        resource_id,
        method,
        {**authorization, "operationName": operation.get("operationId", ""), "requestParameters": parameters},
    )
    for status, headers in responses.items():
        api._put_method_response(
            api_id, resource_id, method, status, {"responseParameters": dict.fromkeys(headers, False)}
        )
    declared = operation.get("x-amazon-apigateway-integration")
    if not declared:
        return []
    integration = _integration(declared)
    where = f"on '{method}' for resource at path '{path}'"
    problem = integration_problem(integration) or _undeclared_request(integration, set(parameters))
    if problem:
        return [f"Unable to put integration {where}: {problem}"]
    api._put_integration(api_id, resource_id, method, integration)
    problems = []
    for pattern, response in (declared.get("responses") or {}).items():
        status = str(response.get("statusCode", ""))
        mapped = response.get("responseParameters") or {}
        if status not in responses:
            problem = "Invalid Response status code specified"
        elif missing := sorted(set(mapped) - responses[status]):
            problem = _mapping_error(missing[0])
        if problem:
            problems.append(f"Unable to put integration response {where}: {problem}")
            continue
        api._put_integration_response(
            api_id,
            resource_id,
            method,
            status,
            {
                "selectionPattern": "" if pattern == "default" else pattern,
                "responseParameters": mapped,
                "responseTemplates": response.get("responseTemplates") or {},
                "contentHandling": response.get("contentHandling"),
            },
        )
    return problems


def _request_parameters(parameters: list[Document]) -> Iterator[tuple[str, bool]]:
    for parameter in parameters:
        if "$ref" in parameter:
            raise _Refused("The embedded AWS does not import referenced parameters.")
        if location := _LOCATIONS.get(parameter.get("in", "")):
            yield f"method.request.{location}.{parameter['name']}", bool(parameter.get("required"))


def _method_responses(responses: Mapping[Any, Document]) -> Iterator[tuple[str, set[str]]]:
    """Status and declared response headers; ``default`` has no counterpart in API Gateway."""
    for status, response in responses.items():
        if re.fullmatch(r"\d{3}", str(status)):
            names = response.get("headers") or {}
            yield str(status), {f"method.response.header.{name}" for name in names}


def _integration(declared: Document) -> dict[str, Any]:
    """An ``x-amazon-apigateway-integration`` object in the member names of PutIntegration."""
    integration: dict[str, Any] = {
        name: declared[name]
        for name in (
            "cacheKeyParameters",
            "cacheNamespace",
            "connectionId",
            "credentials",
            "httpMethod",
            "requestParameters",
            "requestTemplates",
            "tlsConfig",
            "uri",
        )
        if declared.get(name) is not None
    }
    for name in ("type", "passthroughBehavior", "contentHandling", "connectionType", "responseTransferMode"):
        if declared.get(name):
            integration[name] = str(declared[name]).upper()
    if declared.get("timeoutInMillis") is not None:
        integration["timeoutInMillis"] = int(declared["timeoutInMillis"])
    return integration


def _undeclared_request(integration: Document, declared: set[str]) -> str:
    for source in (integration.get("requestParameters") or {}).values():
        if re.match(r"method\.request\.(path|querystring|header)\.", str(source)) and source not in declared:
            return _mapping_error(str(source))
    return ""


def _mapping_error(parameter: str) -> str:
    return (
        "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
        f"[Invalid mapping expression parameter specified: {parameter}]"
    )
