"""What is shown or kept tells that a secret was there, never what it was."""

from __future__ import annotations

import base64
import html
import json
import random
import string
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from scripts.redaction import REMOVED, is_secret_name, redact, redact_json, redact_values

SECRET = "s3cr3tValue0123456789"

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1r"

HEX = "f34be427ebb29de8d88c107a71546019685ed8b241d8f2ed00c3df97ad2566f0"

SHA1 = "c09820f3b1a7d54e96bb27a0d3f1c3e08a5b9d11"


@pytest.mark.parametrize(
    "text",
    [
        f"set-cookie: refreshToken={SECRET}; Path=/; HttpOnly",
        f"set-cookie: a=1; Path=/, refreshToken={SECRET}; HttpOnly",
        f"Cookie: a=1; session={SECRET}",
        f'{{"set-cookie": "sid={SECRET}; Path=/", "status": 200}}',
        f'"set-cookie": ["sid={SECRET}; Path=/"]',
        f"Authorization: Bearer {SECRET}",
        f"authorization: AWS4-HMAC-SHA256 Credential={SECRET}/x, Signature={SECRET}",
        f"'authorization': 'Basic {SECRET}'",
        f"Proxy-Authorization: Digest username=x, response={SECRET}",
        f"x-amz-security-token: {SECRET}",
        f"X-Api-Key: {SECRET}",
        f"x-origin-key: {SECRET}",
        f"X-Diagnostic-Token: {SECRET}",
        f"[('x-origin-key', '{SECRET}'), ('a', 'b')]",
        f'{{"name": "CREDS_KEY", "value": "{SECRET}"}}',
        f'{{"Name":"JWT_SECRET","Value":"{SECRET}"}}',
        f"GET /oauth/openid/callback?code={SECRET}&state={SECRET}&x=1",
        f"https://b.s3.amazonaws.com/k?X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}",
        f"https://b.s3.amazonaws.com/k?X-Amz-Date=20260101T000000Z&X-Amz-Security-Token={SECRET}%2F",
        f"https://x.blob.core.windows.net/a?sv=2020&sig={SECRET}",
        f"/verify?token={SECRET}",
        f"/reset?reset_token={SECRET}#top",
        f"/next?url=%2Freset%3Ftoken%3D{SECRET}",
        f"MongoServerError at mongodb://user:{SECRET}@host:27017/db",
        f"MONGO_URI=mongodb+srv://user:{SECRET}/with@sign@host/db?retryWrites=true",
        f"redis://:{SECRET}@host:6379",
        f"git clone https://{SECRET}@github.com/a/b",
        f'{{"password": "{SECRET}", "user": "ann"}}',
        f'{{\\"password\\": \\"{SECRET}\\", \\"user\\": \\"ann\\"}}',
        f'{{\\\\\\"apiKey\\\\\\": \\\\\\"{SECRET}\\\\\\"}}',
        f"{{&quot;password&quot;:&quot;{SECRET}&quot;}}",
        f"%7B%22password%22%3A%22{SECRET}%22%7D",
        f"{{'clientSecret': '{SECRET}'}}",
        f'{{"password": "with \\" a quote {SECRET}"}}',
        f'"password": "cut off {SECRET}',
        f"JWT_SECRET={SECRET}",
        f"CREDS_KEY={SECRET}",
        f'"CREDS_IV": "{SECRET}"',
        f"CREDS_IV={HEX[:32]} {SECRET}".replace(f" {SECRET}", ""),
        f"CREDS_KEY: {HEX}",
        f"OPENAI_API_KEY={SECRET}",
        f"export MEILI_MASTER_KEY='{SECRET}'",
        f"JWT_SECRET_OLD={SECRET}",
        f"SECRET_KEY_BASE={SECRET}",
        f"DB_PASSWORD=p&ss,w;rd'{SECRET}",
        f"MYSQL_PWD={SECRET} PGPASSWORD={SECRET}",
        f"//registry.npmjs.org/:_authToken={SECRET}",
        f"Server=x;User Id=y;Password={SECRET};Encrypt=true",
        f"DefaultEndpointsProtocol=https;AccountKey={SECRET}==;",
        f"--api-key={SECRET}",
        f'message="password={SECRET}"',
        f'message: {{"msg":"x","line":"JWT_SECRET={SECRET}"}}',
        f"apiKey: {SECRET},",
        f"key: {SECRET}",
        f"Authorization=Bearer {SECRET}",
        f"[(b'authorization', b'Bearer {SECRET}')]",
        f"curl -u user:{SECRET} https://host",
        f"secret => {SECRET}",
        "password: 123456",
        f"OPENID_CLIENT_SECRET: '{SECRET} with a space'",
        f"token {JWT} was refused".replace("dBjft", SECRET),
        f"using bearer {SECRET}",
        f"using Bearer%20{SECRET}",
        f"sk-{SECRET}",
        f"sk-proj-{SECRET}",
        f"key sk-ant-api03-{SECRET}.",
        f"pk-lf-{SECRET}",
        f"ghp_{SECRET}abcdef",
        f"xoxb-{SECRET}",
        f"xapp-1-{SECRET}",
        f"https://hooks.slack.com/services/T000/B000/{SECRET}",
        "AKIA" + "ABCDEFGHIJ234567",
        "ASIA" + "ABCDEFGHIJ234567",
    ],
)
def test_what_could_be_a_secret_is_removed(text: str) -> None:
    redacted = redact(text)
    assert SECRET not in redacted
    assert HEX[:32] not in redacted
    assert "123456" not in redacted.replace(SECRET, "")
    assert "ABCDEFGHIJ234567" not in redacted
    assert REMOVED in redacted


