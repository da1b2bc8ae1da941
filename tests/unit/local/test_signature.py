"""Signatures are made by botocore, as clients do, and must hold for exactly what was signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from scripts.local.signature import Received, SignatureError, read_signature, verify

SECRET = "a-secret-of-forty-characters-or-nearly-so"
KEYS = Credentials("REHEARSALABCDEFGHIJK", SECRET)
HOST = "127.0.0.1:4566"


def received(request: AWSRequest, body: str = "") -> Received:
    """What a server gets of a signed request."""
    url = urlsplit(request.url)
    headers = [("host", HOST), *((name.lower(), value) for name, value in request.headers.items())]
    return Received(request.method, url.path or "/", url.query, tuple(headers), body.encode())


def signed(method: str, target: str, body: str = "", service: str = "ssm", **headers: str) -> Received:
    request = AWSRequest(
        method, f"http://{HOST}{target}", {n.replace("_", "-"): v for n, v in headers.items()}, body
    )
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(KEYS, service, "eu-west-1").add_auth(request)
    return received(request, body)


def presigned(target: str, expires: int = 60) -> Received:
    request = AWSRequest("GET", f"http://{HOST}{target}")
    S3SigV4QueryAuth(KEYS, "s3", "eu-west-1", expires=expires).add_auth(request)
    return received(request)


def check(request: Received, secret: str = SECRET, at: datetime | None = None) -> None:
    verify(request, read_signature(request), secret, now=lambda: at or datetime.now(UTC))


@pytest.mark.parametrize("service", ["ssm", "s3", "apigateway"])
@pytest.mark.parametrize(
    "target", ["/", "/bucket/a%20b%2Fc", "/tags/arn%3Aaws%3Ax", "/?acl", "/?b=2&a=1&a=%C3%A9"]
)
@pytest.mark.parametrize("body", ["", '{"Name": "ð"}'])
def test_what_a_client_signed_is_accepted(service: str, target: str, body: str) -> None:
    check(signed("POST", target, body, service, Content_Type="application/x-amz-json-1.1", X_Many="a   b"))


@pytest.mark.parametrize("service", ["ssm", "s3"])
@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": "/b"},
        {"query": "x=2"},
        {"body": b"other"},
        {"headers": ()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_is_changed_afterwards_is_noticed(service: str, change: dict[str, object]) -> None:
    request = signed("POST", "/a?x=1", "body", service)
    with pytest.raises(SignatureError):
        check(replace(request, **change))


def test_a_signed_header_is_covered_and_so_is_the_secret() -> None:
    request = signed("POST", "/", "body", X_Amz_Target="AmazonSSM.GetParameter")
    changed = tuple(
        (n, "AmazonSSM.DeleteParameter" if n == "x-amz-target" else v) for n, v in request.headers
    )
    for wrong, secret in (
        (replace(request, headers=changed), SECRET),
        (request, SECRET + "x"),
        (request, ""),
    ):
        with pytest.raises(SignatureError) as refused:
            check(wrong, secret)
        assert refused.value.code == "SignatureDoesNotMatch"
    second = (*request.headers, ("x-amz-target", "AmazonSSM.DeleteParameter"))
    with pytest.raises(SignatureError):
        check(replace(request, headers=second))


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_signature_holds_for_fifteen_minutes_around_its_time(minutes: int) -> None:
    now = datetime.now(UTC)
    check(signed("GET", "/"), at=now + timedelta(minutes=14))
    with pytest.raises(SignatureError) as refused:
        check(signed("GET", "/"), at=now + timedelta(minutes=minutes))
    assert refused.value.code == "RequestTimeTooSkewed"


def test_a_presigned_address_holds_as_long_as_it_says_and_cannot_be_prolonged() -> None:
    request = presigned("/bucket/key?versionId=1")
    check(request)
    with pytest.raises(SignatureError):
        check(request, at=datetime.now(UTC) + timedelta(seconds=61))
    for longer in ("X-Amz-Expires=600", "X-Amz-Expires=-1", "X-Amz-Expires="):
        with pytest.raises(SignatureError):
            check(replace(request, query=request.query.replace("X-Amz-Expires=60", longer)))


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer x",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/s/aws4_request, SignedHeaders=, Signature=0",
        "AWS4-ECDSA-P256-SHA256 Credential=a/20260101/s/aws4_request, SignedHeaders=host, Signature=0",
        "AWS a:b",
    ],
)
def test_anything_else_is_no_signature(authorization: str) -> None:
    request = signed("GET", "/")
    headers = tuple((n, authorization if n == "authorization" else v) for n, v in request.headers)
    with pytest.raises(SignatureError):
        check(replace(request, headers=headers))
