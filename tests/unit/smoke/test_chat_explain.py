"""What LibreChat refuses with, as its source has the words, is explained with a next step."""

from __future__ import annotations

import json

import pytest

from scripts.smoke.chat import explain
from scripts.smoke.client import Response


def answer(status: int, body: object) -> Response:
    headers = (("content-type", "application/json"),)
    return Response("POST", "/api/auth/login", status, headers, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, {"message": "Incorrect password."}, "not with this password"),
        (404, {"message": "Email does not exist."}, "no such user"),
        (404, {"message": "Missing credentials"}, "is empty"),
        (404, {"message": "password: String must contain at least 8 character(s)"}, "does not take these"),
        (422, {"message": "Email not verified."}, "never confirmed its e-mail address"),
        (403, {"message": "Your account has been temporarily banned due to violations."}, "BAN_DURATION"),
        (429, {"message": "Too many login attempts, please try again after 5 minutes."}, "LOGIN_WINDOW"),
        (200, {"twoFAPending": True, "tempToken": "x"}, "two-factor"),
        (200, {"hello": "world"}, "holds no token"),
        (429, {"message": "Too Many Requests"}, "throttled"),
    ],
)
def test_a_login(status: int, body: object, reason: str) -> None:
    assert reason in explain.login(answer(status, body))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ('{ "type": "illegal_model_request", "info": "Words|gpt-99" }', "does not offer this model"),
        ('{ "type": "missing_model", "info": "Words" }', "No model was named"),
        ('{ "type": "endpoint_models_not_loaded", "info": "Words" }', "no models for this endpoint"),
        ('{"type":"no_user_key"}', "wants a key from each user"),
        ('{"type":"token_balance","balance":0}', "balance is used up"),
        ('{"type":"ban"}', "BAN_VIOLATIONS"),
        ('{"type":"message_limit","max":40,"limiter":"user"}', "MESSAGE_IP_MAX"),
        ('{"type":"concurrent","limit":2}', "another answer under way"),
        ('{"type":"INPUT_LENGTH","info":"9 / 8"}', "longer than the model takes"),
        ("Error parsing conversation", "no endpoint of this name"),
        ("No model spec selected", "enforces model specs"),
        ("Illegal request", "User-Agent"),
        (
            "An error occurred while processing your request. Please contact the Admin.",
            "the function's log has it",
        ),
        ("something else", "ended the answer with an error"),
        ('["a list"]', "ended the answer with an error"),
    ],
)
def test_a_refusal_of_librechat(words: str, reason: str) -> None:
    assert reason in explain.refusal(words, by_provider=False)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("401 Incorrect API key provided", "rejected the key"),
        ("404 The model `x` does not exist", "does not have this model"),
        ("429 You exceeded your current quota", "limit is reached"),
        ("Connection error.", "LITELLM_BASE_URL"),
        ("the moon is full", "gave an error"),
        ('{"type":"refusal"}', "gave an error"),
    ],
)
def test_a_refusal_of_the_provider(words: str, reason: str) -> None:
    told = words if words.startswith("{") else f"An error occurred while processing the request: {words}"
    assert reason in explain.refusal(told, by_provider=True)


def test_what_is_not_offered_names_what_is() -> None:
    reason = explain.not_offered("model", "gpt-99", ["counter", "poet"], "smoke.chat.model", at=" at Words")
    assert "no model 'gpt-99' at Words" in reason
    assert "It offers counter, poet: choose one with smoke.chat.model" in reason


def test_where_nothing_is_offered_nothing_is_listed() -> None:
    reason = explain.not_offered("endpoint", "", [], "smoke.chat.endpoint")
    assert reason.startswith("The app offers no endpoint, and nothing was sent")
    assert "It offers" not in reason