@pytest.mark.parametrize(
    "text",
    [
        "HTTP 502\ncontent-type: application/json\nx-amz-apigw-id: abc=\n\n"
        '{"message": "Internal server error"}',
        "S3 refused: the bucket policy does not let this distribution read",
        "arn:aws:ssm:eu-west-1:515966504419:parameter/ecs/genai/librechat/JWT_SECRETS is missing",
        "arn:aws:secretsmanager:eu-west-1:515966504419:secret:librechat-AbCdEf",
        'may not secretsmanager:GetSecretValue on resource: "arn:aws:secretsmanager:x:1:secret:n"',
        "403 Missing Authentication Token: API Gateway knows no such path or method.",
        "ExpiredToken: The security token included in the request is expired",
        "ExpiredTokenException: The security token included in the request is expired",
        "Error: connect ECONNREFUSED mongodb://host:27017/db",
        "mongodb://a:27017,b:27017/db?replicaSet=rs0",
        "http://host:8080/a@b",
        '{"msg":"cold_start","phases":{"import":429,"secrets":52,"config":54}}',
        '{"tokens": 1200, "max_tokens": 4096, "tokensPerSecond": 12.5, "to_first_token_ms": 300}',
        "12:00:01.123 START RequestId: 40460b8a-d613-4c6e-b48b-86bce7a18158 Version: $LATEST",
        "x-amz-request-id: 79104EXAMPLEB723\nx-amz-cf-id: 3p7AbCdEfGh0123456789==",
        f'etag: "{HEX[:32]}"',
        f"commit {SHA1}",
        f"sha256:{HEX}",
        f"515966504419.dkr.ecr.eu-west-1.amazonaws.com/app@sha256:{HEX}",
        f'"image": "ghcr.io/danny-avila/librechat-api:v0.8.2-rc1@sha256:{HEX}", "client": "{HEX[:16]}"',
        "https://localhost:8080/chat/123?q=a%20b&empty=",
        "missing required variables: CREDS_KEY, CREDS_IV, JWT_SECRET",
        "CREDS_KEY=undefined",
        '{"password":null}',
        "JWT_SECRET: must be set",
        "smoke.chat.password_from: env:SMOKE_CHAT_PASSWORD",
        'module.app.aws_ssm_parameter.this["JWT_SECRET"]: Creating...',
        "module.app.aws_secretsmanager_secret.app: Creation complete after 1s",
        "KeyError: 'JWT_SECRET'",
        "access-control-allow-credentials: true",
        "apiKey: ${OPENAI_API_KEY}",
        "'Key': 'assets/index-4f3a9b8c7d6e5f4a.js'",
        "Basic authentication is not supported",
        "the bearer of this letter",
        "npm error integrity sha512-q2Yk0+1Sd6vpbsiuLwVIEhG9tYmYHvJ1k9rSYgJkLmqdrdtQ4aB3rZ2f9X7wqV8sQ8WcUg==",
        "task-management-system-2000-x and disk-usage-report-of-today",
        "at Object.getToken (/app/api/server/index.js:12:34)",
        "librechat_public_key=abc primary_key: id",
    ],
)
def test_what_explains_a_failure_stays(text: str) -> None:
    assert redact(text) == text


