"""Evidence that is kept shows that a secret was there, never what it was."""

from __future__ import annotations

import pytest

from scripts.releases.scrub import REMOVED, scrub

SECRET = "s3cr3tValue0123456789"

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1r"


@pytest.mark.parametrize(
    "text",
    [
        f"set-cookie: refreshToken={SECRET}; Path=/; HttpOnly",
        f"Cookie: a=1; session={SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"authorization: AWS4-HMAC-SHA256 Credential={SECRET}/x, Signature={SECRET}",
        f"'authorization': 'Basic {SECRET}'",
        f"x-amz-security-token: {SECRET}",
        f"X-Api-Key: {SECRET}",
        f"GET /oauth/openid/callback?code={SECRET}&state={SECRET}&x=1",
        f"https://b.s3.amazonaws.com/k?X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}",
        f"/verify?token={SECRET}",
        f"/reset?reset_token={SECRET}#top",
        f"MongoServerError at mongodb://user:{SECRET}@host:27017/db",
        f"redis://:{SECRET}@host:6379",
        f'{{"password": "{SECRET}", "user": "ann"}}',
        f"JWT_SECRET={SECRET}",
        f"apiKey: {SECRET},",
        f"OPENID_CLIENT_SECRET: '{SECRET} with a space'",
        f"token {JWT} was refused".replace("dBjft", SECRET),
        f"using bearer {SECRET}",
        "AKIA" + "ABCDEFGHIJ234567"[:16],
    ],
)
def test_what_could_be_a_secret_is_removed(text: str) -> None:
    scrubbed = scrub(text)
    assert SECRET not in scrubbed
    assert "AKIAABCDEFGHIJ234567" not in scrubbed
    assert REMOVED in scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "HTTP 502\ncontent-type: application/json\nx-amz-apigw-id: abc=\n\n"
        '{"message": "Internal server error"}',
        "S3 refused: the bucket policy does not let this distribution read",
        "arn:aws:ssm:eu-west-1:515966504419:parameter/ecs/genai/librechat/JWT_SECRETS is missing",
        "403 Missing Authentication Token: API Gateway knows no such path or method.",
        "Error: connect ECONNREFUSED mongodb://host:27017/db",
        '{"msg":"cold_start","phases":{"import":429,"secrets":52,"config":54}}',
        "12:00:01.123 START RequestId: 8f2e-11",
        "https://localhost:8080/chat/123?q=a%20b&empty=",
    ],
)
def test_what_explains_a_failure_stays(text: str) -> None:
    assert scrub(text) == text


def test_a_cookies_name_and_attributes_stay() -> None:
    assert scrub("Set-Cookie: sid=abc; Path=/; Secure") == f"Set-Cookie: sid={REMOVED}; Path=/; Secure"
    assert scrub("cookie: a=1; b=2") == f"cookie: a={REMOVED}; b={REMOVED}"


def test_scrubbing_again_changes_nothing() -> None:
    once = scrub(f"Authorization: x\nGET /?token={SECRET}\nCookie: a=1\npassword={SECRET}")
    assert scrub(once) == once
