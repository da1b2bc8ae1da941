"""Talking to a registry and to an engine: small servers on loopback that answer as those do."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.aws import Aws
from scripts.errors import DeployError
from scripts.image.layer import sha256_digest
from scripts.image.pusher import _push_from_engine, push
from scripts.image.registry import Repository
from scripts.settings import Settings
from scripts.target import Target

pytestmark = pytest.mark.integration

HOST = "515966504419.dkr.ecr.eu-west-1.amazonaws.com"
Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def serving(answer: Callable[[str, str, dict[str, str]], Answer]) -> Iterator[tuple[str, list[str]]]:
    """A server that answers by function; yields its address and the requests it has seen."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append(f"{self.command} {self.path}")
            status, headers, body = answer(self.command, self.path, dict(self.headers))
            self.send_response(status)
            if "Transfer-Encoding" not in headers:
                self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_CONNECT = handle_any

        def log_message(self, format: str, *arguments: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()


def refusal(status: int, code: str) -> Answer:
    return status, {}, json.dumps({"errors": [{"code": code, "message": "no"}]}).encode()


def test_an_upload_keeps_what_the_registry_put_into_the_location(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    layer.write_bytes(b"layer")
    digest = sha256_digest(b"layer")
    hosts: set[str] = set()

    def registry(method: str, path: str, headers: dict[str, str]) -> Answer:
        hosts.add(headers["Host"])
        status = {"HEAD": 404, "PUT": 201}.get(method, 202)
        return status, {"Location": "/v2/app/blobs/uploads/1?state=abc"}, b""

    with serving(registry) as (address, seen), Repository(address, HOST, "app", "Basic x") as repository:
        assert repository.upload(digest, layer) is True

    assert seen[-1] == f"PUT /v2/app/blobs/uploads/1?state=abc&digest={digest}"
    assert hosts == {HOST}


def test_refused_credentials_are_explained_without_showing_them() -> None:
    with (
        serving(lambda *_: refusal(401, "UNAUTHORIZED")) as (address, _),
        Repository(address, HOST, "app", "Basic c2VjcmV0") as repository,
        pytest.raises(DeployError, match="refused GET /v2/app/manifests/tag") as failure,
    ):
        repository.manifest("tag")

    assert "ecr:PutImage" in failure.value.next_step
    assert "c2VjcmV0" not in str(failure.value)


def test_a_tag_that_does_not_exist_is_not_an_error() -> None:
    with (
        serving(lambda *_: refusal(404, "MANIFEST_UNKNOWN")) as (address, _),
        Repository(address, HOST, "app", "Basic x") as repository,
    ):
        assert repository.manifest("tag") is None


def test_a_registry_that_is_away_is_named() -> None:
    with (
        Repository("http://127.0.0.1:1", HOST, "app", "Basic x") as repository,
        pytest.raises(DeployError, match=r"does not answer .*127\.0\.0\.1:1"),
    ):
        repository.manifest("tag")


def test_a_registry_elsewhere_is_reached_through_this_machines_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda *_: (200, {}, b"{}")) as (proxy, seen):
        monkeypatch.setenv("http_proxy", proxy)
        with Repository("http://registry.test", HOST, "app", "Basic x", use_proxies=True) as repository:
            assert repository.manifest("tag") is not None

    assert seen == ["GET http://registry.test/v2/app/manifests/tag"]


def test_the_embedded_registry_is_never_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with (
        serving(lambda *_: (200, {}, b"{}")) as (address, seen),
        Repository(address, HOST, "app", "Basic x") as repository,
    ):
        assert repository.manifest("tag") is not None

    assert seen == ["GET /v2/app/manifests/tag"]


def test_a_push_to_the_real_account_asks_the_proxy_for_its_registry(
    default_settings: Settings, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint of `target` is only where its token comes from."""
    account = replace(target, environment={})
    with serving(lambda *_: refusal(403, "")) as (proxy, seen):
        monkeypatch.setenv("https_proxy", proxy)
        with pytest.raises(DeployError, match="registry does not answer"):
            push(default_settings, account, f"{HOST}/app", "0123456789abcdef")

    assert seen == [f"CONNECT {HOST}:443"]


@pytest.fixture
def target() -> Iterator[Target]:
    token = base64.b64encode(b"AWS:password").decode()
    answer = json.dumps({"authorizationData": [{"authorizationToken": token}]}).encode()
    with serving(lambda *_: (200, {"Content-Type": "application/x-amz-json-1.1"}, answer)) as (address, _):
        environment = {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "y",
        }
        yield Target("aws", environment, Aws(region="eu-west-1", environment=environment))


def engine(events: list[dict[str, str]]) -> Callable[[str, str, dict[str, str]], Answer]:
    """Docker's API with one image, whose push reports `events`."""

    def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
        if path.endswith("/version"):
            return 200, {"Content-Type": "application/json"}, b'{"ApiVersion": "1.43"}'
        if "/push" in path:
            assert "X-Registry-Auth" in headers
            lines = [json.dumps(event).encode() + b"\r\n" for event in events]
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in lines)
            return 200, {"Transfer-Encoding": "chunked"}, chunks + b"0\r\n\r\n"
        if "/tag" in path:
            return 201, {}, b""
        return 200, {"Content-Type": "application/json"}, b'{"Id": "sha256:1", "RepoTags": []}'

    return answer


def test_the_engine_pushes_under_the_repositorys_name(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(engine([{"status": "Pushed"}])) as (address, seen):
        monkeypatch.setenv("DOCKER_HOST", address.replace("http", "tcp"))
        _push_from_engine(target, f"{HOST}/app", "0123456789abcdef")

    assert seen[-1] == f"POST /v1.43/images/{HOST}/app/push?tag=0123456789abcdef"


def test_an_error_inside_the_engines_stream_is_an_error(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [{"status": "Preparing"}, {"error": "denied: not authorized"}]
    with serving(engine(events)) as (address, _):
        monkeypatch.setenv("DOCKER_HOST", address.replace("http", "tcp"))
        with pytest.raises(DeployError, match="could not push") as failure:
            _push_from_engine(target, f"{HOST}/app", "0123456789abcdef")

    assert failure.value.why == "denied: not authorized"


def test_a_registry_that_fails_for_a_moment_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.image.registry._PAUSES", (0, 0))
    answers = iter([refusal(503, ""), refusal(500, ""), (200, {"Content-Type": "x/y"}, b"{}")])

    with (
        serving(lambda *_: next(answers)) as (address, seen),
        Repository(address, HOST, "app", "Basic x") as repository,
    ):
        assert repository.manifest("tag") is not None

    assert len(seen) == 3


def test_an_engine_whose_connection_broke_pushes_again(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.image.pusher._PAUSES", (0, 0))
    events = [{"error": "write tcp 10.0.0.1: connection reset by peer"}]
    with serving(engine(events)) as (address, seen):
        monkeypatch.setenv("DOCKER_HOST", address.replace("http", "tcp"))
        with pytest.raises(DeployError, match="connection reset"):
            _push_from_engine(target, f"{HOST}/app", "0123456789abcdef")

    assert len([request for request in seen if "/push" in request]) == 3
