"""REST API rules that MiniStack does not enforce, and patches it answers wrongly.

Restores, on calls that carry one setting at a time (the OpenAPI import is `api_gateway_openapi`):

- PutIntegration keeps ``responseTransferMode`` and checks URI, account, mode and timeout
  (https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html,
  https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html);
- stage names, stages that exist and deployments that are in use
  (https://docs.aws.amazon.com/apigateway/latest/api/API_CreateStage.html,
  https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteDeployment.html);
- a deployment is a snapshot of the API: without a new one, changes do not reach the stage
  (https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html);
- tags that are changed show where they were made, in GetRestApi and GetStage
  (https://docs.aws.amazon.com/apigateway/latest/api/API_TagResource.html);
- UpdateRestApi patches lists (``/binaryMediaTypes/image~1png``) and typed values
  (https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateRestApi-Patch).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

from scripts.local.extensions import Context, Response, replace

# Member of GetDeployment's answer that holds the resources as they were deployed. AWS shows them only
# as an OpenAPI export; SDKs ignore a member they do not know, the edge reads it.
SNAPSHOT = "deployedResources"

_STAGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_AWS_URI = re.compile(r"arn:aws[a-z-]*:apigateway:[a-z0-9-]+:(?:[\w-]+\.)?[\w-]+:(?:path|action)/.+")
_LAMBDA_URI = re.compile(
    r"arn:aws[a-z-]*:apigateway:(?P<region>[a-z0-9-]+):lambda:path/"
    r"(?P<call>2015-03-31/functions/(?P<arn>[^/]+)/invocations"
    r"|2021-11-15/functions/(?P<stream_arn>[^/]+)/response-streaming-invocations)"
)
_FUNCTION_ARN = re.compile(
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:(?P<account>\d{12}):function:[A-Za-z0-9_${}.-]+(:[A-Za-z0-9_${}.-]+)?"
)
_TAGGED = re.compile(r"/restapis/(?P<api>[^/]+)(?:/stages/(?P<stage>[^/]+))?$")
# Without a raised quota for the account; a stream may last 15 minutes.
_LONGEST_TIMEOUT = {"BUFFERED": 29_000, "STREAM": 900_000}


def install(context: Context) -> None:
    """Wrap MiniStack's REST API control plane."""
    from ministack.services import apigateway_v1 as api

    replace(api, "_put_integration", _put_integration)
    replace(api, "_update_integration", _update_integration)
    replace(api, "_create_stage", _create_stage)
    replace(api, "_create_deployment", _create_deployment)
    replace(api, "_delete_deployment", _delete_deployment)
    replace(api, "_update_rest_api", lambda _: _update_rest_api)
    replace(api, "_tag_v1_resource", _shown)
    replace(api, "_untag_v1_resource", _shown)


def _shown(original: Callable[[str, Any], Response]) -> Callable[[str, Any], Response]:
    """A change of tags that the API or its stage shows, too."""
    from ministack.services import apigateway_v1 as api

    def change(resource_arn: str, what: Any) -> Response:
        key, refusal = api._resolve_v1_tag_resource_arn(resource_arn)
        place = None if refusal else _TAGGED.search(key)
        if place is None:
            return original(resource_arn, what)
        shown = (
            api._stages_v1[place["api"]][place["stage"]] if place["stage"] else api._rest_apis[place["api"]]
        )
        api._v1_tags.setdefault(key, dict(shown.get("tags") or {}))
        answer = original(resource_arn, what)
        shown["tags"] = dict(api._v1_tags[key])
        return answer

    return change


def bad_request(message: str) -> Response:
    """The answer to a request that API Gateway refuses."""
    from ministack.services import apigateway_v1 as api

    response: Response = api._v1_error("BadRequestException", message, 400)
    return response


def integration_problem(integration: Mapping[str, Any]) -> str:
    """Why API Gateway refuses an integration (in PutIntegration's member names), in its words; or ``""``."""
    kind = integration.get("type") or ""
    uri = integration.get("uri") or ""
    mode = integration.get("responseTransferMode") or "BUFFERED"
    if kind not in ("HTTP", "AWS", "MOCK", "HTTP_PROXY", "AWS_PROXY"):
        return "Enumeration value for IntegrationType must be non-empty"
    if kind != "MOCK" and not integration.get("httpMethod"):
        return "Enumeration value for HttpMethod must be non-empty"
    if kind.startswith("HTTP") and not re.match(r"https?://", uri):
        return "Invalid HTTP endpoint specified for URI"
    if problem := _aws_uri_problem(uri) if kind.startswith("AWS") else "":
        return problem
    return _transfer_problem(kind, uri, mode, integration.get("timeoutInMillis"))


