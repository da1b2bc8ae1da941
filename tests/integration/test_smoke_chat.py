"""A conversation with LibreChat: what it proves, what a fault is called, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from scripts.smoke.chat import Conversation, Step, cleanup, converse
from scripts.smoke.chat.librechat import BROWSER, NO_PARENT
from scripts.smoke.checks import chat as chat_checks
from scripts.smoke.checks.chat import CHECKS
from scripts.smoke.client import Client
from scripts.smoke.model import Result, Status, failed, passed
from scripts.smoke.report import Finding, Report
from scripts.smoke.runner import run_checks
from scripts.smoke.site import Site
from tests.integration.test_standin_app import Start, environment, root, start  # noqa: F401
from tests.unit.smoke.librechat import (
    ID,
    PASSWORD,
    REFRESH,
    SECRETS,
    STREAM,
    TOKEN,
    LibreChat,
    error,
)
from tests.unit.smoke.server import SETTINGS, Handler, api, api_headers

pytestmark = pytest.mark.integration

CHAT = "/api/agents/chat/*"


@pytest.fixture(autouse=True)
def prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is where the settings say, and between two deletions passes no time."""
    monkeypatch.setenv("PW", PASSWORD)
    monkeypatch.setattr(cleanup, "_PAUSE_SECONDS", 0.0)


async def talk(app: LibreChat, **chat: Any) -> Conversation:
    async with app.site(**chat) as site:
        return await converse(site)


async def measured(app: LibreChat) -> Conversation:
    """A conversation in whose answer this process did not stand still."""
    while (found := await talk(app))[Step.ANSWER].details["cause"] == "unsure":
        app.ended = False
    return found


def statuses(found: Conversation) -> list[Status]:
    return [found[step].status for step in Step]


def answering(status: int, body: object) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return api(body, status)

    return handler


def streaming(
    make: Callable[[list[tuple[float, bytes]]], list[tuple[float, bytes]]], app: LibreChat
) -> Handler:
    """The app's answer as a hop before it changes it: other pauses, other pieces."""

    async def handler(request: web.Request) -> web.StreamResponse:
        app.asked.append(await request.json())
        response = web.StreamResponse(headers=STREAM | api_headers())
        await response.prepare(request)
        for pause, part in make(app.answer()):
            await asyncio.sleep(pause)
            await response.write(part)
        return response

    return handler


async def test_a_conversation_is_held_proven_and_deleted() -> None:
    app = LibreChat()
    found = await measured(app)

    assert statuses(found) == [Status.PASSED] * 5, found
    assert found[Step.ANSWER].measured.startswith("progressive: 6 tokens of counter, first ")
    assert found[Step.TITLE].measured.startswith("'Counting in words' after ")
    assert found[Step.STORED].measured == "2 messages, title"
    assert found[Step.CLEAN].measured == "deleted, session ended"
    assert (app.stored, app.ended) == ([], True)


async def test_what_is_sent_is_what_librechats_client_sends() -> None:
    app = LibreChat()
    await talk(app, message="Count to six")

    (asked,) = app.asked
    assert asked["text"].startswith("Count to six (smoke ")
    assert (asked["endpoint"], asked["endpointType"], asked["model"]) == ("Words", "custom", "counter")
    assert (asked["parentMessageId"], asked["isCreatedByUser"]) == (NO_PARENT, True)
    assert "conversationId" not in asked, "with one it is no new conversation and gets no title"
    assert app.agents == [BROWSER]


async def test_the_figures_of_an_answer_are_for_programs_too() -> None:
    details = (await measured(LibreChat()))[Step.ANSWER].details

    assert (details["cause"], details["model"], details["tokens"]) == ("progressive", "counter", 6)
    assert details["created_ms"] < details["to_first_token_ms"] < details["final_ms"]
    assert len(details["arrivals_ms"]) == 6
    assert details["tokens_per_second"] > 0


async def test_a_login_that_is_refused_is_explained_and_ends_the_conversation() -> None:
    found = await talk(LibreChat(), user="somebody@example.org")

    assert list(found) == [Step.LOGIN]
    assert (found[Step.LOGIN].status, found[Step.LOGIN].measured) == (Status.FAILED, "404")
    assert "not with this password" in found[Step.LOGIN].reason
    assert "Incorrect password." in found[Step.LOGIN].evidence


async def test_a_session_without_its_cookie_is_a_failure() -> None:
    found = await talk(LibreChat({"/api/auth/login": answering(200, {"token": TOKEN})}))
    assert found[Step.LOGIN].status is Status.FAILED
    assert "how the handler passes on Set-Cookie" in found[Step.LOGIN].reason


