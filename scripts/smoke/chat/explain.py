"""What LibreChat's refusals mean: a reason is a sentence on the cause and one on the next step.

The words are those of v0.8.2-rc1; each table says where they come from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from scripts.smoke import diagnosis
from scripts.smoke.client import Response
from scripts.smoke.shapes import fields

UNAUTHORIZED = (
    "The access token is refused, and so is a fresh one. Either tokens end at once (SESSION_EXPIRY), "
    "or the environments of the function do not share JWT_SECRET, or the path drops the Authorization "
    "header: the origin request policy must pass it on (AllViewerExceptHostHeader)."
)
"""Why a token that was just given is refused."""

NO_TITLE = (
    "The answer is there, its title is not. Either titles are switched off (titleConvo: false of the "
    "endpoint in librechat.yaml, TITLE_CONVO), or the title's model failed (titleModel; see the "
    "function's log), or the work after the end of the stream was lost: Lambda froze the environment "
    "(RESPONSE_GRACE_MS), or its environments do not share Redis (USE_REDIS, REDIS_URI)."
)
"""Why a conversation has no title after the time that LibreChat waits for one."""

_LISTED = 12
_CREDENTIALS = "smoke.chat.user and smoke.chat.password_from say whom the check logs in as."

# api/strategies/localStrategy.js by way of requireLocalAuth.js, limiters/loginLimiter.js, checkBan.js.
_LOGINS: tuple[tuple[str, str], ...] = (
    ("incorrect password", f"LibreChat knows the user, but not with this password. {_CREDENTIALS}"),
    (
        "email does not exist",
        "LibreChat has no such user, or one without a password (from a social or OpenID login). "
        f"{_CREDENTIALS} Create a user with a password: npm run create-user in LibreChat.",
    ),
    (
        "email not verified",
        "The user has never confirmed its e-mail address. Confirm it, or set emailVerified in the database; "
        "ALLOW_UNVERIFIED_EMAIL_LOGIN would let everybody in.",
    ),
    (
        "too many login attempts",
        "LibreChat's login limiter: 7 logins in 5 minutes from one address (LOGIN_MAX, LOGIN_WINDOW). "
        "Wait, and watch less often. If other users see it too, all of them count as one address: look at "
        "US3.2.",
    ),
    (
        "temporarily banned",
        "The user, or this address, is banned for its violations (BAN_VIOLATIONS, BAN_DURATION). Wait "
        "until the ban ends, or delete it from the cache.",
    ),
    ("missing credentials", f"The e-mail address or the password is empty. {_CREDENTIALS}"),
)

# The types of ErrorTypes and ViolationTypes in packages/data-provider/src/config.ts.
_TYPES: Mapping[str, str] = {
    "illegal_model_request": "The app does not offer this model at this endpoint. Choose another with "
    "smoke.chat.model, or add it in librechat.yaml.",
    "missing_model": "No model was named, and the endpoint has none of its own. Set smoke.chat.model.",
    "models_not_loaded": "The app has no list of models yet. The function's log has the provider's answer.",
    "endpoint_models_not_loaded": "The app has no models for this endpoint: its key is not set, or the "
    "provider did not list them. Look at models in librechat.yaml and at the function's log.",
    "no_user_key": "The endpoint wants a key from each user (user_provided), and the test user has none. "
    "Log in as the user and set one, or choose another endpoint with smoke.chat.endpoint.",
    "expired_user_key": "The key that the test user set for this endpoint has expired. Set it again.",
    "invalid_user_key": "The key that the test user set for this endpoint is not valid. Set it again.",
    "no_base_url": "The endpoint wants its address from each user, and the test user has set none.",
    "invalid_agent_provider": "allowedProviders in librechat.yaml excludes this endpoint.",
    "token_balance": "The test user's balance is used up. Give it tokens: npm run add-balance in LibreChat.",
    "ban": "The user, or this address, is banned for its violations (BAN_VIOLATIONS, BAN_DURATION). Wait "
    "until the ban ends.",
    "message_limit": "LibreChat's limiter of messages (MESSAGE_IP_MAX, MESSAGE_USER_MAX). Wait a minute.",
    "concurrent": "The test user has another answer under way (LIMIT_CONCURRENT_MESSAGES): another check, or "
    "one that was interrupted.",
    "moderation": "The moderation refused the text. Choose another smoke.chat.message.",
    "input_length": "The text is longer than the model takes. Choose a shorter smoke.chat.message.",
    "invalid_request_error": "The model's provider rejected the request. Look at addParams and dropParams of "
    "the endpoint in librechat.yaml and at the function's log.",
    "auth_failed": "The model's provider rejected the key. Look at the SSM parameter that holds it.",
}

# Texts without a type: uaParser.js, buildEndpointOption.js, abortMiddleware.js.
_TEXTS: tuple[tuple[str, str], ...] = (
    (
        "illegal request",
        "LibreChat took the check for a program: the path changed or dropped the User-Agent. The origin "
        "request policy must pass it on (AllViewerExceptHostHeader). Each such request is a violation.",
    ),
    (
        "error parsing conversation",
        "The app has no endpoint of this name. Set smoke.chat.endpoint to one of its own, or add it in "
        "librechat.yaml.",
    ),
    (
        "model spec",
        "librechat.yaml enforces model specs, and none goes with this endpoint and model. Choose those of "
        "a spec with smoke.chat.endpoint and smoke.chat.model.",
    ),
    (
        "contact the admin",
        "LibreChat hides what went wrong from users; the function's log has it. Often: the API key or the "
        "address of the endpoint is not set (an SSM parameter or a variable that librechat.yaml names).",
    ),
)

# What providers say, by way of their SDKs; LiteLLM passes them on.
_PROVIDERS: tuple[tuple[str, str], ...] = (
    (
        r"\b401\b|api key|unauthorized|authentication",
        "The model's provider rejected the key. Look at the SSM parameter that holds it (LITELLM_API_KEY).",
    ),
    (
        r"\b404\b|not found|does not exist|invalid model",
        "The provider does not have this model, though librechat.yaml offers it. Choose another with "
        "smoke.chat.model, or correct librechat.yaml.",
    ),
    (r"\b429\b|rate limit|quota", "The provider's limit is reached. Wait, or raise it."),
    (
        r"connection error|econnrefused|enotfound|etimedout|timed? ?out|fetch failed",
        "The function does not reach the provider: look at its address (LITELLM_BASE_URL), at DNS in the "
        "VPC and at the security groups.",
    ),
)


def login(answer: Response) -> str:
    """Why there is no session after this answer to a login."""
    message = str(answer.fields.get("message", ""))
    if answer.fields.get("twoFAPending"):
        return (
            "The user has two-factor authentication, which a check cannot answer. Use a test user without it."
        )
    for words, reason in _LOGINS:
        if words in message.lower():
            return reason
    if answer.status == 404 and message:
        return f"LibreChat does not take these credentials: {message} {_CREDENTIALS}"
    if answer.status == 200:
        return (
            "The answer holds no token, so it is not LibreChat's: the path does not lead to the app, or "
            "its login works otherwise."
        )
    return diagnosis.explain_api(answer)


def unexpected(answer: Response) -> str:
    """Why an answer is another one than LibreChat gives here."""
    if answer.status == 401:
        return UNAUTHORIZED
    if answer.status == 200:
        return (
            "The answer is not what LibreChat v0.8.2-rc1 gives here: another release, or the path does not "
            "lead to the app."
        )
    return diagnosis.explain_api(answer)


def refusal(words: str, *, by_provider: bool) -> str:
    """Why LibreChat, or the model's provider, gave an error instead of an answer.

    Args:
        words: What it said: a text, or JSON with a type.
        by_provider: Whether the provider said it.
    """
    if reason := _TYPES.get(str(fields(words).get("type", "")).lower()):
        return reason
    if by_provider:
        for pattern, reason in _PROVIDERS:
            if re.search(pattern, words, re.IGNORECASE):
                return reason
        return "The model's provider gave an error. Its words are below; the function's log has more."
    for text, reason in _TEXTS:
        if text in words.lower():
            return reason
    return "LibreChat ended the answer with an error. Its words are below; the function's log has more."


def not_offered(what: str, name: str, offered: Sequence[str], setting: str, *, at: str = "") -> str:
    """Why nothing was sent: the app does not have what the settings name."""
    asked = f"The app offers no {what}{f' {name!r}' if name else ''}{at}"
    known = ", ".join(offered[:_LISTED]) + (", …" if len(offered) > _LISTED else "")
    remedy = f"It offers {known}: choose one with {setting}, or" if offered else "So"
    return (
        f"{asked}, and nothing was sent: asking for it would count as a violation. {remedy} look at "
        "librechat.yaml and at the keys of the endpoints; an endpoint without its key is not offered."
    )
