"""A whole deployment made with the API calls that Terraform would send, and a viewer in front of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from scripts.local.edge import make_app
from tests.integration.conftest import ACCOUNT, REGION, Emulator
from tests.integration.lambda_functions import Deployment

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
SECURITY_HEADERS = "67f7725c-6f97-4210-82d7-5512b31e9d03"
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
SPA = """
function handler(event) {
  const request = event.request;
  if (!request.uri.split('/').pop().includes('.')) request.uri = '/index.html';
  return request;
}
"""
INDEX = b"<!doctype html><title>index</title>" + b" " * 2000


class Echo:
    """A function that streams its event back, in two reads."""

    error = None

    async def invoke(self, function: str, event: bytes, /, *, clock: int = 1) -> Echo:
        self.event = event
        return self

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"statusCode": 200, "headers": {"Content-Type": "application/json"}}' + bytes(8)
        yield self.event

    async def abandon(self) -> None:
        pass


@dataclass
class Stack:
    """Bucket, function, REST API and distribution."""

    emulator: Emulator
    name: str = field(default_factory=lambda: f"edge-{uuid.uuid4().hex[:8]}")
    api_id: str = ""
    distribution_id: str = ""
    function_arn: str = ""
    domain_name: str = ""

    def client(self, service: str) -> Any:
        return self.emulator.aws.client(service)

    def create(self) -> None:
        self._bucket()
        self._function()
        self._api()
        self._distribution()

    def _bucket(self) -> None:
        s3 = self.client("s3")
        s3.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=self.name, Key="index.html", Body=INDEX, ContentType="text/html")
        s3.put_object(Bucket=self.name, Key="assets/a.js", Body=b"1", ContentType="text/javascript")

    def _function(self) -> None:
        image = Deployment(self.emulator.aws, self.emulator.endpoint).image()
        self.function_arn = self.client("lambda").create_function(
            FunctionName=self.name, Role=self._role(), PackageType="Image", Code={"ImageUri": image}
        )["FunctionArn"]

    def _role(self) -> str:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                }
            ],
        }
        answer = self.client("iam").create_role(
            RoleName=self.name, AssumeRolePolicyDocument=json.dumps(trust)
        )
        return str(answer["Role"]["Arn"])

    @property
    def uri(self) -> str:
        return (
            f"arn:aws:apigateway:{REGION}:lambda:path/2021-11-15/functions/{self.function_arn}"
            "/response-streaming-invocations"
        )

    def _api(self) -> None:
        """From an OpenAPI body, as the Terraform root does it."""
        api = self.client("apigateway")
        self.api_id = api.create_rest_api(name=self.name, endpointConfiguration={"types": ["REGIONAL"]})["id"]
        api.put_rest_api(restApiId=self.api_id, mode="overwrite", body=json.dumps(self._openapi()))
        self.permit()
        deployment = api.create_deployment(restApiId=self.api_id)["id"]
        api.create_stage(restApiId=self.api_id, stageName="default", deploymentId=deployment)

    def _openapi(self) -> dict[str, Any]:
        stream = {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": self.uri,
            "responseTransferMode": "STREAM",
            "timeoutInMillis": 900_000,
        }
        preflight = {
            "type": "mock",
            "requestTemplates": {"application/json": '{"statusCode":204}'},
            "responses": {
                "default": {
                    "statusCode": "204",
                    "responseParameters": {
                        "method.response.header.Access-Control-Allow-Origin": "'https://x'"
                    },
                }
            },
        }
        allowed = {"Access-Control-Allow-Origin": {"schema": {"type": "string"}}}
        return {
            "openapi": "3.0.1",
            "info": {"title": self.name, "version": "1.0"},
            "paths": {
                "/api/{proxy+}": {
                    "parameters": [
                        {"name": "proxy", "in": "path", "required": True, "schema": {"type": "string"}}
                    ],
                    "x-amazon-apigateway-any-method": {"x-amazon-apigateway-integration": stream},
                    "options": {
                        "responses": {"204": {"description": "", "headers": allowed}},
                        "x-amazon-apigateway-integration": preflight,
                    },
                }
            },
            "x-amazon-apigateway-binary-media-types": ["multipart/form-data"],
        }

    def method(self, resource: str, http_method: str) -> None:
        """A method with a streaming integration."""
        api = self.client("apigateway")
        where = {"restApiId": self.api_id, "resourceId": resource, "httpMethod": http_method}
        api.put_method(**where, authorizationType="NONE")
        api.put_integration(
            **where,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=self.uri,
            responseTransferMode="STREAM",
            timeoutInMillis=900_000,
        )

    def permit(self) -> None:
        self.client("lambda").add_permission(
            FunctionName=self.name,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{self.api_id}/default/*/*",
        )

    def forbid(self) -> None:
        self.client("lambda").remove_permission(FunctionName=self.name, StatementId="api")

    def _distribution(self) -> None:
        cloudfront = self.client("cloudfront")
        function = cloudfront.create_function(
            Name=self.name,
            FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"},
            FunctionCode=SPA.encode(),
        )
        arn = function["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
        cloudfront.publish_function(Name=self.name, IfMatch=function["ETag"])
        access = cloudfront.create_origin_access_control(
            OriginAccessControlConfig={
                "Name": self.name,
                "SigningProtocol": "sigv4",
                "SigningBehavior": "always",
                "OriginAccessControlOriginType": "s3",
            }
        )["OriginAccessControl"]["Id"]
        answer = cloudfront.create_distribution(DistributionConfig=self._config(arn, access))
        self.distribution_id = answer["Distribution"]["Id"]
        self.domain_name = answer["Distribution"]["DomainName"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{self.name}/*",
            "Condition": {"StringEquals": {"AWS:SourceArn": answer["Distribution"]["ARN"]}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.client("s3").put_bucket_policy(Bucket=self.name, Policy=policy)

    def _config(self, function_arn: str, access_control: str) -> dict[str, Any]:
        def items(*values: Any) -> dict[str, Any]:
            return {"Quantity": len(values), "Items": list(values)}

        methods = ("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE")
        return {
            "CallerReference": self.name,
            "Comment": "",
            "Enabled": True,
            "DefaultRootObject": "index.html",
            "Origins": items(
                {
                    "Id": "frontend",
                    "DomainName": f"{self.name}.s3.{REGION}.amazonaws.com",
                    "OriginAccessControlId": access_control,
                    "S3OriginConfig": {"OriginAccessIdentity": ""},
                },
                {
                    "Id": "api",
                    "DomainName": f"{self.api_id}.execute-api.{REGION}.amazonaws.com",
                    "OriginPath": "/default",
                    "CustomOriginConfig": {
                        "HTTPPort": 80,
                        "HTTPSPort": 443,
                        "OriginProtocolPolicy": "https-only",
                        "OriginSslProtocols": items("TLSv1.2"),
                        "OriginReadTimeout": 60,
                        "OriginKeepaliveTimeout": 5,
                    },
                },
            ),
            "CacheBehaviors": items(
                {
                    "PathPattern": "/api/*",
                    "TargetOriginId": "api",
                    "ViewerProtocolPolicy": "https-only",
                    "AllowedMethods": {**items(*methods), "CachedMethods": items("GET", "HEAD")},
                    "CachePolicyId": CACHING_DISABLED,
                    "OriginRequestPolicyId": ALL_VIEWER_EXCEPT_HOST,
                    "Compress": False,
                }
            ),
            "DefaultCacheBehavior": {
                "TargetOriginId": "frontend",
                "ViewerProtocolPolicy": "redirect-to-https",
                "AllowedMethods": {**items("GET", "HEAD"), "CachedMethods": items("GET", "HEAD")},
                "CachePolicyId": CACHING_OPTIMIZED,
                "ResponseHeadersPolicyId": SECURITY_HEADERS,
                "Compress": True,
                "FunctionAssociations": items({"EventType": "viewer-request", "FunctionARN": function_arn}),
            },
        }

    def update_distribution(self, change: Any) -> None:
        cloudfront = self.client("cloudfront")
        answer = cloudfront.get_distribution_config(Id=self.distribution_id)
        config = answer["DistributionConfig"]
        change(config)
        cloudfront.update_distribution(
            Id=self.distribution_id, IfMatch=answer["ETag"], DistributionConfig=config
        )

    def delete(self) -> None:
        self.update_distribution(lambda config: config.update(Enabled=False))
        cloudfront = self.client("cloudfront")
        etag = cloudfront.get_distribution_config(Id=self.distribution_id)["ETag"]
        cloudfront.delete_distribution(Id=self.distribution_id, IfMatch=etag)
        self.client("apigateway").delete_rest_api(restApiId=self.api_id)
        self.client("lambda").delete_function(FunctionName=self.name)
        self.client("iam").delete_role(RoleName=self.name)
        s3 = self.client("s3")
        for key in ("index.html", "assets/a.js"):
            s3.delete_object(Bucket=self.name, Key=key)
        s3.delete_bucket(Bucket=self.name)


@contextmanager
def deployed(emulator: Emulator) -> Iterator[Stack]:
    """The deployment, gone afterwards."""
    made = Stack(emulator)
    made.create()
    yield made
    made.delete()


@asynccontextmanager
async def viewer(stack: Stack) -> AsyncIterator[aiohttp.ClientSession]:
    """A viewer of the distribution, with the edge in between."""
    emulator = stack.emulator
    async with AsyncExitStack() as parts:
        app = make_app(emulator.aws, Echo(), emulator.generation, emulator.endpoint)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        parts.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        session = aiohttp.ClientSession(
            f"http://127.0.0.1:{runner.addresses[0][1]}",
            headers={"Host": stack.domain_name},
        )
        yield await parts.enter_async_context(session)
