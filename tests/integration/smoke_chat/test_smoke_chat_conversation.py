"""A conversation that is held: what is sent, what it proves, and what its checks share."""

from __future__ import annotations

import asyncio

import pytest

from scripts.smoke.chat import Step
from scripts.smoke.chat.librechat import BROWSER, NO_PARENT
from scripts.smoke.checks.chat import CHECKS
from scripts.smoke.model import Status
from scripts.smoke.runner import run_checks
from tests.integration.smoke_chat.talks import answering, measured, statuses, talk
from tests.unit.smoke.librechat import ID, LibreChat

pytestmark = pytest.mark.integration


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


async def test_a_missing_title_names_what_may_be_off() -> None:
    found = await talk(LibreChat(title=""))
    assert "titleConvo" in found[Step.TITLE].reason and "RESPONSE_GRACE_MS" in found[Step.TITLE].reason
    assert found[Step.STORED].measured == "2 messages"


async def test_an_answer_that_is_not_stored_points_at_the_database() -> None:
    app = LibreChat({f"/api/messages/{ID}": answering(404, {"error": "Conversation not found"})})
    found = await talk(app)
    assert found[Step.STORED].measured == "0 messages, no question and no answer"
    assert "DocumentDB" in found[Step.STORED].reason
