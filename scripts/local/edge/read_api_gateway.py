"""REST APIs as API Gateway's API shows them, turned into the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from scripts.local.edge.model import (
    Integration,
    IntegrationResponse,
    Method,
    Resource,
    RestApi,
    Stage,
    Throttling,
)
from scripts.local.extensions.api_gateway import SNAPSHOT


def read_rest_api(apigateway: Any, api_id: str) -> RestApi | None:
    """The REST API with what its stages serve, or None when there is none; blocks."""
    apigateway.meta.events.register(
        "after-call.api-gateway.GetDeployment", _keep_snapshot, unique_id="edge-snapshot"
    )
    try:
        api = apigateway.get_rest_api(restApiId=api_id)
        stages = apigateway.get_stages(restApiId=api_id).get("item", ())
        return RestApi(
            id=api_id,
            stages={item["stageName"]: _stage(apigateway, api_id, item) for item in stages},
            binary_media_types=tuple(api.get("binaryMediaTypes", ())),
            execute_api_endpoint=not api.get("disableExecuteApiEndpoint", False),
        )
    except apigateway.exceptions.NotFoundException:
        # Deleted, or not created yet: CloudFront then cannot resolve its name.
        return None


def _stage(apigateway: Any, api_id: str, item: Mapping[str, Any]) -> Stage:
    deployment = apigateway.get_deployment(restApiId=api_id, deploymentId=item["deploymentId"])
    return Stage(
        name=item["stageName"],
        deployment_id=item["deploymentId"],
        resources=tuple(map(resource_of, deployment[SNAPSHOT])),
        variables=item.get("variables") or {},
        throttling=throttling_of(item.get("methodSettings") or {}),
    )


def throttling_of(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Throttling]:
    """The limits in a stage's ``methodSettings``; a limit below zero means that there is none.

    https://docs.aws.amazon.com/apigateway/latest/api/API_MethodSetting.html
    """
    return {
        # A resource's slashes are encoded as in a JSON pointer.
        method.replace("~1", "/"): Throttling(float(rate), int(burst))
        for method, each in settings.items()
        if (rate := each.get("throttlingRateLimit", -1)) >= 0
        and (burst := each.get("throttlingBurstLimit", -1)) >= 0
    }


def _keep_snapshot(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    """Hand on the deployed resources, which the embedded API Gateway adds to GetDeployment.

    AWS itself shows a deployment's content only as an OpenAPI export, which drops what we need.
    """
    parsed[SNAPSHOT] = json.loads(http_response.content).get(SNAPSHOT, ())


def resource_of(item: Mapping[str, Any]) -> Resource:
    """A resource from the API's ``Resource`` structure with its methods embedded."""
    methods = item.get("resourceMethods") or {}
    return Resource(
        id=item["id"],
        path=item["path"],
        methods={
            name: Method(
                http_method=name,
                integration=_integration(method["methodIntegration"])
                if method.get("methodIntegration")
                else None,
                authorization_type=method.get("authorizationType") or "NONE",
                api_key_required=bool(method.get("apiKeyRequired")),
            )
            for name, method in methods.items()
        },
    )


def _integration(item: Mapping[str, Any]) -> Integration:
    return Integration(
        type=item["type"].upper(),
        uri=item.get("uri") or "",
        http_method=item.get("httpMethod") or "POST",
        response_transfer_mode=item.get("responseTransferMode") or "BUFFERED",
        timeout_ms=int(item.get("timeoutInMillis") or 29_000),
        credentials=item.get("credentials") or "",
        passthrough_behavior=item.get("passthroughBehavior") or "WHEN_NO_MATCH",
        request_templates=item.get("requestTemplates") or {},
        responses=tuple(
            IntegrationResponse(
                status=int(response.get("statusCode") or status),
                selection_pattern=response.get("selectionPattern") or "",
                parameters=response.get("responseParameters") or {},
                templates=response.get("responseTemplates") or {},
            )
            for status, response in (item.get("integrationResponses") or {}).items()
        ),
    )
