"""Who gets into the embedded AWS: not a page in a browser, not a guess, not a service that is not used."""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
import socket
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.auth import S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys
from botocore.exceptions import ClientError

from scripts.local.admission import HEALTH
from tests.integration.conftest import ACCOUNT, REGION, Emulator

pytestmark = pytest.mark.integration

IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


def send(
    emulator: Emulator, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None
) -> Answer:
    """A request as it stands; a header ``Host`` replaces the true one."""
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=120)
    connection.request(method, path, body or None, dict(headers or {}))
    response = connection.getresponse()
    received = {name.lower(): value for name, value in response.getheaders()}
    answer = Answer(response.status, received, response.read().decode(errors="replace"))
    connection.close()
    return answer


def signed(
    emulator: Emulator,
    method: str,
    path: str,
    body: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    service: str = "sts",
    keys: Keys | None = None,
) -> Mapping[str, str]:
    """The headers of a request signed as the account, or with other keys."""
    own = emulator.credentials
    request = AWSRequest(method, emulator.endpoint + path, dict(headers or {}), body)
    signer = SigV4Auth(keys or Keys(own.access_key_id, own.secret_access_key), service, REGION)
    signer.add_auth(request)
    return dict(request.headers)


def identity(emulator: Emulator, **more: Any) -> Answer:
    """sts:GetCallerIdentity, signed; with headers that are added after the signature."""
    added = {name.replace("_", "-"): value for name, value in more.pop("added", {}).items()}
    headers = signed(emulator, "POST", "/", IDENTITY, FORM, **more)
    return send(emulator, "POST", "/", IDENTITY, {**headers, **added})


def test_the_account_gets_in(emulator: Emulator) -> None:
    answer = identity(emulator)
    assert answer.status == 200
    assert f"arn:aws:iam::{ACCOUNT}:root" in answer.text


@pytest.mark.parametrize(
    ("key", "secret"),
    [(ACCOUNT, "local"), (ACCOUNT, "test"), ("test", "test"), ("AKIAIOSFODNN7EXAMPLE", "x")],
    ids=lambda value: value[:6],
)
def test_no_key_that_is_published_or_guessed_gets_in(emulator: Emulator, key: str, secret: str) -> None:
    answer = identity(emulator, keys=Keys(key, secret))
    assert answer.status == 403
    assert "root" not in answer.text


def test_each_embedded_aws_has_credentials_of_its_own_which_others_cannot_read(emulator: Emulator) -> None:
    keys = emulator.credentials
    assert len(keys.secret_access_key) >= 40
    assert keys.secret_access_key not in repr(keys)
    assert (emulator.state / "credentials.json").stat().st_mode & 0o777 == 0o600
    wide = [path for path in emulator.state.rglob("*") if path.stat().st_mode & 0o077]
    assert [path for path in wide if path != emulator.state] == []


@pytest.mark.parametrize(
    "tampered",
    [
        {"X_Amz_Date": "20200101T000000Z"},
        {"Authorization": ""},
        {"Authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20261201/{REGION}/sts/aws4_request"},
        {"Authorization": "Bearer x"},
        {"Host": "localhost"},
    ],
    ids=str,
)
def test_a_request_that_is_not_signed_as_it_was_sent_is_refused(
    emulator: Emulator, tampered: dict[str, str]
) -> None:
    assert identity(emulator, added=tampered).status == 403


def test_a_signature_covers_the_body_the_path_and_the_query(emulator: Emulator) -> None:
    headers = signed(emulator, "POST", "/", IDENTITY, FORM)
    assert send(emulator, "POST", "/", IDENTITY + "&x=1", headers).status == 403
    assert send(emulator, "POST", "/?x=1", IDENTITY, headers).status == 403
    assert send(emulator, "POST", "/x", IDENTITY, headers).status == 403
    assert send(emulator, "PUT", "/", IDENTITY, headers).status == 403


