"""S3 and CloudFront of the control plane: who may read, and what arrives unmodified."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.integration.conftest import ACCOUNT, Emulator

pytestmark = pytest.mark.integration

SPA = """
function handler(event) {
  var request = event.request;
  if (request.uri.split('/').pop().indexOf('.') === -1) request.uri = '/index.html';
  return request;
}
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def get(emulator: Emulator, path: str, method: str = "GET", **headers: str) -> Answer:
    """An unsigned request; a header ``Host`` addresses a distribution."""
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=120)
    connection.request(
        method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    response = connection.getresponse()
    answer = Answer(
        response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    )
    connection.close()
    return answer


@pytest.fixture(scope="module")
def bucket(emulator: Emulator) -> Iterator[str]:
    s3 = emulator.aws.client("s3")
    name = "emulator-s3-test"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_object(
        Bucket=name, Key="index.html", Body=b"<html>", ContentType="text/html", CacheControl="no-cache"
    )
    s3.put_object(
        Bucket=name,
        Key="assets/app.abc123.js",
        Body=b"0123456789" * 300,
        ContentType="text/javascript",
        CacheControl="public, max-age=31536000, immutable",
    )
    yield name
    for item in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=item["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.fixture(scope="module")
def distribution(emulator: Emulator, bucket: str) -> Iterator[dict[str, str]]:
    cloudfront, s3 = emulator.aws.client("cloudfront"), emulator.aws.client("s3")
    access = cloudfront.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": "oac-test",
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
    )["OriginAccessControl"]["Id"]
    function = cloudfront.create_function(
        Name="spa-test",
        FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"},
        FunctionCode=SPA.encode(),
    )
    published = cloudfront.publish_function(Name="spa-test", IfMatch=function["ETag"])
    made = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": "s3-test",
            "Comment": "",
            "Enabled": True,
            "Origins": {
                "Quantity": 1,
                "Items": [
                    {
                        "Id": "s3",
                        "DomainName": f"{bucket}.s3.eu-west-1.amazonaws.com",
                        "OriginAccessControlId": access,
                        "S3OriginConfig": {"OriginAccessIdentity": ""},
                    }
                ],
            },
            "DefaultCacheBehavior": {
                "TargetOriginId": "s3",
                "ViewerProtocolPolicy": "allow-all",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
                "FunctionAssociations": {
                    "Quantity": 1,
                    "Items": [
                        {
                            "EventType": "viewer-request",
                            "FunctionARN": published["FunctionSummary"]["FunctionMetadata"]["FunctionARN"],
                        }
                    ],
                },
            },
        }
    )["Distribution"]
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
            "Condition": {"StringEquals": {"AWS:SourceArn": made["ARN"]}},
        },
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    yield {"host": made["DomainName"], "policy": json.dumps(policy)}
    read = cloudfront.get_distribution_config(Id=made["Id"])
    disabled = read["DistributionConfig"] | {"Enabled": False}
    etag = cloudfront.update_distribution(Id=made["Id"], IfMatch=read["ETag"], DistributionConfig=disabled)[
        "ETag"
    ]
    cloudfront.delete_distribution(Id=made["Id"], IfMatch=etag)
    cloudfront.delete_function(Name="spa-test", IfMatch=function["ETag"])
    etag = cloudfront.get_origin_access_control(Id=access)["ETag"]
    cloudfront.delete_origin_access_control(Id=access, IfMatch=etag)


def test_an_unsigned_request_sees_neither_objects_nor_keys_nor_the_list(emulator: Emulator, bucket: str):
    for path in ("index.html", "missing.html", "", "?list-type=2"):
        answer = get(emulator, f"/{bucket}/{path}")
        assert answer.status == 403, path
        assert b"AccessDenied" in answer.body


def test_an_unsigned_request_with_the_buckets_own_host_is_refused_too(emulator: Emulator, bucket: str):
    answer = get(emulator, "/index.html", Host=f"{bucket}.s3.eu-west-1.amazonaws.com")
    assert answer.status == 403


