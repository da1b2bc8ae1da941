"""REST APIs of the control plane: what the OpenAPI import keeps, and what API Gateway refuses."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.local.extensions.api_gateway import SNAPSHOT
from tests.integration.conftest import ACCOUNT, REGION, Emulator

pytestmark = pytest.mark.integration

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:librechat"
PATH = f"arn:aws:apigateway:{REGION}:lambda:path"
STREAM_URI = f"{PATH}/2021-11-15/functions/{FUNCTION}/response-streaming-invocations"
PLAIN_URI = f"{PATH}/2015-03-31/functions/{FUNCTION}/invocations"

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {"title": "librechat", "version": "1.0"},
    "x-amazon-apigateway-binary-media-types": ["multipart/form-data", "application/octet-stream"],
    "paths": {
        "/api/{proxy+}": {
            "parameters": [{"name": "proxy", "in": "path", "required": True, "schema": {"type": "string"}}],
            "x-amazon-apigateway-any-method": {
                "x-amazon-apigateway-integration": {
                    "type": "aws_proxy",
                    "httpMethod": "POST",
                    "uri": STREAM_URI,
                    "responseTransferMode": "STREAM",
                    "timeoutInMillis": 900000,
                }
            },
            "options": {
                "responses": {
                    "204": {
                        "description": "preflight",
                        "headers": {"Access-Control-Allow-Origin": {"schema": {"type": "string"}}},
                    }
                },
                "x-amazon-apigateway-integration": {
                    "type": "mock",
                    "passthroughBehavior": "when_no_templates",
                    "requestTemplates": {"application/json": '{"statusCode": 204}'},
                    "responses": {
                        "default": {
                            "statusCode": "204",
                            "responseParameters": {
                                "method.response.header.Access-Control-Allow-Origin": "'https://chat.example'"
                            },
                        }
                    },
                },
            },
        }
    },
}


@pytest.fixture
def api(emulator: Emulator) -> Iterator[Any]:
    """A client, and the id of an empty REGIONAL API."""
    client = emulator.aws.client("apigateway")
    client.id = client.create_rest_api(name="before", endpointConfiguration={"types": ["REGIONAL"]})["id"]
    yield client
    client.delete_rest_api(restApiId=client.id)


def put(api: Any, document: dict[str, Any], mode: str = "overwrite") -> Any:
    return api.put_rest_api(restApiId=api.id, mode=mode, body=json.dumps(document).encode())


def resource(api: Any, path: str) -> Any:
    return next(item for item in api.get_resources(restApiId=api.id)["items"] if item["path"] == path)


def changed(*path: str, value: object) -> dict[str, Any]:
    """The document with one value changed; None removes it."""
    document = copy.deepcopy(DOCUMENT)
    part = document
    for name in path[:-1]:
        part = part[name]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return document


def integration_with(**values: object) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    method = document["paths"]["/api/{proxy+}"]["x-amazon-apigateway-any-method"]
    method["x-amazon-apigateway-integration"] |= values
    return document


def refusal(api: Any, document: dict[str, Any]) -> str:
    with pytest.raises(ClientError) as refused:
        put(api, document)
    assert refused.value.response["Error"]["Code"] == "BadRequestException"
    return refused.value.response["Error"]["Message"]


def test_the_import_keeps_everything_of_a_streaming_integration(api: Any):
    put(api, DOCUMENT)
    method = api.get_method(
        restApiId=api.id, resourceId=resource(api, "/api/{proxy+}")["id"], httpMethod="ANY"
    )
    assert method["requestParameters"] == {"method.request.path.proxy": True}
    assert method["authorizationType"] == "NONE"
    integration = method["methodIntegration"]
    assert (integration["type"], integration["httpMethod"]) == ("AWS_PROXY", "POST")
    assert integration["uri"] == STREAM_URI
    assert integration["responseTransferMode"] == "STREAM"
    assert integration["timeoutInMillis"] == 900000


def test_the_import_keeps_the_mock_preflight_with_its_templates_and_headers(api: Any):
    put(api, DOCUMENT)
    where = {"restApiId": api.id, "resourceId": resource(api, "/api/{proxy+}")["id"], "httpMethod": "OPTIONS"}
    integration = api.get_integration(**where)
    assert integration["type"] == "MOCK"
    assert integration["passthroughBehavior"] == "WHEN_NO_TEMPLATES"
    assert integration["requestTemplates"] == {"application/json": '{"statusCode": 204}'}
    response = api.get_integration_response(**where, statusCode="204")
    name = "method.response.header.Access-Control-Allow-Origin"
    assert response["responseParameters"] == {name: "'https://chat.example'"}
    assert api.get_method_response(**where, statusCode="204")["responseParameters"] == {name: False}


def test_the_import_takes_name_and_binary_types_and_leaves_the_endpoint(api: Any):
    answer = put(api, DOCUMENT)
    assert (answer["name"], answer["version"]) == ("librechat", "1.0")
    assert answer["binaryMediaTypes"] == ["multipart/form-data", "application/octet-stream"]
    assert answer["endpointConfiguration"]["types"] == ["REGIONAL"]


def test_overwriting_removes_what_the_document_no_longer_names(api: Any):
    put(api, DOCUMENT)
    root = resource(api, "/")["id"]
    smaller = changed("paths", value={"/oauth/{proxy+}": DOCUMENT["paths"]["/api/{proxy+}"]})
    put(api, changed("x-amazon-apigateway-binary-media-types", value=None) | {"paths": smaller["paths"]})
    assert {r["path"] for r in api.get_resources(restApiId=api.id)["items"]} == {
        "/",
        "/oauth",
        "/oauth/{proxy+}",
    }
    assert resource(api, "/")["id"] == root
    assert not api.get_rest_api(restApiId=api.id).get("binaryMediaTypes")


def test_a_refused_import_leaves_the_api_as_it_was(api: Any):
    put(api, DOCUMENT)
    before = api.get_resources(restApiId=api.id)["items"]
    refusal(api, integration_with(uri="arn:aws:lambda:nonsense"))
    assert api.get_resources(restApiId=api.id)["items"] == before


def test_streaming_through_the_plain_invocations_uri_is_refused_in_the_words_of_aws(api: Any):
    assert refusal(api, integration_with(uri=PLAIN_URI)) == (
        "Errors found during import:\n\tUnable to put integration on 'ANY' for resource at path "
        "'/api/{proxy+}': Invalid ResponseTransferMode. ResponseTransferMode STREAM is only supported for "
        "Lambda functions invoked by InvokeWithResponseStream for AWS_PROXY integrations."
    )


def test_a_function_of_another_account_is_refused(api: Any):
    uri = STREAM_URI.replace(ACCOUNT, "111122223333")
    assert "Lambda function ARN must be in same account" in refusal(api, integration_with(uri=uri))


@pytest.mark.parametrize(
    "uri",
    [
        FUNCTION,
        STREAM_URI.replace("response-streaming-invocations", "streaming"),
        STREAM_URI.replace(f"apigateway:{REGION}", "apigateway:us-east-1"),
        PLAIN_URI.replace("2015-03-31", "2016-03-31"),
    ],
)
def test_an_integration_uri_of_a_wrong_form_is_refused(api: Any, uri: str):
    assert "Invalid ARN specified in the request" in refusal(api, integration_with(uri=uri))


def test_the_function_need_not_exist_yet(api: Any):
    put(api, integration_with(uri=STREAM_URI.replace("librechat", "not-yet-there")))


def test_fifteen_minutes_are_for_streams_only(api: Any):
    assert "29000 ms" in refusal(api, integration_with(responseTransferMode="BUFFERED", uri=PLAIN_URI))
    assert "900000 ms" in refusal(api, integration_with(timeoutInMillis=900001))
    put(api, integration_with(responseTransferMode="BUFFERED", uri=PLAIN_URI, timeoutInMillis=29000))
    integration = resource(api, "/api/{proxy+}")["resourceMethods"]["ANY"]["methodIntegration"]
    assert integration["responseTransferMode"] == "BUFFERED"


def test_a_mapped_header_must_be_declared_by_the_method(api: Any):
    document = changed("paths", "/api/{proxy+}", "options", "responses", value={"204": {"description": ""}})
    assert (
        "[Invalid mapping expression parameter specified: method.response.header.Access-Control-Allow-Origin]"
        in refusal(api, document)
    )


def test_two_variables_at_one_place_are_refused(api: Any):
    item = DOCUMENT["paths"]["/api/{proxy+}"]
    message = refusal(api, changed("paths", value={"/{one}": item, "/{two}": item}))
    assert "A sibling ({one}) of this resource already has a variable path part" in message


def test_a_part_that_the_embedded_aws_would_lose_is_refused_by_name(api: Any):
    document = DOCUMENT | {"x-amazon-apigateway-cors": {"allowOrigins": ["*"]}}
    assert "does not import x-amazon-apigateway-cors" in refusal(api, document)


def test_an_api_can_be_made_from_a_document_alone(api: Any):
    made = api.import_rest_api(body=json.dumps(DOCUMENT).encode())
    assert made["name"] == "librechat"
    assert len(api.get_resources(restApiId=made["id"])["items"]) == 3
    api.delete_rest_api(restApiId=made["id"])


def test_native_calls_keep_the_transfer_mode_and_follow_the_same_rules(api: Any):
    root = api.get_resources(restApiId=api.id)["items"][0]["id"]
    where = {"restApiId": api.id, "resourceId": root, "httpMethod": "ANY"}
    api.put_method(**where, authorizationType="NONE")
    integration = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "responseTransferMode": "STREAM"}
    with pytest.raises(api.exceptions.BadRequestException):
        api.put_integration(**where, **integration, uri=PLAIN_URI)
    api.put_integration(**where, **integration, uri=STREAM_URI, timeoutInMillis=900000)
    assert api.get_integration(**where)["responseTransferMode"] == "STREAM"
    with pytest.raises(api.exceptions.BadRequestException):
        api.update_integration(
            **where, patchOperations=[{"op": "replace", "path": "/timeoutInMillis", "value": "900001"}]
        )
    api.update_integration(
        **where, patchOperations=[{"op": "replace", "path": "/timeoutInMillis", "value": "60000"}]
    )
    assert api.get_integration(**where)["timeoutInMillis"] == 60000


def test_binary_media_types_are_patched_one_by_one(api: Any):
    def patch(*operations: tuple[str, str]) -> list[str]:
        answer = api.update_rest_api(
            restApiId=api.id, patchOperations=[{"op": op, "path": path} for op, path in operations]
        )
        return answer["binaryMediaTypes"]

    assert patch(("add", "/binaryMediaTypes/image~1png"), ("add", "/binaryMediaTypes/*~1*")) == [
        "image/png",
        "*/*",
    ]
    assert patch(("remove", "/binaryMediaTypes/*~1*")) == ["image/png"]


def test_endpoint_and_typed_values_are_patched(api: Any):
    answer = api.update_rest_api(
        restApiId=api.id,
        patchOperations=[
            {"op": "replace", "path": "/endpointConfiguration/types/REGIONAL", "value": "EDGE"},
            {"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "true"},
            {"op": "replace", "path": "/minimumCompressionSize", "value": "1024"},
        ],
    )
    assert answer["endpointConfiguration"]["types"] == ["EDGE"]
    assert answer["disableExecuteApiEndpoint"] is True
    assert answer["minimumCompressionSize"] == 1024


def test_a_patch_of_an_unknown_path_is_refused(api: Any):
    with pytest.raises(api.exceptions.BadRequestException, match="Invalid patch path"):
        api.update_rest_api(
            restApiId=api.id, patchOperations=[{"op": "replace", "path": "/nonsense", "value": "1"}]
        )


@pytest.mark.parametrize("name", ["$default", "with space", "x" * 129, ""])
def test_a_stage_name_takes_letters_digits_hyphen_and_underscore_only(api: Any, name: str):
    put(api, DOCUMENT)
    deployment = api.create_deployment(restApiId=api.id)["id"]
    with pytest.raises(ClientError, match="Stage name only allows"):
        api.create_stage(restApiId=api.id, stageName=name, deploymentId=deployment)
    if name:
        with pytest.raises(ClientError, match="Stage name only allows"):
            api.create_deployment(restApiId=api.id, stageName=name)


def test_a_stage_is_created_once_and_its_deployment_cannot_go_first(api: Any):
    put(api, DOCUMENT)
    deployment = api.create_deployment(restApiId=api.id)["id"]
    with pytest.raises(ClientError, match="Deployment id does not exist"):
        api.create_stage(restApiId=api.id, stageName="default", deploymentId="none")
    api.create_stage(restApiId=api.id, stageName="default", deploymentId=deployment)
    assert "accessLogSettings" not in api.get_stage(restApiId=api.id, stageName="default")
    with pytest.raises(api.exceptions.ConflictException):
        api.create_stage(restApiId=api.id, stageName="default", deploymentId=deployment)
    with pytest.raises(ClientError, match="Active stages pointing to this deployment"):
        api.delete_deployment(restApiId=api.id, deploymentId=deployment)
    api.delete_stage(restApiId=api.id, stageName="default")
    api.delete_deployment(restApiId=api.id, deploymentId=deployment)


def test_an_api_without_methods_or_integrations_cannot_be_deployed(api: Any):
    with pytest.raises(ClientError, match="doesn't contain any methods"):
        api.create_deployment(restApiId=api.id)
    root = api.get_resources(restApiId=api.id)["items"][0]["id"]
    api.put_method(restApiId=api.id, resourceId=root, httpMethod="GET", authorizationType="NONE")
    with pytest.raises(ClientError, match="No integration defined for method"):
        api.create_deployment(restApiId=api.id)


def test_a_deployment_shows_what_was_deployed_whatever_changed_since(api: Any):
    answers: list[dict[str, Any]] = []
    api.meta.events.register(
        "after-call.api-gateway.GetDeployment",
        lambda http_response, **_: answers.append(json.loads(http_response.content)),
    )

    def deployed(deployment: str) -> set[str]:
        api.get_deployment(restApiId=api.id, deploymentId=deployment)
        return {item["path"] for item in answers[-1][SNAPSHOT] if item["resourceMethods"]}

    put(api, DOCUMENT)
    first = api.create_deployment(restApiId=api.id)["id"]
    put(api, changed("paths", value={"/oauth/{proxy+}": DOCUMENT["paths"]["/api/{proxy+}"]}))
    second = api.create_deployment(restApiId=api.id)["id"]
    assert deployed(first) == {"/api/{proxy+}"}
    assert deployed(second) == {"/oauth/{proxy+}"}


def test_changed_tags_show_where_terraform_looks_for_them(api: Any):
    put(api, DOCUMENT)
    deployment = api.create_deployment(restApiId=api.id)["id"]
    tags = {"kept": "1", "gone": "1"}
    api.create_stage(restApiId=api.id, stageName="tagged", deploymentId=deployment, tags=tags)
    arn = f"arn:aws:apigateway:eu-west-1::/restapis/{api.id}"
    stage = f"{arn}/stages/tagged"
    for resource_arn in (arn, stage):
        api.tag_resource(resourceArn=resource_arn, tags={"new": "2", "gone": "2"})
        api.untag_resource(resourceArn=resource_arn, tagKeys=["gone"])
    assert api.get_rest_api(restApiId=api.id)["tags"] == {"new": "2"}
    assert api.get_stage(restApiId=api.id, stageName="tagged")["tags"] == {"kept": "1", "new": "2"}
    assert api.get_tags(resourceArn=stage)["tags"] == {"kept": "1", "new": "2"}
    api.delete_stage(restApiId=api.id, stageName="tagged")
