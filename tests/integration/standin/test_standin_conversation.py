"""Conversations with the stand-in app: LibreChat's events, titles, storage and refusals."""

from __future__ import annotations

import json
import uuid

import pytest

from scripts.smoke.chat import Step, converse
from scripts.smoke.client import Client
from scripts.smoke.model import Status
from scripts.smoke.site import Site
from tests.integration.smoke_chat.talks import statuses
from tests.integration.standin.app import QUESTION, Start, events, log_in, wait_for
from tests.unit.smoke.server import SETTINGS

pytestmark = pytest.mark.integration


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


def test_a_client_that_goes_away_ends_the_answer(start: Start) -> None:
    body = {"text": "hello", "conversationId": uuid.uuid4().hex}

    with start() as app:
        with app.http.stream("POST", "/api/agents/chat", json=body) as chat:
            next(chat.iter_raw())
        state = f"/api/convos/{body['conversationId']}"
        assert wait_for(lambda: app.http.get(state).json()["state"] == "aborted")


async def test_the_stand_in_is_talked_to_without_any_set_up(start: Start) -> None:
    with start() as app:
        async with Client(str(app.http.base_url), timeout=60) as client:
            found = await converse(Site(client, SETTINGS, {}))
        login = {"email": "you@example.org", "password": "p4rrot-7d41c0"}
        token = app.http.post("/api/auth/login", json=login).json()["token"]
        left = app.http.get("/api/convos", headers={"Authorization": f"Bearer {token}"})

    assert Status.FAILED not in statuses(found), found
    assert found[Step.ANSWER].details["model"] == "parrot"
    assert left.json()["conversations"] == []