def test_unsigned_writes_and_deletes_are_refused(emulator: Emulator, bucket: str):
    assert get(emulator, f"/{bucket}/index.html", "PUT").status == 403
    assert get(emulator, f"/{bucket}/index.html", "DELETE").status == 403
    assert emulator.aws.client("s3").head_object(Bucket=bucket, Key="index.html")["ContentLength"] == 6


def test_a_viewer_request_function_runs_isolated_from_this_machine(emulator: Emulator, distribution):
    assert get(emulator, "/chat/1", Host=distribution["host"]).status == 200
    control_plane = psutil.Process(emulator.process.pid)
    nodes = [child for child in control_plane.children(recursive=True) if child.name() == "node"]
    assert nodes
    for node in nodes:
        assert node.environ().keys() <= {"PATH", "PWD"}
        networks = {Path(f"/proc/{process.pid}/ns/net").readlink() for process in (node, control_plane)}
        assert len(networks) == 2
        assert not Path("/proc", str(node.pid), "root", *emulator.state.parts[1:]).exists()


def test_the_distribution_reads_through_its_origin_access_control(emulator: Emulator, distribution):
    answer = get(emulator, "/index.html", Host=distribution["host"])
    assert (answer.status, answer.body) == (200, b"<html>")
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["etag"].startswith('"')


def test_the_viewer_request_function_answers_a_deep_link_with_the_index(emulator: Emulator, distribution):
    answer = get(emulator, "/chat/123", Host=distribution["host"])
    assert (answer.status, answer.body) == (200, b"<html>")


def test_a_missing_key_is_403_because_the_policy_grants_no_listing(emulator: Emulator, distribution):
    assert get(emulator, "/missing.js", Host=distribution["host"]).status == 403


def test_without_the_bucket_policy_the_distribution_reads_nothing(
    emulator: Emulator, bucket: str, distribution
):
    s3 = emulator.aws.client("s3")
    s3.delete_bucket_policy(Bucket=bucket)
    try:
        assert get(emulator, "/index.html?fresh=1", Host=distribution["host"]).status == 403
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=distribution["policy"])
    assert get(emulator, "/index.html?fresh=2", Host=distribution["host"]).status == 200


def test_the_distribution_answers_head_conditional_and_range_requests(emulator: Emulator, distribution):
    path, host = "/assets/app.abc123.js", distribution["host"]
    whole = get(emulator, path, Host=host)
    assert whole.headers["cache-control"] == "public, max-age=31536000, immutable"
    head = get(emulator, path, "HEAD", Host=host)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == "3000"
    assert head.headers["etag"] == whole.headers["etag"]
    unchanged = get(emulator, path, Host=host, If_None_Match=whole.headers["etag"])
    assert (unchanged.status, unchanged.body) == (304, b"")
    part = get(emulator, path, Host=host, Range="bytes=10-14")
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"01234", "bytes 10-14/3000")


def test_a_lock_file_is_written_once(emulator: Emulator, bucket: str):
    s3 = emulator.aws.client("s3")
    s3.put_object(Bucket=bucket, Key="state.tflock", Body=b"one", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="state.tflock", Body=b"two", IfNoneMatch="*")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412


def test_only_one_of_many_racing_lock_writers_wins(emulator: Emulator, bucket: str):
    s3 = emulator.aws.client("s3")

    def take(number: int) -> bool:
        try:
            s3.put_object(Bucket=bucket, Key="race.tflock", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(16))) == 1


def test_two_hundred_files_are_published_side_by_side(emulator: Emulator, bucket: str):
    s3 = emulator.aws.client("s3")
    with ThreadPoolExecutor(16) as pool:
        list(
            pool.map(lambda n: s3.put_object(Bucket=bucket, Key=f"many/{n}", Body=b"x" * 90_000), range(200))
        )
    assert s3.list_objects_v2(Bucket=bucket, Prefix="many/")["KeyCount"] == 200


def test_the_bucket_belongs_to_the_account_of_the_access_key(emulator: Emulator, bucket: str):
    stranger = emulator.as_account("111122223333").client("s3")
    assert emulator.aws.client("sts").get_caller_identity()["Account"] == ACCOUNT
    with pytest.raises(ClientError) as refused:
        stranger.get_object(Bucket=bucket, Key="index.html")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