def _aws_uri_problem(uri: str) -> str:
    from ministack.core.responses import get_account_id, get_region

    if not _AWS_URI.fullmatch(uri):
        return "Invalid ARN specified in the request"
    if ":lambda:path/" not in uri:
        return ""
    match = _LAMBDA_URI.fullmatch(uri)
    function = _FUNCTION_ARN.fullmatch((match["arn"] or match["stream_arn"]) if match else "")
    if not match or not function or match["region"] != get_region():
        return "Invalid ARN specified in the request"
    # https://github.com/bustle/shep/issues/260 shows the check and its words.
    if function["account"] != get_account_id():
        return "Lambda function ARN must be in same account"
    return ""


def _transfer_problem(kind: str, uri: str, mode: str, timeout: object) -> str:
    if mode not in _LONGEST_TIMEOUT:
        return "Invalid ResponseTransferMode. Valid values are BUFFERED and STREAM."
    if mode == "STREAM" and kind not in ("AWS_PROXY", "HTTP_PROXY"):
        return (
            "Invalid ResponseTransferMode. ResponseTransferMode STREAM is only supported for "
            "AWS_PROXY and HTTP_PROXY integrations."
        )
    # The words are AWS's own: https://github.com/hashicorp/terraform-provider-aws/issues/45649
    if mode == "STREAM" and kind == "AWS_PROXY" and not uri.endswith("/response-streaming-invocations"):
        return (
            "Invalid ResponseTransferMode. ResponseTransferMode STREAM is only supported for Lambda "
            "functions invoked by InvokeWithResponseStream for AWS_PROXY integrations."
        )
    longest = _LONGEST_TIMEOUT[mode]
    if timeout is not None and not (isinstance(timeout, int) and 50 <= timeout <= longest):
        return f"Timeout should be between 50 ms and {longest} ms"
    return ""


def _put_integration(original: Any) -> Any:
    def put(api_id: str, resource_id: str, http_method: str, data: dict[str, Any]) -> Response:
        from ministack.services import apigateway_v1 as api

        if problem := integration_problem(data):
            return bad_request(problem)
        response: Response = original(api_id, resource_id, http_method, data)
        if response[0] >= 400:
            return response
        stored = api._resources[api_id][resource_id]["resourceMethods"][http_method]["methodIntegration"]
        stored["responseTransferMode"] = data.get("responseTransferMode") or "BUFFERED"
        for name in ("connectionId", "tlsConfig", "cacheNamespace"):
            if data.get(name):
                stored[name] = data[name]
        result: Response = api._v1_response(stored, 201)
        return result

    return put


def _update_integration(original: Any) -> Any:
    def update(api_id: str, resource_id: str, http_method: str, data: dict[str, Any]) -> Response:
        from ministack.services import apigateway_v1 as api

        methods = (api._resources.get(api_id, {}).get(resource_id) or {}).get("resourceMethods", {})
        stored = (methods.get(http_method) or {}).get("methodIntegration")
        if not stored:
            missing: Response = original(api_id, resource_id, http_method, data)
            return missing
        for operation in data.get("patchOperations", []):
            if operation.get("path") == "/timeoutInMillis":
                operation["value"] = int(operation["value"])
        patched = api._apply_patch(copy.deepcopy(stored), data.get("patchOperations", []))
        if problem := integration_problem(patched):
            return bad_request(problem)
        response: Response = original(api_id, resource_id, http_method, data)
        return response

    return update


def _create_stage(original: Any) -> Any:
    def create(api_id: str, data: dict[str, Any]) -> Response:
        from ministack.services import apigateway_v1 as api

        name = data.get("stageName", "")
        if not _STAGE_NAME.fullmatch(name):
            return bad_request("Stage name only allows a-zA-Z0-9_-")
        if name in api._stages_v1.get(api_id, {}):
            conflict: Response = api._v1_error("ConflictException", "Stage already exists", 409)
            return conflict
        if data.get("deploymentId") not in api._deployments_v1.get(api_id, {}):
            return bad_request("Deployment id does not exist")
        response: Response = original(api_id, data)
        _without_empty_settings(api_id)
        return response

    return create