def test_a_cookies_name_and_attributes_stay() -> None:
    assert redact("Set-Cookie: sid=abc; Path=/; Secure") == f"Set-Cookie: sid={REMOVED}; Path=/; Secure"
    assert redact("cookie: a=1; b=2") == f"cookie: a={REMOVED}; b={REMOVED}"
    expiring = "set-cookie: a=b; Expires=Wed, 21 Oct 2026 07:28:00 GMT; SameSite=Lax"
    assert redact(expiring) == expiring.replace("a=b", f"a={REMOVED}")


def test_what_stands_around_a_secret_stays() -> None:
    assert (
        redact(f'{{"password":"{SECRET}","requestId":"8f2e"}}')
        == f'{{"password":"{REMOVED}","requestId":"8f2e"}}'
    )
    assert redact(f"/a?token={SECRET}&x=1") == f"/a?token={REMOVED}&x=1"
    assert redact(f"mongodb://user:{SECRET}@host/db") == f"mongodb://user:{REMOVED}@host/db"


def pem(label: str = "RSA PRIVATE KEY", *, lines: int = 6, width: int = 64) -> str:
    letters = random.Random(label)
    body = [
        "".join(letters.choices(string.ascii_letters + string.digits + "+/", k=width)) for _ in range(lines)
    ]
    return "\n".join([f"-----BEGIN {label}-----", *body, "Zm9vYmFyMTIzNA==", f"-----END {label}-----"])