@pytest.mark.parametrize(
    "mark",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8080"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
def test_a_page_is_refused_even_with_the_right_signature(emulator: Emulator, mark: dict[str, str]) -> None:
    answer = identity(emulator, added=mark)
    assert answer.status == 403
    assert "pages in a browser" in answer.text
    preflight = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    assert send(emulator, "OPTIONS", "/", headers=preflight).status == 403


def test_no_answer_carries_a_cors_header(emulator: Emulator) -> None:
    page = {"Origin": "https://example.com"}
    answers = [
        identity(emulator),
        send(emulator, "GET", HEALTH),
        send(emulator, "GET", HEALTH, headers=page),
        send(emulator, "GET", "/v2/"),
        send(emulator, "OPTIONS", "/some-bucket/key", headers=page),
    ]
    assert [name for answer in answers for name in answer.headers if name.startswith("access-control-")] == []


@pytest.mark.parametrize(
    "host", ["rebound.example.com", "127.0.0.1.nip.io", "localhost.example.com:4566", ""]
)
@pytest.mark.parametrize("path", ["/", HEALTH, "/v2/", "/some-bucket/key", "/_ministack/reset"])
def test_another_host_name_is_refused_on_every_path(emulator: Emulator, host: str, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS", "HEAD"):
        assert send(emulator, method, path, headers={"Host": host}).status in (400, 403)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/ready"),
        ("GET", "/_ministack/lambda-code/x"),
        ("POST", "/_localstack/health"),
        ("POST", "/_ministack/rds/iam-auth"),
        ("GET", "/_aws/sqs/messages"),
        ("POST", HEALTH),
    ],
)
def test_administration_routes_are_closed_to_everybody(emulator: Emulator, method: str, path: str) -> None:
    assert send(emulator, method, path).status == 403
    for service in ("sts", "s3"):
        assert (
            send(emulator, method, path, headers=signed(emulator, method, path, service=service)).status
            == 403
        )
    through_a_distribution = {"Host": "d111111abcdef8.cloudfront.net"}
    assert send(emulator, method, path, headers=through_a_distribution).status == 404


def test_the_health_check_needs_nothing(emulator: Emulator) -> None:
    assert send(emulator, "GET", HEALTH).status == 200


@pytest.mark.parametrize(
    "service", ["dynamodb", "secretsmanager", "cloudformation", "sqs", "codebuild", "ecs"]
)
def test_a_service_that_the_deployment_does_not_use_is_refused_by_name(
    emulator: Emulator, service: str
) -> None:
    client = emulator.aws.client(service)
    call = {
        "dynamodb": "list_tables",
        "secretsmanager": "list_secrets",
        "cloudformation": "list_stacks",
        "sqs": "list_queues",
        "codebuild": "list_projects",
        "ecs": "list_clusters",
    }[service]
    with pytest.raises(ClientError, match=f"has no '{service}'"):
        getattr(client, call)()


def test_a_signature_for_one_service_does_not_open_another(emulator: Emulator) -> None:
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
    headers = signed(emulator, "POST", "/", "{}", target, service="ssm")
    answer = send(emulator, "POST", "/", "{}", headers)
    assert answer.status == 403
    assert "dynamodb" in answer.text


def test_code_in_a_zip_archive_is_refused(emulator: Emulator) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("index.py", "def handler(event, context): return open('/etc/shadow').read()")
    with pytest.raises(ClientError, match="container images only"):
        emulator.aws.client("lambda").create_function(
            FunctionName="zip",
            Runtime="python3.11",
            Handler="index.handler",
            Role=f"arn:aws:iam::{ACCOUNT}:role/x",
            Code={"ZipFile": archive.getvalue()},
        )


def test_the_registry_takes_no_published_password(emulator: Emulator) -> None:
    for password in ("ministack-auth-token", "test", ""):
        basic = base64.b64encode(f"AWS:{password}".encode()).decode()
        assert send(emulator, "GET", "/v2/", headers={"Authorization": f"Basic {basic}"}).status == 401
    own = emulator.aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert send(emulator, "GET", "/v2/", headers={"Authorization": f"Basic {own}"}).status == 200