async def test_without_a_user_or_a_password_nothing_is_sent() -> None:
    app = LibreChat()
    async with app.site() as site:
        nobody = Site(site.client, SETTINGS, {})
        (missing,) = (await converse(nobody)).values()
    (unknown,) = (await talk(app, password_from="env:NOBODY_SETS_THIS")).values()

    assert "Set smoke.chat.user" in missing.reason
    assert "NOBODY_SETS_THIS is not set" in unknown.reason


@pytest.mark.parametrize(
    ("chat", "reason"),
    [
        ({"model": "gpt-99"}, "no model 'gpt-99' at Words"),
        ({"endpoint": "Nowhere"}, "no endpoint 'Nowhere'"),
        ({"endpoint": "google"}, "no endpoint 'google'"),
        ({"endpoint": "agents"}, "an agent or an assistant"),
    ],
)
async def test_what_the_app_does_not_offer_is_not_asked_for(chat: dict[str, str], reason: str) -> None:
    app = LibreChat()
    found = await talk(app, **chat)

    assert reason in found[Step.ANSWER].reason
    assert statuses(found)[2:] == [Status.NOT_CHECKED, Status.NOT_CHECKED, Status.PASSED]
    assert (app.asked, app.ended) == ([], True)


async def test_another_endpoint_and_model_can_be_chosen() -> None:
    app = LibreChat()
    await talk(app, endpoint="openAI")
    assert (app.asked[0]["endpoint"], app.asked[0]["model"]) == ("openAI", "gpt-5")
    assert "endpointType" not in app.asked[0], "LibreChat's own endpoints have none"


async def test_an_enforced_model_spec_is_named() -> None:
    specs = {
        "enforce": True,
        "list": [{"name": "the-poet", "preset": {"endpoint": "Words", "model": "poet"}}],
    }
    app = LibreChat({"/api/config": answering(200, {"modelSpecs": specs})})
    await talk(app, model="poet")
    assert app.asked[0]["spec"] == "the-poet"


async def test_a_refusal_in_the_stream_is_explained() -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        # As LibreChat does it: status 200, and no content type.
        return web.Response(body=error({"text": '{"type":"no_user_key"}'}), headers=api_headers())

    found = await talk(LibreChat({CHAT: refuse}))

    assert found[Step.ANSWER].measured == "refused by LibreChat (Words, counter)"
    assert "wants a key from each user" in found[Step.ANSWER].reason
    assert found[Step.CLEAN].measured == "nothing was stored, session ended"


async def test_what_the_provider_refuses_comes_as_an_answer_and_is_explained() -> None:
    app = LibreChat()
    told = "An error occurred while processing the request: 401 Incorrect API key provided"

    async def handler(request: web.Request) -> web.StreamResponse:
        app.asked.append(await request.json())
        body = b"".join(event for _, event in app.answer({"type": "error", "error": told}))
        return web.Response(body=body, headers=STREAM | api_headers())

    app.wrong = {CHAT: handler}
    found = await talk(app)

    assert found[Step.ANSWER].measured == "refused by the model's provider (Words, counter)"
    assert "rejected the key" in found[Step.ANSWER].reason
    assert found[Step.ANSWER].evidence == told
    assert (app.stored, app.ended) == ([], True)


async def test_an_answer_that_is_buffered_whole_is_found_though_nobody_knows_the_models_pace() -> None:
    app = LibreChat()
    app.wrong = {CHAT: streaming(lambda said: [(sum(p for p, _ in said), b"".join(e for _, e in said))], app)}
    found = await measured(app)

    assert found[Step.ANSWER].details["cause"] == "buffered_whole"
    assert "responseTransferMode is not STREAM" in found[Step.ANSWER].reason
    assert found[Step.STORED].ok and app.stored == []


async def test_a_model_that_answers_in_one_piece_is_no_fault_of_the_deployment() -> None:
    app = LibreChat()
    app.wrong = {
        CHAT: streaming(lambda said: [said[0], (0.5, b"".join(event for _, event in said[1:]))], app)
    }
    found = await measured(app)

    assert found[Step.ANSWER].details["cause"] == "model_in_one_piece"
    assert found[Step.ANSWER].ok


async def test_a_compressed_answer_is_named() -> None:
    app = LibreChat()

    async def handler(request: web.Request) -> web.StreamResponse:
        app.asked.append(await request.json())
        body = gzip.compress(b"".join(event for _, event in app.answer()))
        return web.Response(body=body, headers=STREAM | api_headers() | {"Content-Encoding": "gzip"})

    app.wrong = {CHAT: handler}
    assert "compress" in (await talk(app))[Step.ANSWER].reason


