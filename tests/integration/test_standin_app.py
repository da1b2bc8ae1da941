"""The stand-in app keeps LibreChat's contracts, the unpleasant ones included."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts import image
from scripts.image import pack
from scripts.local.network import redis_binary
from scripts.settings import Settings

pytestmark = pytest.mark.integration


@dataclass
class App:
    """A running stand-in."""

    process: subprocess.Popen[str]
    http: httpx.Client


Start = Callable[..., AbstractContextManager[App]]


@pytest.fixture
def root(default_settings: Settings, tmp_path: Path) -> Path:
    """/app of the packed image, with its writable places below the test's own directory."""
    built = image.build(default_settings)
    assert built.directory is not None
    packed = pack.PackedImage(built.directory, built.cached)
    blob = packed.blob(json.loads(packed.manifest)["layers"][0]["digest"])
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob.read_bytes()))) as archive:
        for member in archive.getmembers():
            if member.issym():
                member.linkname = member.linkname.replace("/tmp", str(tmp_path / "tmp"))
            archive.extract(member, tmp_path)
    return tmp_path / "app"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a deployment sets; the handler makes the directories before it starts LibreChat."""
    for name in ("uploads", "images", "logs", "data"):
        (tmp_path / "tmp" / name).mkdir(parents=True)
    path = os.environ["PATH"]
    return {"PATH": path, "MONGO_URI": "mongodb://unused", "PORT": "0", "HOST": "127.0.0.1"}


@pytest.fixture
def start(root: Path, environment: dict[str, str]) -> Start:
    @contextmanager
    def started(**more: str) -> Iterator[App]:
        process = launch(root, environment | more)
        try:
            assert process.stdout is not None
            address = next(line.split()[-1] for line in process.stdout if "listening at" in line)
            with httpx.Client(base_url=address, timeout=120) as http:
                yield App(process, http)
        finally:
            process.kill()
            process.communicate()

    return started


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis on a socket, as REDIS_URI; clients try again until it listens."""
    address = tmp_path_factory.mktemp("redis") / "socket"
    command = [redis_binary(), "--port", "0", "--unixsocket", str(address), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        yield str(address)
        server.terminate()


def launch(root: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["node", "server/index.js"],
        cwd=root / "api",
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ending(root: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Exit status and everything printed by a start that fails."""
    process = launch(root, environment)
    out, err = process.communicate(timeout=120)
    return process.returncode, out + err


def wait_for(question: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 120
    while not question():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


QUESTION = {
    "text": "hello",
    "endpoint": "Rehearsal",
    "endpointType": "custom",
    "model": "parrot-at-once",
    "parentMessageId": "00000000-0000-0000-0000-000000000000",
}


def log_in(app: App) -> httpx.Response:
    """As the app's own user, from a browser."""
    answer = app.http.post("/api/auth/login", json={"email": "you@example.org", "password": "p4rrot-7d41c0"})
    app.http.headers.update(
        {"Authorization": f"Bearer {answer.json()['token']}", "User-Agent": "Chrome/131.0"}
    )
    return answer


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    """The data of each event."""
    return [
        json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line[:5] == "data:"
    ]


def test_health_says_ok_and_there_is_no_api_health(start: Start) -> None:
    with start() as app:
        assert app.http.get("/health").text == "OK"
        assert app.http.get("/health").headers["content-type"].startswith("text/plain")
        unknown = app.http.get("/api/health")

    assert unknown.status_code == 200
    assert "<!doctype html>" in unknown.text


def test_without_mongo_it_does_not_start(root: Path, environment: dict[str, str]) -> None:
    del environment["MONGO_URI"]

    status, output = ending(root, environment)

    assert status == 1
    assert "MONGO_URI" in output


def test_a_missing_config_file_is_silently_replaced_by_defaults(start: Start) -> None:
    with start(CONFIG_PATH="/tmp/no-such-librechat.yaml") as app:
        assert app.http.get("/api/config").json()["customConfig"] == {"source": "defaults", "version": None}


def test_a_config_file_is_read(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "librechat.yaml"
    file.write_text('version: "1.2.8"\n')

    with start(CONFIG_PATH=str(file)) as app:
        assert app.http.get("/api/config").json()["customConfig"]["version"] == "1.2.8"


def test_an_invalid_config_file_ends_the_start(
    root: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "librechat.yaml"
    file.write_text("endpoints: {}\n")

    status, output = ending(root, environment | {"CONFIG_PATH": str(file)})

    assert status == 1
    assert "Invalid custom config file" in output


def test_an_unreachable_redis_ends_the_start_after_six_seconds(
    root: Path, environment: dict[str, str]
) -> None:
    started = time.monotonic()

    status, output = ending(root, environment | {"USE_REDIS": "true", "REDIS_URI": "redis://127.0.0.1:1"})

    assert status == 1
    assert "ioredis error: connect ECONNREFUSED" in output
    assert time.monotonic() - started > 5.5


def test_logs_that_cannot_be_written_end_the_start(root: Path, environment: dict[str, str]) -> None:
    status, output = ending(root, environment | {"LIBRECHAT_LOG_DIR": "/proc/version/logs"})

    assert status == 1
    assert "/proc/version/logs" in output


def test_an_upload_without_its_directory_kills_the_server(start: Start, tmp_path: Path) -> None:
    (tmp_path / "tmp" / "uploads").rmdir()

    with start() as app:
        with pytest.raises(httpx.HTTPError):
            app.http.post("/api/files/upload", files={"file": ("a.txt", b"content")})
        assert app.process.wait(120) == 1


def test_an_upload_goes_through_the_temporary_directory_into_s3(
    start: Start, emulator: Any, tmp_path: Path
) -> None:
    bucket = f"files-{uuid.uuid4().hex[:12]}"
    s3 = emulator.aws.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws = {
        "AWS_BUCKET_NAME": bucket,
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_ACCESS_KEY_ID": "515966504419",
        "AWS_SECRET_ACCESS_KEY": "local",
    }

    with start(**aws) as app:
        stored = app.http.post(
            "/api/files/upload", files={"file": ("a.txt", b"content", "text/plain")}
        ).json()
        downloaded = app.http.get(f"/api/files/download/{stored['file_id']}")

    assert (stored["source"], stored["bytes"]) == ("s3", 7)
    assert downloaded.content == b"content"
    assert [path for path in (tmp_path / "tmp" / "uploads").rglob("*") if path.is_file()] == []
    s3.delete_object(Bucket=bucket, Key=f"uploads/standin/{stored['file_id']}")
    s3.delete_bucket(Bucket=bucket)


def test_a_roles_keys_without_their_token_are_refused_as_by_aws(start: Start) -> None:
    role = {"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "y"}

    with start(AWS_BUCKET_NAME="files", AWS_REGION="eu-west-1", **role) as app:
        refused = app.http.post("/api/files/upload", files={"file": ("a.txt", b"content")})

    assert refused.status_code == 500
    assert "InvalidAccessKeyId" in refused.json()["message"]


def test_a_login_sets_two_cookies_and_survives_in_redis(start: Start, redis: str) -> None:
    with start(USE_REDIS="true", REDIS_URI=redis) as app:
        login = app.http.post("/api/auth/login", json={"email": "a@example.org", "password": "x"})
        cookies = login.headers.get_list("set-cookie")
    token = login.cookies["refreshToken"]

    assert [cookie.split("=")[0] for cookie in cookies] == ["refreshToken", "token_provider"]
    assert all("HttpOnly" in cookie and "Secure" in cookie for cookie in cookies)
    with start(USE_REDIS="true", REDIS_URI=redis) as another:
        again = another.http.post("/api/auth/refresh", headers={"Cookie": f"refreshToken={token}"})
    assert again.json()["user"] == {"email": "a@example.org"}


def test_the_client_is_the_last_address_that_a_proxy_added(start: Start) -> None:
    with start() as app:
        forwarded = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9"}
        assert app.http.post("/api/echo", headers=forwarded).json()["ip"] == "203.0.113.9"


def test_the_openid_callback_redirects_with_cookies(start: Start) -> None:
    with start(DOMAIN_CLIENT="https://chat.example.org") as app:
        callback = app.http.get("/oauth/openid/callback?code=1", follow_redirects=False)

    assert (callback.status_code, callback.headers["location"]) == (302, "https://chat.example.org")
    assert len(callback.headers.get_list("set-cookie")) == 2


def test_an_answer_streams_word_by_word_with_librechats_headers(start: Start) -> None:
    with start() as app:
        whole = app.http.post("/api/agents/chat", json={"text": "hi", "tokens": 5, "interval_ms": 1})
        # Its last word is a thousand seconds away.
        endless = {"text": "hi", "tokens": 1000, "interval_ms": 1000}
        with app.http.stream("POST", "/api/agents/chat", json=endless) as chat:
            words = iter(part for part in chat.iter_raw() if b'"initial":true' in part)
            assert next(words)

    assert whole.headers["content-type"] == "text/event-stream"
    assert whole.headers["cache-control"] == "no-cache, no-transform"
    assert whole.text.count("event: message\n") == 7  # created, five words, final


def test_a_user_s_conversation_is_kept_in_redis_until_it_is_deleted(start: Start, redis: str) -> None:
    with start(USE_REDIS="true", REDIS_URI=redis) as app:
        log_in(app)
        said = events(app.http.post("/api/agents/chat/Rehearsal", json=QUESTION))
    id_ = said[0]["message"]["conversationId"]
    with start(USE_REDIS="true", REDIS_URI=redis) as another:
        log_in(another)
        stored = another.http.get(f"/api/messages/{id_}").json()
        listed = another.http.get("/api/convos").json()["conversations"]
        deletion = {"arg": {"conversationId": id_}}
        deleted = [another.http.request("DELETE", "/api/convos", json=deletion) for _ in range(2)]
        gone = another.http.get(f"/api/messages/{id_}")

    assert [message["isCreatedByUser"] for message in stored] == [True, False]
    assert (stored[0]["text"], stored[1]["content"][0]["text"][:11]) == ("hello", "This answer")
    assert [each["conversationId"] for each in listed] == [id_]
    assert [(each.status_code, each.headers["content-type"].split(";")[0]) for each in deleted] == [
        (201, "application/json"),
        (500, "text/html"),
    ]
    assert (gone.status_code, gone.json()) == (404, {"error": "Conversation not found"})


def test_a_user_s_answer_has_librechats_events(start: Start) -> None:
    with start() as app:
        log_in(app)
        said = events(app.http.post("/api/agents/chat/Rehearsal", json=QUESTION))

    question, step, *deltas, final = said
    assert (question["created"], question["message"]["text"]) == (True, "hello")
    assert step["event"] == "on_run_step"
    assert {delta["event"] for delta in deltas} == {"on_message_delta"}
    told = "".join(delta["data"]["delta"]["content"][0]["text"] for delta in deltas)
    assert (final["final"], final["responseMessage"]["content"]) == (True, [{"type": "text", "text": told}])


def test_the_title_is_made_after_the_end_of_the_stream(start: Start) -> None:
    with start() as app:
        log_in(app)
        final = events(app.http.post("/api/agents/chat/Rehearsal", json=QUESTION))[-1]
        id_ = final["conversation"]["conversationId"]
        made = app.http.post("/api/convos/gen_title", json={"conversationId": id_})
        assert wait_for(lambda: app.http.get(f"/api/convos/{id_}").json()["title"] == "Chat about hello")

    assert final["title"] == "New Chat"
    assert made.json() == {"title": "Chat about hello"}


def test_what_librechat_refuses_is_an_error_event_with_status_200(start: Start) -> None:
    expected = [
        ({"model": "gpt-99"}, {"type": "illegal_model_request", "info": "Rehearsal|gpt-99"}),
        ({"endpoint": "Nowhere"}, {"type": "endpoint_models_not_loaded", "info": "Nowhere"}),
        ({"endpoint": "Own key", "model": "parrot"}, {"type": "no_user_key"}),
    ]
    with start() as app:
        log_in(app)
        typed = [app.http.post("/api/agents/chat/any", json=QUESTION | change) for change, _ in expected]
        unknown = app.http.post("/api/agents/chat/any", json=QUESTION | {"endpointType": None})
        program = app.http.post("/api/agents/chat/any", json=QUESTION, headers={"User-Agent": "a-program/1"})

    for answer in (*typed, unknown, program):
        assert answer.status_code == 200
        assert answer.text.startswith("event: error\n")
    assert [json.loads(events(answer)[0]["text"]) for answer in typed] == [words for _, words in expected]
    assert events(unknown) == [{"text": "Error parsing conversation"}]
    assert events(program) == [{"message": "Illegal request"}]


def test_logins_are_refused_in_librechats_words(start: Start) -> None:
    expected = {
        "you@example.org": (404, "Incorrect password."),
        "nobody@example.org": (404, "Email does not exist."),
        "unverified@example.org": (422, "Email not verified."),
        "banned@example.org": (403, "temporarily banned"),
        "hasty@example.org": (429, "Too many login attempts"),
        "": (404, "Missing credentials"),
    }
    with start() as app:
        for email, (status, words) in expected.items():
            refused = app.http.post("/api/auth/login", json={"email": email, "password": "a guess"})
            assert refused.status_code == status
            assert words in refused.json()["message"]
            assert "set-cookie" not in refused.headers


def test_a_token_ends_and_the_session_gives_another_until_the_logout(start: Start) -> None:
    with start(SESSION_EXPIRY="1") as app:
        session = {"Cookie": f"refreshToken={log_in(app).cookies['refreshToken']}"}
        assert wait_for(lambda: app.http.get("/api/models").status_code == 401)
        assert app.http.post("/api/auth/refresh", headers=session).json()["token"]
    with start() as app:
        session = {"Cookie": f"refreshToken={log_in(app).cookies['refreshToken']}"}
        assert app.http.post("/api/auth/logout", headers=session).json() == {"message": "Logout successful"}
        assert app.http.post("/api/auth/refresh", headers=session).status_code == 401


def test_a_client_that_goes_away_ends_the_answer(start: Start) -> None:
    body = {"text": "hello", "conversationId": uuid.uuid4().hex}

    with start() as app:
        with app.http.stream("POST", "/api/agents/chat", json=body) as chat:
            next(chat.iter_raw())
        state = f"/api/convos/{body['conversationId']}"
        assert wait_for(lambda: app.http.get(state).json()["state"] == "aborted")


def test_any_status_can_be_asked_for(start: Start) -> None:
    codes = [204, 304, 404, 503]

    with start() as app:
        assert [app.http.get(f"/api/status/{code}").status_code for code in codes] == codes


def test_a_large_download_is_complete(start: Start) -> None:
    with start() as app:
        assert len(app.http.get("/api/blob?bytes=3000001").content) == 3_000_001


def test_deep_links_and_assets_come_from_the_client(start: Start) -> None:
    with start() as app:
        page = app.http.get("/c/new")
        asset = next(part for part in page.text.split('"') if part.startswith("./assets/index."))
        assert app.http.get(asset.removeprefix(".")).headers["content-type"].startswith("text/javascript")


def test_it_stops_on_sigterm_even_with_an_open_stream(start: Start) -> None:
    with start() as app, app.http.stream("POST", "/api/agents/chat", json={"tokens": 1000}) as chat:
        next(chat.iter_raw())
        app.process.terminate()
        assert app.process.wait(120) == 0
