"""The token of the diagnostic stream: how it is made, where its key comes from, and that nobody reads it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from scripts.aws import Aws
from scripts.smoke.access import HEADER, VALID_SECONDS, Access, read, token
from scripts.smoke.checks import streaming
from scripts.smoke.checks.access import execute_api
from scripts.smoke.checks.streaming import diagnostic_stream
from scripts.smoke.client import Client
from scripts.smoke.model import NotCheckedError
from scripts.smoke.site import Site
from tests.unit.smoke.server import (
    ACCESS,
    INDEX,
    OUTPUTS,
    SETTINGS,
    Deployment,
    always,
    api,
    has_token,
    site_of,
)

FIRST, SECOND, THIRD = (f"{number:064x}" for number in (1, 2, 3))


class Lambda(Aws):
    """A function with these variables, or an account that refuses to show them."""

    def __init__(self, variables: dict[str, str] | None = None, *, denied: bool = False) -> None:
        super().__init__(region="eu-west-1")
        self.service = boto3.client(
            "lambda", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        stub = Stubber(self.service)
        if denied:
            stub.add_client_error("get_function_configuration", "AccessDeniedException", http_status_code=403)
        else:
            answer = {"Environment": {"Variables": variables}} if variables is not None else {}
            stub.add_response("get_function_configuration", answer, {"FunctionName": "api"})
        stub.activate()

    def client(self, service: str, region: str | None = None) -> Any:
        assert service == "lambda"
        return self.service


def test_a_token_is_its_end_and_a_signature_of_it() -> None:
    signed = hmac.new(FIRST.encode(), b"diagnostic-stream:1700000000", hashlib.sha256).hexdigest()
    assert token(FIRST, 1_700_000_000) == f"1700000000.{signed}"


def test_every_request_gets_a_new_token_that_ends_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_700_000_000.7
    monkeypatch.setattr(time, "time", lambda: now)
    first = Access(FIRST).headers()[HEADER]
    now += 3600
    second = Access(FIRST).headers()[HEADER]
    assert [int(each.partition(".")[0]) for each in (first, second)] == [
        1_700_000_000 + VALID_SECONDS,
        1_700_003_600 + VALID_SECONDS,
    ]


def test_the_key_is_the_first_hash_in_the_function_s_configuration() -> None:
    account = Lambda({"ORIGIN_KEY_HASHES": f"{FIRST},{SECOND},{THIRD}"})
    assert read(account, {"function_name": "api"}) == Access(FIRST)


def test_the_key_does_not_show_where_objects_are_shown() -> None:
    assert FIRST not in repr(Access(FIRST))


@pytest.mark.parametrize(
    ("aws", "outputs", "reason"),
    [
        (None, {}, "only the address is known"),
        (Lambda(denied=True), {"function_name": "api"}, "AccessDeniedException"),
        (Lambda({"USE_REDIS": "true"}), {"function_name": "api"}, "no ORIGIN_KEY_HASHES"),
        (Lambda(), {"function_name": "api"}, "no ORIGIN_KEY_HASHES"),
    ],
)
def test_without_a_key_the_stream_is_not_checked_and_the_reason_said(
    aws: Aws | None, outputs: dict[str, str], reason: str
) -> None:
    with pytest.raises(NotCheckedError, match=reason):
        read(aws, outputs)


async def test_the_diagnostic_stream_is_asked_for_with_a_token_and_the_result_does_not_hold_it() -> None:
    deployment = Deployment()
    async with deployment.serve() as url, Client(url, timeout=60) as client:
        result = await diagnostic_stream(Site(client, SETTINGS, OUTPUTS, access=ACCESS))
    assert result.ok, result
    (asked,) = [request for request in deployment.requests if request.path == "/api/health/stream"]
    assert has_token(asked)
    sent = asked.headers[HEADER]
    assert sent not in repr(result) and ACCESS.key not in json.dumps(result.details)


async def test_a_deployment_of_which_only_the_address_is_known_is_not_asked_for_the_stream() -> None:
    deployment = Deployment()
    async with deployment.serve() as url, Client(url, timeout=60) as client:
        with pytest.raises(NotCheckedError, match="only the address is known"):
            await diagnostic_stream(Site(client, SETTINGS, {}))
    assert "/api/health/stream" not in [request.path for request in deployment.requests]


async def test_a_token_that_the_handler_does_not_take_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "ATTEMPTS", 1)
    async with Deployment().serve() as url, Client(url, timeout=60) as client:
        result = await diagnostic_stream(Site(client, SETTINGS, OUTPUTS, access=Access(SECOND)))
    assert not result.ok
    assert "is the clock of this machine right" in result.reason


async def test_an_api_that_refuses_what_comes_around_cloudfront_passes() -> None:
    async with site_of() as site:
        result = await execute_api(site)
    assert result.ok, result


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda: api("OK"), "ORIGIN_KEY_HASHES"),
        (lambda: api({"message": "Internal server error"}, 500), "Around CloudFront 403 is due"),
        (lambda: api(INDEX), "Around CloudFront 403 is due"),
    ],
)
async def test_an_api_that_answers_around_cloudfront_fails(answer: Any, says: str) -> None:
    async with site_of({"/default/api/health": always(answer)}) as site:
        result = await execute_api(site)
    assert not result.ok
    assert says in result.reason


def test_on_aws_the_api_is_asked_at_its_own_host_and_in_a_rehearsal_by_its_host_header() -> None:
    on_aws = Site(Client("https://chat.example", timeout=1), SETTINGS, OUTPUTS)
    rehearsed = Site(
        Client("http://localhost:8080", timeout=1), SETTINGS, OUTPUTS, endpoint="http://127.0.0.1:4566"
    )
    host = "abc123def4.execute-api.eu-west-1.amazonaws.com"
    assert on_aws.execute_api_url("/api/health") == (f"https://{host}/default/api/health", {})
    assert rehearsed.execute_api_url("/api/health") == (
        "http://localhost:8080/default/api/health",
        {"Host": host},
    )