async def test_a_piece_that_is_lost_on_the_way_is_noticed() -> None:
    app = LibreChat()
    app.wrong = {CHAT: streaming(lambda said: [*said[:4], *said[5:]], app)}
    found = await talk(app)
    assert found[Step.ANSWER].details["cause"] == "incomplete"
    assert "events were lost" in found[Step.ANSWER].reason


async def test_an_answer_that_is_cut_is_deleted_all_the_same() -> None:
    app = LibreChat()
    app.wrong = {CHAT: streaming(lambda said: said[:5], app)}
    found = await talk(app)

    assert found[Step.ANSWER].measured.startswith("cut off: 3 tokens")
    assert statuses(found)[2:] == [Status.NOT_CHECKED, Status.NOT_CHECKED, Status.PASSED]
    assert (app.stored, app.ended) == ([], True)


async def test_what_was_stored_without_an_answer_is_found_by_its_mark_and_deleted() -> None:
    app = LibreChat()

    async def timed_out(request: web.Request) -> web.StreamResponse:
        app.asked.append(await request.json())
        app.answer()  # the app goes on, and stores it
        return api({"message": "Endpoint request timed out"}, 504)

    app.wrong = {CHAT: timed_out}
    found = await talk(app)

    assert "the integration timed out" in found[Step.ANSWER].reason
    assert found[Step.CLEAN].measured == "deleted, session ended"
    assert (app.stored, app.ended) == ([], True)


async def test_somebody_elses_conversation_is_never_deleted() -> None:
    app = LibreChat({CHAT: answering(504, {"message": "Endpoint request timed out"})})
    app.stored = [{"text": "Say something", "isCreatedByUser": True}]
    found = await talk(app)
    assert found[Step.CLEAN].status is Status.NOT_CHECKED, "the app may still be at work"
    assert app.stored


async def test_an_answer_that_the_app_stores_long_after_the_cut_is_waited_for() -> None:
    app = LibreChat()
    looks = 0

    async def cut(request: web.Request) -> web.StreamResponse:
        app.asked.append(await request.json())
        events = app.answer()
        app.late, app.stored = app.stored[1:], app.stored[:1]
        return web.Response(body=b"".join(event for _, event in events[:3]), headers=STREAM | api_headers())

    async def later(request: web.Request) -> web.StreamResponse:
        nonlocal looks
        looks += 1
        if looks == 4:
            app.stored = app.late
        return await app.messages(request)

    app.wrong = {CHAT: cut, f"/api/messages/{ID}": later}
    found = await talk(app)

    assert found[Step.CLEAN].measured == "deleted, session ended"
    assert looks > 4 and app.stored == []


async def test_an_answer_that_may_still_be_stored_is_not_called_deleted() -> None:
    app = LibreChat()

    async def cut(request: web.Request) -> web.StreamResponse:
        app.asked.append(await request.json())
        events = app.answer()
        app.stored = app.stored[:1]
        return web.Response(body=b"".join(event for _, event in events[:3]), headers=STREAM | api_headers())

    app.wrong = {CHAT: cut}
    found = await talk(app)

    assert (found[Step.CLEAN].status, app.stored, app.ended) == (Status.NOT_CHECKED, [], True)
    assert re.search(r"says \(smoke [0-9a-f]{8}\), delete it", found[Step.CLEAN].reason)


async def test_a_page_is_no_logout() -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<!doctype html>", content_type="text/html", headers=api_headers())

    found = await talk(LibreChat({"/api/auth/logout": page}))
    assert found[Step.CLEAN].status is Status.FAILED
    assert found[Step.CLEAN].measured == "200, text/html for the logout"


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def test_a_logout_without_an_answer_does_not_hide_what_is_left() -> None:
    refused = {"/api/convos": answering(500, {"error": "no"})}
    found = await talk(LibreChat({**refused, "/api/auth/logout": hang_up}))
    assert f"Conversation {ID} is still there." in found[Step.CLEAN].reason

    unknown = {CHAT: answering(504, {"message": "Endpoint request timed out"})}
    found = await talk(LibreChat({**unknown, "/api/auth/logout": hang_up}))
    assert found[Step.CLEAN].measured == "no answer for the logout"
    assert "without sending a response. What was stored" in found[Step.CLEAN].reason
    assert "may store it later" in found[Step.CLEAN].reason