@pytest.mark.parametrize("label", ["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"])
@pytest.mark.parametrize(
    "shape",
    [
        lambda block: block,
        lambda block: block.replace("\n", "\r\n"),
        lambda block: block.replace("\n", "\\n"),
        lambda block: block.replace("\n", "\\\\n"),
        lambda block: "".join(f"    {line}\n" for line in block.split("\n")),
        lambda block: "\n".join(f"2026-01-01T00:00:00Z info: {line}" for line in block.split("\n")),
        lambda block: json.dumps({"key": block}),
        lambda block: json.dumps(block.split("\n")),
        lambda block: block[: len(block) * 2 // 3],
        lambda block: block.replace("\n", "\\n")[: len(block) * 2 // 3],
        lambda block: block[len(block) // 3 :],
        lambda block: block.replace("\n", "\\n")[len(block) // 3 :],
        lambda block: block[len(block) // 4 : len(block) * 3 // 4],
    ],
)
def test_a_key_in_pem_is_removed_whole_or_in_pieces(label: str, shape: Callable[[str], str]) -> None:
    block = pem(label)
    redacted = redact(f"before\n{shape(block)}\nafter it")
    pieces = [line[10:30] for line in block.split("\n")[2:-3]]
    assert [piece for piece in pieces if piece in redacted] == []
    assert redacted.startswith("before\n")
    assert redacted.endswith("after it")


def test_two_keys_do_not_take_what_is_between_them() -> None:
    assert redact(f"{pem()}\nbetween\n{pem('PRIVATE KEY')}") == f"{REMOVED}\nbetween\n{REMOVED}"


def test_redacting_again_changes_nothing() -> None:
    once = redact(f"Authorization: x\nGET /?token={SECRET}\nCookie: a=1\npassword={SECRET}\n{pem()}")
    assert redact(once) == once


def test_any_text_is_redacted_in_a_time_that_grows_with_its_length() -> None:
    for piece in (
        "a",
        "a-",
        "a.",
        '"',
        "\\",
        "eyJ",
        "a=",
        "key=",
        "://",
        "-----BEGIN A-----",
        "MIIE",
        "?token",
        "x: ",
    ):
        began = time.process_time()
        redact(piece * (60_000 // len(piece)))
        assert time.process_time() - began < 60, piece


def test_no_text_at_random_breaks_it_and_doing_it_twice_changes_nothing() -> None:
    choose = random.Random(12)
    pieces = [*"=: \"'\\\n{}[],&?;@éa", "password", "token", "cookie", "set-cookie", "Bearer", "://", "%22"]
    pieces += ["-----BEGIN X-----", "-----END X-----", SECRET]
    for _ in range(3000):
        text = "".join(choose.choices(pieces, k=choose.randrange(1, 14)))
        once = redact(text)
        assert redact(once) == once, text


def test_json_loses_what_its_names_call_a_secret() -> None:
    given = {
        "clientSecret": "opensesame",
        "list": [{"token": "abc"}, f"password={SECRET}"],
        "n": 12,
        "key": None,
    }
    assert redact_json(given) == {
        "clientSecret": REMOVED,
        "list": [{"token": REMOVED}, f"password={REMOVED}"],
        "n": 12,
        "key": None,
    }


@pytest.mark.parametrize(
    "name", ["CREDS_KEY", "CREDS_IV", "apiKey", "x-origin-key", "clientSecret", "DB_PASS", "JWT_SECRET_2"]
)
def test_names_say_that_something_is_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["max_tokens", "secret_arn", "KeyName", "token_url", "monkey", "publicKey", "author", "passed"]
)
def test_names_that_only_sound_like_it_do_not(name: str) -> None:
    assert not is_secret_name(name)


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda value: json.dumps(value),
    "JSON with letters as they are": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON in JSON": lambda value: json.dumps(json.dumps(value)),
    "JSON in JSON in JSON": lambda value: json.dumps(json.dumps(json.dumps(value))),
    "PHP's JSON": lambda value: json.dumps(value).replace("/", "\\/"),
    "percent-encoded": lambda value: quote(value, safe=""),
    "percent-encoded, lower case": lambda value: "".join(f"%{byte:02x}" for byte in value.encode()),
    "percent-encoded twice": lambda value: quote(quote(value, safe=""), safe=""),
    "in a path": quote,
    "in a form": quote_plus,
    "hexadecimal": lambda value: value.encode().hex(),
    "hexadecimal, upper case": lambda value: value.encode().hex().upper(),
    "HTML": html.escape,
    "HTML by number": lambda value: "".join(f"&#{ord(character)};" for character in value),
    "HTML by number, hexadecimal": lambda value: "".join(f"&#x{ord(character):X};" for character in value),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "value", ["hunter2/+=&<>\"'\\", 'two\nlines with a quote "', "pässwörd 🔑", "simple-value"]
)
def test_a_known_value_is_found_in_every_form(form: str, value: str) -> None:
    written = FORMS[form](value)
    assert written.strip('\\"') not in redact_values(f"before {written} after", [value])
    assert REMOVED in redact_values(f"before {written} after", [value])


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "x", "xy", "xyz", "user:"])
@pytest.mark.parametrize("after", ["", "\n", "zz"])
def test_a_known_value_is_found_in_base64_wherever_it_begins(
    encode: Callable[[bytes], bytes], before: str, after: str
) -> None:
    choose = random.Random(before + after)
    for _ in range(12):
        value = "".join(choose.choices(string.printable, k=choose.randrange(10, 40)))
        written = encode(f"{before}{value}{after}".encode()).decode()
        redacted = redact_values(f"a {written} b", [value])
        assert REMOVED in redacted
        assert len(redacted) < len("a  b") + len(REMOVED) + 4 * (len(before) + len(after)) + 12, written


def test_the_parts_of_a_known_value_are_secrets_too() -> None:
    lines = redact_values(
        "a first-line-of-it b\nsecond-line-of-it", ["first-line-of-it\nsecond-line-of-it\n"]
    )
    assert lines == f"a {REMOVED} b\n{REMOVED}"
    assert redact_values("got hunter2.", ["hunter2\n"]) == f"got {REMOVED}."
    leaves = redact_values("opensesame and swordfish", [json.dumps({"a": "opensesame", "b": ["swordfish"]})])
    assert leaves == f"{REMOVED} and {REMOVED}"
    uri = redact_values("librechat-app and p@ss/word", ["mongodb://librechat-app:p%40ss%2Fword@host/db"])
    assert uri == f"{REMOVED} and {REMOVED}"


def test_a_text_that_ends_or_begins_in_the_middle_of_a_known_value_loses_its_part() -> None:
    assert redact_values(f"the value {SECRET[:14]}", [SECRET]) == f"the value {REMOVED}"
    assert redact_values(f"{SECRET[3:]} was it", [SECRET]) == f"{REMOVED} was it"


def test_a_short_value_or_an_empty_one_is_not_looked_for() -> None:
    assert redact_values("a text", ["", "a", "\n"]) == "a text"


def test_an_address_of_the_same_kind_as_a_known_one_stays() -> None:
    assert (
        redact_values("mongodb+srv://other/db", ["mongodb+srv://u:hunter2@host/db"])
        == "mongodb+srv://other/db"
    )
