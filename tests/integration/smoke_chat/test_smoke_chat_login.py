"""The login of a conversation: what it needs, how it is refused, and that no secret of it shows."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from scripts.smoke.chat import Step, converse
from scripts.smoke.client import Client
from scripts.smoke.model import Status
from scripts.smoke.report import Finding, Report
from scripts.smoke.site import Site
from tests.integration.smoke_chat.talks import CHAT, answering, measured, statuses, talk
from tests.unit.smoke.librechat import ID, PASSWORD, REFRESH, SECRETS, TOKEN, LibreChat, error
from tests.unit.smoke.server import SETTINGS, api, api_headers

pytestmark = pytest.mark.integration


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


async def test_the_password_stays_here_when_the_address_is_somebody_elses() -> None:
    app = LibreChat()
    async with app.site() as site:
        elsewhere = Client("http://chat.example.com", timeout=60)
        found = await converse(Site(elsewhere, site.settings, {}))
    assert found[Step.LOGIN].measured == "the password was not sent"
    assert "plain HTTP" in found[Step.LOGIN].reason


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
        assert "[removed]" in json.dumps(report.to_json())
