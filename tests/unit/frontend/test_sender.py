"""The short cut to S3: what it sends, and when it leaves a file to boto3. No network: answers are made up."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError

from scripts.aws import Aws
from scripts.frontend.sender import Sender

KEYS = {"AWS_ACCESS_KEY_ID": "515966504419", "AWS_SECRET_ACCESS_KEY": "secret"}
HEADERS = {"Content-Type": "image/png", "Content-MD5": "aaaaaaaaaaaaaaaaaaaaaA=="}

Answer = Callable[[], AWSResponse]


def answer(status: int) -> Answer:
    return lambda: AWSResponse("", status, {"etag": '"an-etag"'}, None)


def broken() -> AWSResponse:
    raise ConnectionClosedError(endpoint_url="https://s3")


@cache
def client(endpoint: str) -> Any:
    environment = KEYS | ({"AWS_ENDPOINT_URL": endpoint} if endpoint else {})
    return Aws(region="eu-west-1", environment=environment).client("s3")


class Wire:
    """A sender whose requests end here, and are answered one after the other."""

    def __init__(self, *answers: Answer, endpoint: str = "") -> None:
        s3 = client(endpoint)
        self.sent: list[AWSPreparedRequest] = []
        self._answers = list(answers)
        # In the place of the wire of the test before.
        s3.meta.events.unregister("before-send.s3.PutObject", unique_id="wire")
        s3.meta.events.register("before-send.s3.PutObject", self._receive, unique_id="wire")
        self.sender = Sender(s3, "the-bucket")

    def put(self, key: str = "robots.txt") -> str:
        return self.sender.put(key, b"content", HEADERS)

    def header(self, name: str) -> str:
        value: Any = self.sent[-1].headers[name]
        return value.decode() if isinstance(value, bytes) else str(value)

    def _receive(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        self.sent.append(request)
        return self._answers.pop(0)()


@pytest.fixture(autouse=True)
def no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def test_a_file_is_one_signed_request_in_one_round_trip() -> None:
    wire = Wire(answer(200))

    assert wire.put("images/two words.png") == "an-etag"

    assert wire.sent[0].url == "https://s3.eu-west-1.amazonaws.com/the-bucket/images/two%20words.png"
    assert wire.header("Authorization").startswith("AWS4-HMAC-SHA256 Credential=515966504419/")
    assert "content-md5" in wire.header("Authorization")
    assert "Expect" not in wire.sent[0].headers


def test_the_body_is_hashed_for_the_signature_only_where_no_tls_protects_it() -> None:
    safe, plain = Wire(answer(200)), Wire(answer(200), endpoint="http://127.0.0.1:9")
    safe.put()
    plain.put()

    assert safe.header("X-Amz-Content-SHA256") == "UNSIGNED-PAYLOAD"
    assert len(plain.header("X-Amz-Content-SHA256")) == 64


@pytest.mark.parametrize("status", [301, 307, 400, 403, 409, 412, 500, 503])
def test_every_answer_but_success_is_left_to_boto3_and_the_next_file_is_tried(status: int) -> None:
    wire = Wire(answer(status), answer(200))

    assert [wire.put(), wire.put()] == ["", "an-etag"]


def test_where_the_first_request_finds_no_way_none_is_tried_again() -> None:
    wire = Wire(broken, answer(200))

    assert [wire.put(), wire.put()] == ["", ""]
    assert len(wire.sent) == 1


def test_a_connection_that_breaks_later_costs_one_file() -> None:
    wire = Wire(answer(200), broken, answer(200))

    assert [wire.put(), wire.put(), wire.put()] == ["an-etag", "", "an-etag"]