def test_a_presigned_object_may_be_shown_by_a_page_and_read_by_no_script(emulator: Emulator) -> None:
    s3 = emulator.aws.client("s3")
    s3.create_bucket(Bucket="presigned", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="presigned", Key="a picture.png", Body=b"png")
    address = {"Bucket": "presigned", "Key": "a picture.png"}
    request = AWSRequest("GET", f"{emulator.endpoint}/presigned/a%20picture.png")
    own = emulator.credentials
    keys = Keys(own.access_key_id, own.secret_access_key)
    S3SigV4QueryAuth(keys, "s3", REGION, expires=60).add_auth(request)
    target = request.url.removeprefix(emulator.endpoint)

    image = send(emulator, "GET", target, headers={"Sec-Fetch-Site": "cross-site"})
    assert (image.status, image.text) == (200, "png")
    assert send(emulator, "GET", target, headers={"Origin": "http://localhost:8080"}).status == 403
    assert send(emulator, "GET", target.replace("picture", "secret")).status == 403
    assert send(emulator, "GET", target.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")).status == 403
    s3.delete_object(**address)
    s3.delete_bucket(Bucket="presigned")


def test_a_websocket_is_closed(emulator: Emulator) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert send(emulator, "GET", "/", headers=upgrade).status == 403


def test_a_role_may_do_what_its_policy_allows_and_nothing_else(emulator: Emulator) -> None:
    iam, sts, ssm = (emulator.aws.client(name) for name in ("iam", "sts", "ssm"))
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    mine, other = (f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{name}" for name in ("mine", "other"))
    allowed = {"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": mine}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="app", PolicyName="app", PolicyDocument=policy)
    for name in ("/mine", "/other"):
        ssm.put_parameter(Name=name, Type="SecureString", Value="secret", Overwrite=True)
    given = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/app", RoleSessionName="app")["Credentials"]
    app = emulator.as_key(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    read = app.client("ssm").get_parameters(Names=[mine], WithDecryption=True)
    assert read["Parameters"][0]["Value"] == "secret"
    for refused in (
        lambda: app.client("ssm").get_parameters(Names=[other], WithDecryption=True),
        lambda: app.client("iam").create_user(UserName="x"),
        lambda: app.client("lambda").list_functions(),
        lambda: app.client("s3").list_buckets(),
        lambda: app.client("logs").describe_log_groups(),
    ):
        with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
            refused()
    iam.delete_role_policy(RoleName="app", PolicyName="app")
    iam.delete_role(RoleName="app")


TARGET = {"X-Amz-Target": "AmazonSSM.GetParameter", "Content-Type": "application/x-amz-json-1.1"}
SECRET_PARAMETER = json.dumps({"Name": "/guarded", "WithDecryption": True})


@pytest.fixture(scope="module")
def guarded(emulator: Emulator) -> str:
    """The value of a parameter that nobody but the account may read."""
    emulator.aws.client("ssm").put_parameter(Name="/guarded", Type="SecureString", Value="of-the-engineer")
    return "of-the-engineer"


@pytest.fixture(scope="module")
def stranger(emulator: Emulator) -> Keys:
    """Credentials of a role that may do nothing."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    emulator.aws.client("iam").create_role(
        RoleName="stranger", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )
    given = emulator.aws.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/stranger", RoleSessionName="stranger"
    )["Credentials"]
    return Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


@pytest.mark.parametrize("key", [ACCOUNT, "test"])
@pytest.mark.parametrize(
    "path", ["/v2x", "/v2", "/v2/", "/v2/email/x", "/v2/credentials/x", "/v20180820/tags/x"]
)
def test_the_registrys_way_in_leads_nowhere_else(
    emulator: Emulator, guarded: str, path: str, key: str
) -> None:
    scope = f"Credential={key}/20261201/{REGION}/ssm/aws4_request"
    forged = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature={'a' * 64}"}
    for headers in ({**TARGET, **forged}, TARGET):
        for method in ("POST", "GET", "PUT", "OPTIONS"):
            answer = send(emulator, method, path, SECRET_PARAMETER, headers)
            assert answer.status in (401, 403, 404), answer
            assert guarded not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/%5fministack/config",
        "/%5Fministack/reset",
        "//_ministack/reset",
        "/health",
        "/oauth2/token",
        "/logout",
    ],
)
def test_no_other_spelling_opens_a_route_of_the_emulator(
    emulator: Emulator, guarded: str, stranger: Keys, path: str
) -> None:
    for keys in (stranger, None):
        headers = signed(emulator, "POST", path, "{}", service="s3", keys=keys)
        assert send(emulator, "POST", path, "{}", headers).status in (400, 403, 404, 405)
    assert emulator.aws.client("ssm").get_parameter(Name="/guarded")["Parameter"]["Version"] == 1


def test_what_is_verified_and_what_is_served_is_the_same_request(
    emulator: Emulator, guarded: str, stranger: Keys
) -> None:
    good = dict(signed(emulator, "POST", "/", SECRET_PARAMETER, TARGET, service="ssm", keys=stranger))
    authorization = good.pop("Authorization")
    scope = f"Credential=test/20261201/{REGION}/ssm/aws4_request"
    roots = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"
    in_one = f"{roots}, {authorization.removeprefix('AWS4-HMAC-SHA256 ')}"
    for lines in ([in_one], [roots, authorization], [authorization, roots], [authorization]):
        headers = [*good.items(), *(("Authorization", line) for line in lines)]
        assert guarded not in send_lines(emulator, "POST", "/", SECRET_PARAMETER, headers).text


def test_a_header_that_chooses_the_action_must_be_signed_for_its_service(
    emulator: Emulator, guarded: str
) -> None:
    own = emulator.credentials
    request = AWSRequest("GET", f"{emulator.endpoint}/bucket/key")
    S3SigV4QueryAuth(Keys(own.access_key_id, own.secret_access_key), "s3", REGION, expires=60).add_auth(
        request
    )
    target = request.url.removeprefix(emulator.endpoint)
    assert send(emulator, "GET", target, SECRET_PARAMETER, TARGET).status == 403
    for service in ("sts", "s3"):
        unsigned = {**signed(emulator, "POST", "/", SECRET_PARAMETER, service=service), **TARGET}
        assert send(emulator, "POST", "/", SECRET_PARAMETER, unsigned).status == 403
        other = signed(emulator, "POST", "/", SECRET_PARAMETER, TARGET, service=service)
        assert guarded not in send(emulator, "POST", "/", SECRET_PARAMETER, other).text


@pytest.mark.parametrize(
    "path", ["/iceberg/v1/config", "/Execute", "/v20180820/accesspoint", "/WriteGetObjectResponse"]
)
def test_a_signature_for_s3_opens_no_service_behind_a_path(emulator: Emulator, path: str) -> None:
    for method in ("GET", "POST"):
        headers = signed(emulator, method, path, service="s3")
        assert send(emulator, method, path, headers=headers).status in (400, 403, 404, 405)


def test_a_form_signed_for_s3_opens_no_query_service(emulator: Emulator) -> None:
    for action in ("ListStacks&Version=2010-05-15", "ListQueues&Version=2012-11-05"):
        headers = signed(emulator, "POST", "/x", f"Action={action}", FORM, service="s3")
        assert send(emulator, "POST", "/x", f"Action={action}", headers).status in (400, 403, 404, 405)


def test_an_action_in_the_query_does_not_stand_for_another_in_the_body(
    emulator: Emulator, stranger: Keys
) -> None:
    target, body = "/?Action=GetCallerIdentity&Version=2011-06-15", "Action=CreateVpc&CidrBlock=10.9.0.0/16"
    for kind in (FORM, {"Content-Type": "text/plain"}):
        for keys in (stranger, None):
            headers = signed(emulator, "POST", target, body, kind, service="sts", keys=keys)
            assert send(emulator, "POST", target, body, headers).status == 400


def test_no_body_is_read_of_whom_nobody_knows(emulator: Emulator) -> None:
    for path in ("/", "/v2/app/blobs/uploads/", "/bucket/key"):
        with socket.create_connection(("127.0.0.1", emulator.port), timeout=60) as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000000\r\n\r\n"
            connection.sendall(head.encode())
            assert re.match(rb"HTTP/1.1 40[13] ", connection.recv(4096)), path


def send_lines(
    emulator: Emulator, method: str, path: str, body: str, headers: list[tuple[str, str]]
) -> Answer:
    """A request with header lines that may repeat."""
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=120)
    connection.putrequest(method, path)
    for name, value in [*headers, ("Content-Length", str(len(body)))]:
        connection.putheader(name, value)
    connection.endheaders(body.encode())
    response = connection.getresponse()
    answer = Answer(response.status, {}, response.read().decode(errors="replace"))
    connection.close()
    return answer
