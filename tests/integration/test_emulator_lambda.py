"""ECR, Lambda and IAM of the control plane: from a pushed image to a function with its role's rights."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.conftest import ACCOUNT, REGION, Emulator

pytestmark = pytest.mark.integration

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


class Registry:
    """The registry protocol as a client speaks it."""

    def __init__(self, emulator: Emulator, repository: str) -> None:
        answer = emulator.aws.client("ecr").get_authorization_token()
        self.token = answer["authorizationData"][0]["authorizationToken"]
        self.port, self.repository = emulator.port, repository

    def __call__(
        self, method: str, path: str, body: bytes = b"", media_type: str = "", token: str | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Authorization": f"Basic {token or self.token}", "Content-Type": media_type}
        connection.request(method, path, body, {name: value for name, value in headers.items() if value})
        response = connection.getresponse()
        answer = response.status, response.headers, response.read()
        connection.close()
        return answer

    def blob(self, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        status, headers, _ = self("POST", f"/v2/{self.repository}/blobs/uploads/")
        assert status == 202
        status, _, _ = self("PUT", f"{headers['Location']}?digest={digest}", content)
        assert status == 201
        return {"digest": digest, "size": len(content)}

    def manifest(self, content: bytes, tag: str, media_type: str = OCI) -> tuple[int, str, bytes]:
        path = f"/v2/{self.repository}/manifests/{tag}"
        status, headers, body = self("PUT", path, content, media_type)
        return status, headers.get("Docker-Content-Digest", ""), body

    def image(self, layer: bytes, tag: str) -> str:
        document = {
            "schemaVersion": 2,
            "mediaType": OCI,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **self.blob(b"{}")},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **self.blob(layer)}],
        }
        status, digest, body = self.manifest(json.dumps(document, indent=3).encode(), tag)
        assert status == 201, body
        return digest


@pytest.fixture
def registry(emulator: Emulator) -> Iterator[Registry]:
    ecr = emulator.aws.client("ecr")
    ecr.create_repository(repositoryName="team/api", imageTagMutability="IMMUTABLE")
    yield Registry(emulator, "team/api")
    ecr.delete_repository(repositoryName="team/api", force=True)


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def role(emulator: Emulator) -> Iterator[str]:
    """The ARN of a role that Lambda may assume and that may do nothing yet."""
    iam = emulator.aws.client("iam")
    yield iam.create_role(RoleName="function", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))[
        "Role"
    ]["Arn"]
    for name in iam.list_role_policies(RoleName="function")["PolicyNames"]:
        iam.delete_role_policy(RoleName="function", PolicyName=name)
    iam.delete_role(RoleName="function")


def allow(emulator: Emulator, action: str, resource: str = "*") -> None:
    emulator.aws.client("iam").put_role_policy(
        RoleName="function",
        PolicyName=action.replace(":", "-"),
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {"Effect": "Allow", "Action": action, "Resource": resource},
            }
        ),
    )


def create(emulator: Emulator, role: str, image: str, **more: object) -> Any:
    return emulator.aws.client("lambda").create_function(
        FunctionName="api", PackageType="Image", Role=role, Code={"ImageUri": image}, **more
    )


def message(refused: pytest.ExceptionInfo[ClientError]) -> str:
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    return str(refused.value.response["Error"]["Message"])


def test_the_registry_asks_for_the_credentials_of_ecr(registry: Registry):
    status, headers, _ = registry("GET", "/v2/", token="bm9ib2R5")
    assert status == 401
    assert headers["Www-Authenticate"].startswith("Basic realm=")
    assert registry("GET", "/v2/")[0] == 200


def test_a_pushed_manifest_comes_back_byte_for_byte(registry: Registry):
    digest = registry.image(b"layer" * 1000, "v1")
    _, headers, by_tag = registry("GET", "/v2/team/api/manifests/v1")
    assert f"sha256:{hashlib.sha256(by_tag).hexdigest()}" == digest
    assert headers["Content-Type"] == OCI
    assert registry("GET", f"/v2/team/api/manifests/{digest}")[2] == by_tag
    layer = json.loads(by_tag)["layers"][0]
    status, headers, content = registry("GET", f"/v2/team/api/blobs/{layer['digest']}")
    assert (status, content) == (200, b"layer" * 1000)
    status, headers, _ = registry("HEAD", f"/v2/team/api/blobs/{layer['digest']}")
    assert (status, headers["Content-Length"]) == (200, "5000")


def test_a_layer_that_does_not_match_its_digest_is_refused(registry: Registry):
    _, headers, _ = registry("POST", "/v2/team/api/blobs/uploads/")
    status, _, body = registry("PUT", f"{headers['Location']}?digest=sha256:{'0' * 64}", b"content")
    assert (status, json.loads(body)["errors"][0]["code"]) == (400, "DIGEST_INVALID")


def test_a_manifest_whose_layers_were_never_pushed_is_refused(registry: Registry):
    absent = {"digest": f"sha256:{'1' * 64}", "size": 1}
    document = {"schemaVersion": 2, "config": registry.blob(b"{}"), "layers": [absent]}
    status, _, body = registry.manifest(json.dumps(document).encode(), "v1")
    assert (status, json.loads(body)["errors"][0]["code"]) == (404, "BLOB_UNKNOWN")


def test_an_immutable_tag_takes_the_same_digest_again_and_no_other(registry: Registry, emulator: Emulator):
    digest = registry.image(b"one", "v1")
    assert registry.image(b"one", "v1") == digest
    other = {"schemaVersion": 2, "config": registry.blob(b"{}"), "layers": []}
    status, _, body = registry.manifest(json.dumps(other).encode(), "v1")
    assert (status, json.loads(body)["errors"][0]["code"]) == (400, "TAG_INVALID")
    images = emulator.aws.client("ecr").describe_images(
        repositoryName="team/api", imageIds=[{"imageTag": "v1"}]
    )
    assert images["imageDetails"][0]["imageDigest"] == digest


def test_layers_survive_a_restart_and_go_with_their_repository(tmp_path: Path):
    emulator = Emulator(tmp_path)
    emulator.start()
    ecr = emulator.aws.client("ecr")
    ecr.create_repository(repositoryName="api")
    digest = Registry(emulator, "api").image(b"kept" * 100, "v1")
    assert emulator.stop() == 0
    emulator.start()
    try:
        registry = Registry(emulator, "api")
        manifest = json.loads(registry("GET", f"/v2/api/manifests/{digest}")[2])
        blob = f"/v2/api/blobs/{manifest['layers'][0]['digest']}"
        assert registry("GET", blob)[2] == b"kept" * 100
        ecr.delete_repository(repositoryName="api", force=True)
        ecr.create_repository(repositoryName="api")
        assert registry("HEAD", blob)[0] == 404
        assert not [path for path in (tmp_path / "layers").rglob("*") if path.is_file()]
    finally:
        emulator.stop()


def test_a_killed_control_plane_has_lost_nothing_older_than_a_checkpoint(tmp_path: Path):
    emulator = Emulator(tmp_path)
    emulator.start()
    ecr = emulator.aws.client("ecr")
    ecr.create_repository(repositoryName="api")
    digest = Registry(emulator, "api").image(b"kept", "v1")
    saved = tmp_path / "services" / "ecr.json"
    deadline = time.monotonic() + 120
    while not (saved.exists() and digest in saved.read_text()):
        assert time.monotonic() < deadline, "no checkpoint was written"
        time.sleep(0.05)
    assert emulator.process is not None
    emulator.process.kill()
    emulator.process.wait()
    emulator.start()
    try:
        images = ecr.describe_images(repositoryName="api", imageIds=[{"imageTag": "v1"}])["imageDetails"]
        assert [image["imageDigest"] for image in images] == [digest]
    finally:
        emulator.stop()


def test_a_function_shows_the_digest_that_its_tag_stood_for(
    emulator: Emulator, registry: Registry, role: str
):
    digest = registry.image(b"one", "v1")
    create(emulator, role, f"{REGISTRY}/team/api:v1", Timeout=900, MemorySize=2048)
    functions = emulator.aws.client("lambda")
    functions.get_waiter("function_active_v2").wait(FunctionName="api", WaiterConfig={"Delay": 1})
    read = functions.get_function(FunctionName="api")
    assert read["Code"]["ImageUri"] == f"{REGISTRY}/team/api:v1"
    assert read["Code"]["ResolvedImageUri"] == f"{REGISTRY}/team/api@{digest}"
    assert read["Configuration"]["CodeSha256"] == digest.removeprefix("sha256:")
    other = registry.image(b"two", "v2")
    functions.update_function_code(FunctionName="api", ImageUri=f"{REGISTRY}/team/api@{other}")
    assert functions.get_function(FunctionName="api")["Code"]["ResolvedImageUri"].endswith(other)
    functions.delete_function(FunctionName="api")


@pytest.mark.parametrize(
    "image",
    [
        f"{REGISTRY}/team/api:missing",
        f"{REGISTRY}/team/api@sha256:{'0' * 64}",
        f"{REGISTRY}/other:v1",
        f"{REGISTRY.replace(ACCOUNT, '111122223333')}/team/api:v1",
    ],
)
def test_a_function_of_an_image_that_is_not_there_is_refused(
    emulator: Emulator, registry: Registry, role: str, image: str
):
    registry.image(b"one", "v1")
    with pytest.raises(ClientError) as refused:
        create(emulator, role, image)
    assert message(refused) == f"Source image {image} does not exist. Provide a valid source image."


def test_an_image_index_with_attestations_is_refused(emulator: Emulator, registry: Registry, role: str):
    image = registry.image(b"one", "v1")
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"digest": image, "size": 1}]}
    status, _, body = registry.manifest(json.dumps(document).encode(), "index", INDEX)
    assert status == 201, body
    with pytest.raises(ClientError) as refused:
        create(emulator, role, f"{REGISTRY}/team/api:index")
    assert "media type for the source image" in message(refused)


def test_reserved_variables_are_refused(emulator: Emulator, registry: Registry, role: str):
    registry.image(b"one", "v1")
    with pytest.raises(ClientError) as refused:
        create(
            emulator,
            role,
            f"{REGISTRY}/team/api:v1",
            Environment={"Variables": {"AWS_REGION": REGION, "A": "b"}},
        )
    assert "Reserved keys used in this request: AWS_REGION" in message(refused)


def test_an_environment_of_more_than_4_kb_is_refused(emulator: Emulator, registry: Registry, role: str):
    registry.image(b"one", "v1")
    image = f"{REGISTRY}/team/api:v1"
    with pytest.raises(ClientError) as refused:
        create(emulator, role, image, Environment={"Variables": {"A": "x" * 4090}})
    assert "exceeded the 4KB limit" in message(refused)
    create(emulator, role, image, Environment={"Variables": {"A": "x" * 4080}})
    with pytest.raises(ClientError):
        emulator.aws.client("lambda").update_function_configuration(
            FunctionName="api", Environment={"Variables": {"A": "x" * 4090}}
        )
    emulator.aws.client("lambda").delete_function(FunctionName="api")


def test_a_role_for_another_service_is_refused(emulator: Emulator, registry: Registry):
    registry.image(b"one", "v1")
    iam = emulator.aws.client("iam")
    arn = iam.create_role(RoleName="task", AssumeRolePolicyDocument=trust("ecs-tasks.amazonaws.com"))["Role"][
        "Arn"
    ]
    with pytest.raises(ClientError) as refused:
        create(emulator, arn, f"{REGISTRY}/team/api:v1")
    assert message(refused) == "The role defined for the function cannot be assumed by Lambda."
    with pytest.raises(ClientError) as denied:
        emulator.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="api")
    assert denied.value.response["Error"]["Code"] == "AccessDenied"
    iam.delete_role(RoleName="task")


def test_a_function_in_a_vpc_needs_its_groups_and_the_right_to_make_interfaces(
    emulator: Emulator, registry: Registry, role: str
):
    registry.image(b"one", "v1")
    ec2 = emulator.aws.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    group = ec2.create_security_group(GroupName="in-vpc", Description="x")["GroupId"]

    def attempt(groups: list[str]) -> Any:
        network = {"SubnetIds": [subnet], "SecurityGroupIds": groups}
        return create(emulator, role, f"{REGISTRY}/team/api:v1", VpcConfig=network)

    with pytest.raises(ClientError) as refused:
        attempt([group])
    assert "permissions to call CreateNetworkInterface on EC2" in message(refused)
    allow(emulator, "ec2:CreateNetworkInterface")
    with pytest.raises(ClientError) as refused:
        attempt(["sg-0123456789abcdef0"])
    assert "InvalidGroup.NotFound" in message(refused)
    assert attempt([group])["VpcConfig"]["SecurityGroupIds"] == [group]
    with pytest.raises(ClientError) as in_use:
        ec2.delete_security_group(GroupId=group)
    assert in_use.value.response["Error"]["Code"] == "DependencyViolation"
    emulator.aws.client("lambda").delete_function(FunctionName="api")
    ec2.delete_security_group(GroupId=group)


def test_lambda_gets_a_roles_credentials_and_they_can_do_what_its_policies_say(emulator: Emulator, role: str):
    s3, ssm = emulator.aws.client("s3"), emulator.aws.client("ssm")
    s3.create_bucket(Bucket="role-test", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="role-test", Key="lambda-test/a", Body=b"a")
    s3.put_object(Bucket="role-test", Key="other/a", Body=b"a")
    s3.put_bucket_policy(
        Bucket="role-test",
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Sid": "deny-insecure-transport",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": "arn:aws:s3:::role-test/*",
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            }
        ),
    )
    ssm.put_parameter(Name="/role/JWT", Type="SecureString", Value="secret")
    allow(emulator, "s3:GetObject", "arn:aws:s3:::role-test/lambda-test/*")
    allow(emulator, "ssm:GetParameters", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/role/JWT")
    given = emulator.aws.client("sts").assume_role(RoleArn=role, RoleSessionName="api")["Credentials"]
    function = emulator.as_key(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    assert function.client("s3").get_object(Bucket="role-test", Key="lambda-test/a")["Body"].read() == b"a"
    for name in ("/role/JWT", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/role/JWT"):
        read = function.client("ssm").get_parameters(Names=[name], WithDecryption=True)
        assert read["Parameters"][0]["Value"] == "secret"
    for service, call, arguments in (
        ("s3", "get_object", {"Bucket": "role-test", "Key": "other/a"}),
        ("s3", "put_object", {"Bucket": "role-test", "Key": "lambda-test/a", "Body": b""}),
        ("s3", "get_object", {"Bucket": "role-test", "Key": "lambda-test/missing"}),
        ("ssm", "get_parameters", {"Names": ["/role/JWT", "/other"]}),
        ("lambda", "list_functions", {}),
    ):
        with pytest.raises(ClientError) as denied:
            getattr(function.client(service), call)(**arguments)
        assert denied.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
        assert denied.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    with pytest.raises(ClientError, match=r"on resource: .*:parameter/other "):
        function.client("ssm").get_parameters(Names=["/role/JWT", "/other"])
    allow(emulator, "s3:ListBucket", "arn:aws:s3:::role-test")
    with pytest.raises(ClientError) as missing:
        function.client("s3").get_object(Bucket="role-test", Key="lambda-test/missing")
    assert missing.value.response["Error"]["Code"] == "NoSuchKey"
    for secret, token in (("wrong", given["SessionToken"]), (given["SecretAccessKey"], "wrong")):
        with pytest.raises(ClientError):
            emulator.as_key(given["AccessKeyId"], secret, token).client("s3").get_object(
                Bucket="role-test", Key="lambda-test/a"
            )

    emulator.aws.client("logs").create_log_group(logGroupName="/aws/lambda/role")
    allow(emulator, "logs:CreateLogStream", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/role:*")
    function.client("logs").create_log_stream(logGroupName="/aws/lambda/role", logStreamName="one")
    with pytest.raises(ClientError):
        function.client("logs").create_log_group(logGroupName="/aws/lambda/other")
    emulator.aws.client("logs").delete_log_group(logGroupName="/aws/lambda/role")
    s3.delete_bucket_policy(Bucket="role-test")
    for key in ("lambda-test/a", "other/a"):
        s3.delete_object(Bucket="role-test", Key=key)
    s3.delete_bucket(Bucket="role-test")
    ssm.delete_parameter(Name="/role/JWT")


def test_function_logs_can_be_written_and_read(emulator: Emulator):
    logs = emulator.aws.client("logs")
    logs.create_log_group(logGroupName="/aws/lambda/api")
    logs.create_log_stream(logGroupName="/aws/lambda/api", logStreamName="2025/12/25/[$LATEST]0")
    logs.put_log_events(
        logGroupName="/aws/lambda/api",
        logStreamName="2025/12/25/[$LATEST]0",
        logEvents=[{"timestamp": 1, "message": "START"}, {"timestamp": 2, "message": "END"}],
    )
    events = logs.filter_log_events(logGroupName="/aws/lambda/api")["events"]
    assert [event["message"] for event in events] == ["START", "END"]
    logs.delete_log_group(logGroupName="/aws/lambda/api")
