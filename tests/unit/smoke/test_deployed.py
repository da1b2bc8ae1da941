"""What is read of the account. Answers are checked by botocore against the services' own models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from scripts.aws import Aws
from scripts.smoke.deployed import Deployed, read

OUTPUTS = {
    "cloudfront_distribution_id": "E1",
    "api_id": "abc",
    "api_stage": "default",
    "function_name": "librechat-api",
}
IMAGE = "1.dkr.ecr.eu-west-1.amazonaws.com/api@sha256:" + "0" * 64


class Account(Aws):
    """Three services whose answers are given beforehand, or which refuse.

    Args:
        answers: By service, the calls in their order with their answers.
        denied: Services that answer AccessDenied.
    """

    def __init__(self, answers: Mapping[str, list[tuple[str, dict[str, Any]]]], denied: tuple[str, ...] = ()):
        super().__init__(region="eu-west-1")
        self.stubbed: dict[str, Any] = {}
        for service, calls in answers.items():
            client = boto3.client(
                service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
            )
            stub = Stubber(client)
            for method, answer in calls:
                if service in denied:
                    stub.add_client_error(method, "AccessDeniedException", http_status_code=403)
                else:
                    stub.add_response(method, answer)
            stub.activate()
            self.stubbed[service] = client

    def client(self, service: str, region: str | None = None) -> Any:
        return self.stubbed[service]


def behavior(origin: str, *, compress: bool = False, **more: Any) -> dict[str, Any]:
    return {"TargetOriginId": origin, "ViewerProtocolPolicy": "https-only", "Compress": compress, **more}


def distribution(*, compress: bool = False, **origin: Any) -> dict[str, Any]:
    custom = {
        "HTTPPort": 80,
        "HTTPSPort": 443,
        "OriginProtocolPolicy": "https-only",
        "OriginReadTimeout": 45,
    }
    api = {
        "Id": "api",
        "DomainName": "abc.execute-api.eu-west-1.amazonaws.com",
        "ConnectionAttempts": 3,
        "CustomOriginConfig": custom,
    }
    config = {
        "CallerReference": "r",
        "Comment": "",
        "Enabled": True,
        "HttpVersion": "http2and3",
        "PriceClass": "PriceClass_100",
        "Origins": {"Quantity": 2, "Items": [{"Id": "s3", "DomainName": "b.s3.amazonaws.com"}, api | origin]},
        "DefaultCacheBehavior": behavior("s3", compress=True),
        "CacheBehaviors": {
            "Quantity": 1,
            "Items": [behavior("api", compress=compress, PathPattern="/api/*")],
        },
    }
    return {"DistributionConfig": config}


def resources(*integrations: dict[str, Any]) -> dict[str, Any]:
    return {
        "items": [
            {"id": f"r{i}", "path": f"/{i}", "resourceMethods": {"ANY": {"methodIntegration": integration}}}
            for i, integration in enumerate(integrations)
        ]
    }


STREAM = {"type": "AWS_PROXY", "responseTransferMode": "STREAM", "timeoutInMillis": 900_000}
MOCK = {"type": "MOCK", "responseTransferMode": "BUFFERED", "timeoutInMillis": 29_000}


def answers(
    *integrations: dict[str, Any], compress: bool = False, environment: Mapping[str, str] | None = None
) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    configuration = {
        "Timeout": 900,
        "MemorySize": 2048,
        "Architectures": ["x86_64"],
        "Environment": {"Variables": {"SSE_HEARTBEAT_MS": "15000"} if environment is None else environment},
    }
    return {
        "cloudfront": [("get_distribution_config", distribution(compress=compress))],
        "apigateway": [
            ("get_rest_api", {"id": "abc", "endpointConfiguration": {"types": ["REGIONAL"]}}),
            ("get_resources", resources(*(integrations or (STREAM, MOCK)))),
            ("get_stage", {"stageName": "default", "deploymentId": "d1"}),
        ],
        "lambda": [
            ("get_function", {"Configuration": configuration, "Code": {"ResolvedImageUri": IMAGE}}),
        ],
    }


def test_everything_that_can_end_a_stream_is_read_in_seconds() -> None:
    deployed = read(Account(answers()), OUTPUTS)
    assert deployed == Deployed(
        distribution_id="E1",
        http_version="http2and3",
        price_class="PriceClass_100",
        compress=False,
        origin_read_timeout=45,
        connection_attempts=3,
        api_id="abc",
        api_deployment="d1",
        endpoint_type="REGIONAL",
        transfer_mode="STREAM",
        integration_timeout=900,
        function_name="librechat-api",
        function_timeout=900,
        memory_mb=2048,
        architecture="x86_64",
        image=IMAGE,
        heartbeat=15,
    )


def test_only_integrations_with_the_function_count_and_the_shortest_timeout_is_told() -> None:
    buffered = {"type": "AWS_PROXY", "timeoutInMillis": 29_000}
    deployed = read(Account(answers(STREAM, buffered, MOCK)), OUTPUTS)
    assert (deployed.transfer_mode, deployed.integration_timeout) == ("BUFFERED/STREAM", 29)


def test_only_compression_of_the_api_counts() -> None:
    assert read(Account(answers(compress=True)), OUTPUTS).compress is True


def test_a_secret_in_the_functions_environment_is_not_read() -> None:
    environment = {"SSE_HEARTBEAT_MS": "0", "JWT_SECRET": "hunter2"}
    deployed = read(Account(answers(environment=environment)), OUTPUTS)
    assert deployed.heartbeat == 0
    assert "hunter2" not in repr(deployed)


@pytest.mark.parametrize("variables", [{}, {"SSE_HEARTBEAT_MS": "soon"}])
def test_a_heartbeat_that_is_not_set_is_not_known(variables: dict[str, str]) -> None:
    assert read(Account(answers(environment=variables)), OUTPUTS).heartbeat is None


def test_what_may_not_be_read_is_not_known_and_the_rest_is() -> None:
    deployed = read(Account(answers(), denied=("apigateway", "lambda")), OUTPUTS)
    assert deployed.origin_read_timeout == 45
    assert deployed.function_timeout is deployed.integration_timeout is None
    assert deployed.unknown == {"api": "AccessDeniedException", "function": "AccessDeniedException"}


def test_without_terraforms_outputs_nothing_is_asked() -> None:
    deployed = read(Account({}), {"function_name": ""})
    assert "cloudfront_distribution_id or api_id" in deployed.unknown["distribution"]
    assert set(deployed.unknown) == {"distribution", "api", "function"}


def test_json_holds_what_is_known_only() -> None:
    told = Deployed(compress=False, heartbeat=0, unknown={"api": "AccessDenied"}).to_json()
    assert told == {"compress": False, "heartbeat": 0, "unknown": {"api": "AccessDenied"}}
    assert json.loads(json.dumps(told)) == told