def _without_empty_settings(api_id: str) -> None:
    """A stage without access logs has no ``accessLogSettings``; an empty one is a difference in a plan."""
    from ministack.services import apigateway_v1 as api

    for stage in api._stages_v1.get(api_id, {}).values():
        if not stage.get("accessLogSettings"):
            stage.pop("accessLogSettings", None)


def _create_deployment(original: Any) -> Any:
    def create(api_id: str, data: dict[str, Any]) -> Response:
        from ministack.services import apigateway_v1 as api

        name = data.get("stageName")
        if name and not _STAGE_NAME.fullmatch(name):
            return bad_request("Stage name only allows a-zA-Z0-9_-")
        resources = api._resources.get(api_id, {})
        methods = [
            method for resource in resources.values() for method in resource["resourceMethods"].values()
        ]
        if api_id in api._rest_apis and not methods:
            return bad_request("The REST API doesn't contain any methods")
        if any(not method.get("methodIntegration") for method in methods):
            return bad_request("No integration defined for method")
        before = set(api._deployments_v1.get(api_id, {}))
        response: Response = original(api_id, data)
        for deployment_id in set(api._deployments_v1.get(api_id, {})) - before:
            api._deployments_v1[api_id][deployment_id][SNAPSHOT] = copy.deepcopy(list(resources.values()))
        _without_empty_settings(api_id)
        return response

    return create


def _delete_deployment(original: Any) -> Any:
    def delete(api_id: str, deployment_id: str) -> Response:
        from ministack.services import apigateway_v1 as api

        if any(s.get("deploymentId") == deployment_id for s in api._stages_v1.get(api_id, {}).values()):
            return bad_request("Active stages pointing to this deployment must be moved or deleted")
        response: Response = original(api_id, deployment_id)
        return response

    return delete


def _update_rest_api(api_id: str, data: dict[str, Any]) -> Response:
    from ministack.services import apigateway_v1 as api

    stored = api._rest_apis.get(api_id)
    if not stored:
        missing: Response = api._v1_error("NotFoundException", "Invalid API identifier specified", 404)
        return missing
    changed = copy.deepcopy(stored)
    for operation in data.get("patchOperations", []):
        if problem := _patch_rest_api(changed, operation):
            return bad_request(problem)
    api._rest_apis[api_id] = changed
    response: Response = api._v1_response(api._rest_api_view(changed))
    return response


def _patch_rest_api(stored: dict[str, Any], operation: Mapping[str, Any]) -> str:
    action, value = operation.get("op", "replace"), operation.get("value")
    path = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].strip("/").split("/")]
    match path:
        case ["binaryMediaTypes", media_type]:
            _patch_list(stored.setdefault("binaryMediaTypes", []), action, media_type, value)
        case ["endpointConfiguration", "types", _]:
            stored["endpointConfiguration"]["types"] = [value]
        case ["endpointConfiguration", "ipAddressType"]:
            stored["endpointConfiguration"]["ipAddressType"] = value
        case ["endpointConfiguration", "vpcEndpointIds"]:
            ids = stored["endpointConfiguration"].setdefault("vpcEndpointIds", [])
            _patch_list(ids, action, str(value), None)
        case ["minimumCompressionSize"]:
            stored["minimumCompressionSize"] = int(value) if value and action != "remove" else None
        case ["disableExecuteApiEndpoint"]:
            stored["disableExecuteApiEndpoint"] = str(value).lower() == "true"
        case ["name" | "description" | "policy" | "apiKeySource"]:
            stored[path[0]] = value
        case _:
            return f"Invalid patch path '{operation['path']}' specified for op '{action}'"
    return ""


def _patch_list(values: list[str], action: str, entry: str, replacement: str | None) -> None:
    if action in ("remove", "replace") and entry in values:
        values.remove(entry)
    if action in ("add", "replace"):
        wanted = replacement or entry
        if wanted not in values:
            values.append(wanted)