async def test_what_is_left_is_shown_whatever_was_asked_for() -> None:
    wrong = {"/api/health": answering(200, "OK"), "/api/convos": answering(500, {"error": "no"})}
    async with LibreChat(wrong).site() as site:
        findings = await run_checks(site, CHECKS[:1], lambda finding: None, others=CHECKS[1:])
    assert [finding.id for finding in findings] == ["US2.2", "FR-024"]
    assert findings[0].result.status is Status.FAILED


async def test_the_password_stays_here_when_the_address_is_somebody_elses() -> None:
    app = LibreChat()
    async with app.site() as site:
        elsewhere = Client("http://chat.example.com", timeout=60)
        found = await converse(Site(elsewhere, site.settings, {}))
    assert found[Step.LOGIN].measured == "the password was not sent"
    assert "plain HTTP" in found[Step.LOGIN].reason


async def test_an_answer_as_if_held_back_is_no_failure_beside_a_stream_that_flows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = failed("held back", reason="late", details={"cause": "buffered_blocks"})
    for flows, expected in ((passed("progressive"), Status.NOT_CHECKED), (held, Status.FAILED)):

        async def diagnostic(site: Site, result: Result = flows) -> Result:
            return result

        async def step(site: Site, step: Step) -> Result:
            return held

        monkeypatch.setattr(chat_checks, "diagnostic_stream", diagnostic)
        monkeypatch.setattr(chat_checks, "_step", step)
        async with LibreChat().site() as site:
            assert (await chat_checks.answer(site)).status is expected


async def test_an_interrupted_check_deletes_and_logs_out(capsys: pytest.CaptureFixture[str]) -> None:
    app = LibreChat(thinking=600.0)
    async with app.site() as site:
        check = asyncio.create_task(converse(site))
        await app.began.wait()
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check
    assert (app.stored, app.ended) == ([], True)
    assert capsys.readouterr().err == "deleted, session ended.\n"


async def test_a_check_that_is_interrupted_twice_says_what_to_look_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    deleting = asyncio.Event()

    async def never(request: web.Request) -> web.StreamResponse:
        deleting.set()
        await asyncio.Event().wait()
        raise AssertionError

    app = LibreChat({f"/api/messages/{ID}": never}, thinking=600.0)
    async with app.site() as site:
        check = asyncio.create_task(converse(site))
        await app.began.wait()
        check.cancel()
        await deleting.wait()
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check
    assert re.search(r"says \(smoke [0-9a-f]{8}\), delete it", capsys.readouterr().err)


async def test_a_missing_title_names_what_may_be_off() -> None:
    found = await talk(LibreChat(title=""))
    assert "titleConvo" in found[Step.TITLE].reason and "RESPONSE_GRACE_MS" in found[Step.TITLE].reason
    assert found[Step.STORED].measured == "2 messages"


async def test_an_answer_that_is_not_stored_points_at_the_database() -> None:
    app = LibreChat({f"/api/messages/{ID}": answering(404, {"error": "Conversation not found"})})
    found = await talk(app)
    assert found[Step.STORED].measured == "0 messages, no question and no answer"
    assert "DocumentDB" in found[Step.STORED].reason


async def test_a_deletion_that_fails_names_the_conversation() -> None:
    app = LibreChat({"/api/convos": answering(500, {"error": "no"})})
    found = await talk(app)
    assert found[Step.CLEAN].status is Status.FAILED
    assert ID in found[Step.CLEAN].reason
    assert app.ended


async def test_a_deletion_without_an_answer_says_what_to_look_for_and_logs_out() -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    app = LibreChat({"/api/convos": broken})
    found = await talk(app)
    assert found[Step.CLEAN].status is Status.FAILED
    assert re.search(r"says \(smoke [0-9a-f]{8}\), delete it", found[Step.CLEAN].reason)
    assert app.ended


async def test_a_token_that_ended_is_replaced_once() -> None:
    app = LibreChat(tokens=[TOKEN, f"{TOKEN}-2"])

    async def ended(request: web.Request) -> web.StreamResponse:
        if request.headers["Authorization"] == f"Bearer {TOKEN}":
            return web.Response(status=401, text="Unauthorized")
        return await app.gives_title(request)

    app.wrong = {"/api/convos/gen_title": ended}
    found = await talk(app)
    assert found[Step.TITLE].ok and found[Step.STORED].ok and found[Step.CLEAN].ok
    assert app.ended


