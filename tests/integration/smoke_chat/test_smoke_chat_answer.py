"""What is wrong with an answer: refused, held back, compressed, incomplete, or of another LibreChat."""

from __future__ import annotations

import gzip

import pytest
from aiohttp import web

from scripts.smoke.chat import Step
from scripts.smoke.checks import chat as chat_checks
from scripts.smoke.model import Result, Status, failed, passed
from scripts.smoke.site import Site
from tests.integration.smoke_chat.talks import CHAT, answering, measured, streaming, talk
from tests.unit.smoke.librechat import STREAM, LibreChat, error
from tests.unit.smoke.server import api_headers

pytestmark = pytest.mark.integration


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


@pytest.mark.parametrize(
    ("body", "reason"),
    [({"streamId": "x", "conversationId": "y"}, "newer than v0.8.2-rc1"), ({}, "No event came")],
)
async def test_another_librechat_is_recognised(body: object, reason: str) -> None:
    found = await talk(LibreChat({CHAT: answering(200, body)}))
    assert reason in found[Step.ANSWER].reason
