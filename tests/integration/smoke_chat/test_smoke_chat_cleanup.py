"""What is left of a conversation: deleted, logged out, or named with what to look for."""

from __future__ import annotations

import asyncio
import re

import pytest
from aiohttp import web

from scripts.smoke.chat import Step, converse
from scripts.smoke.checks.chat import CHECKS
from scripts.smoke.model import Status
from scripts.smoke.runner import run_checks
from tests.integration.smoke_chat.talks import CHAT, answering, statuses, streaming, talk
from tests.unit.smoke.librechat import ID, STREAM, LibreChat
from tests.unit.smoke.server import Handler, api, api_headers

pytestmark = pytest.mark.integration


def cut(app: LibreChat) -> Handler:
    """An answer that is cut, of which the app has stored only the question so far."""

    async def handler(request: web.Request) -> web.StreamResponse:
        app.asked.append(await request.json())
        events = app.answer()
        app.late, app.stored = app.stored[1:], app.stored[:1]
        return web.Response(body=b"".join(event for _, event in events[:3]), headers=STREAM | api_headers())

    return handler


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


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

    async def later(request: web.Request) -> web.StreamResponse:
        nonlocal looks
        looks += 1
        if looks == 4:
            app.stored = app.late
        return await app.messages(request)

    app.wrong = {CHAT: cut(app), f"/api/messages/{ID}": later}
    found = await talk(app)

    assert found[Step.CLEAN].measured == "deleted, session ended"
    assert looks > 4 and app.stored == []


async def test_an_answer_that_may_still_be_stored_is_not_called_deleted() -> None:
    app = LibreChat()
    app.wrong = {CHAT: cut(app)}
    found = await talk(app)

    assert (found[Step.CLEAN].status, app.stored, app.ended) == (Status.NOT_CHECKED, [], True)
    assert re.search(r"says \(smoke [0-9a-f]{8}\), delete it", found[Step.CLEAN].reason)


async def test_a_deletion_that_fails_names_the_conversation() -> None:
    app = LibreChat({"/api/convos": answering(500, {"error": "no"})})
    found = await talk(app)
    assert found[Step.CLEAN].status is Status.FAILED
    assert ID in found[Step.CLEAN].reason
    assert app.ended


async def test_a_deletion_without_an_answer_says_what_to_look_for_and_logs_out() -> None:
    app = LibreChat({"/api/convos": hang_up})
    found = await talk(app)
    assert found[Step.CLEAN].status is Status.FAILED
    assert re.search(r"says \(smoke [0-9a-f]{8}\), delete it", found[Step.CLEAN].reason)
    assert app.ended


async def test_a_page_is_no_logout() -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<!doctype html>", content_type="text/html", headers=api_headers())

    found = await talk(LibreChat({"/api/auth/logout": page}))
    assert found[Step.CLEAN].status is Status.FAILED
    assert found[Step.CLEAN].measured == "200, text/html for the logout"


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