async def test_a_token_that_is_never_taken_is_explained() -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.Response(status=401, text="Unauthorized")

    found = await talk(LibreChat({"/api/endpoints": refuse}))
    assert "JWT_SECRET" in found[Step.ANSWER].reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [({"streamId": "x", "conversationId": "y"}, "newer than v0.8.2-rc1"), ({}, "No event came")],
)
async def test_another_librechat_is_recognised(body: object, reason: str) -> None:
    found = await talk(LibreChat({CHAT: answering(200, body)}))
    assert reason in found[Step.ANSWER].reason


async def test_the_checks_share_one_conversation() -> None:
    app = LibreChat({"/api/health": answering(200, "OK")})
    async with app.site() as site:
        findings = await run_checks(site, CHECKS, lambda finding: None)
    assert [finding.result.status for finding in findings][2:] == [Status.PASSED] * 3
    assert len(app.asked) == 1


async def test_without_a_login_the_other_checks_are_not_checked() -> None:
    app = LibreChat({"/api/health": answering(200, "OK")})
    async with app.site(user="somebody@example.org") as site:
        findings = await run_checks(site, CHECKS, lambda finding: None)
    assert [finding.result.status for finding in findings] == [Status.FAILED] + [Status.NOT_CHECKED] * 4


async def test_an_answer_of_no_known_shape_ends_no_conversation_early() -> None:
    paths = ("/api/endpoints", "/api/config", "/api/convos/gen_title", f"/api/messages/{ID}")
    bodies: tuple[object, ...] = ([1], {"modelSpecs": [], "order": None, "title": {}}, "text", None)
    apps = [LibreChat({path: answering(200, body)}) for path in paths for body in bodies]
    for found in await asyncio.gather(*map(talk, apps)):
        assert Step.CLEAN in found
    assert all(app.ended for app in apps)


async def test_a_secret_that_is_part_of_every_answer_changes_no_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    word = '"text"'
    monkeypatch.setattr("tests.unit.smoke.librechat.PASSWORD", word)
    monkeypatch.setenv("PW", word)
    found = await measured(LibreChat())
    assert statuses(found) == [Status.PASSED] * 5, found


async def test_a_short_cookie_is_a_flag_and_no_secret() -> None:
    app = LibreChat()

    async def flagged(request: web.Request) -> web.StreamResponse:
        response = app.session(TOKEN)
        response.headers.add("Set-Cookie", "lang=one; Path=/")
        return response

    app.wrong = {"/api/auth/login": flagged, CHAT: answering(500, {"message": "one of many"})}
    assert "one of many" in (await talk(app))[Step.ANSWER].evidence


async def test_no_secret_shows_though_every_answer_repeats_them() -> None:
    said = f"I heard {PASSWORD}, {TOKEN} and {REFRESH}"

    async def leaky(request: web.Request) -> web.StreamResponse:
        response = api({"message": said, "error": said}, 500)
        response.headers["X-Echo"] = said
        response.headers.add("Set-Cookie", f"refreshToken={REFRESH}; Path=/")
        return response

    async def refused(request: web.Request) -> web.StreamResponse:
        return web.Response(body=error({"text": said}), headers=api_headers())

    refusing = {"/api/auth/login": answering(404, {"message": f"not {PASSWORD}"})}
    leaking = {"/api/convos/gen_title": leaky, f"/api/messages/{ID}": leaky, "/api/convos": leaky}
    logout = {"/api/auth/logout": leaky}
    for app in (
        LibreChat(refusing),
        LibreChat({CHAT: refused, **logout}),
        LibreChat({CHAT: leaky}),
        LibreChat(leaking),
        LibreChat(title=said),
    ):
        found = await talk(app)
        report = Report("http://x", tuple(Finding(s, s, r, 0.0) for s, r in found.items()), 0.0)
        for shown in (json.dumps(report.to_json()), repr(report), repr(found)):
            assert not [secret for secret in SECRETS if secret in shown]
        assert "hidden" in json.dumps(report.to_json())


async def test_the_stand_in_is_talked_to_without_any_set_up(start: Start) -> None:  # noqa: F811
    with start() as app:
        async with Client(str(app.http.base_url), timeout=60) as client:
            found = await converse(Site(client, SETTINGS, {}))
        login = {"email": "you@example.org", "password": "p4rrot-7d41c0"}
        token = app.http.post("/api/auth/login", json=login).json()["token"]
        left = app.http.get("/api/convos", headers={"Authorization": f"Bearer {token}"})

    assert Status.FAILED not in statuses(found), found
    assert found[Step.ANSWER].details["model"] == "parrot"
    assert left.json()["conversations"] == []
