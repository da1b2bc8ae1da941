"""Secrets in librechat.yaml: found wherever they stand, never shown, false alarms can be told off."""

from __future__ import annotations

import pytest

from scripts import app_config
from scripts.errors import DeployError, ExitStatus

DOMAIN = "lambda-test.sandbox.data.apro.is"


def places(text: str) -> dict[str, str]:
    return {finding.place: finding.rule for finding in app_config.find_secrets(text)}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("endpoints: {custom: [{apiKey: hunter2}]}", "endpoints.custom[0].apiKey"),
        ("ocr: {api_key: 'hunter2'}", "ocr.api_key"),
        ("x: {client-secret: hunter2}", "x.client-secret"),
        ("x: {password: 12345678}", "x.password"),
        ("webSearch: {serperApiKey: hunter2}", "webSearch.serperApiKey"),
        ("mcpServers: {a: {apiKey: {source: admin, key: hunter2}}}", "mcpServers.a.apiKey.key"),
        ("mcpServers: {a: {headers: {Authorization: Bearer hunter2}}}", "mcpServers.a.headers.Authorization"),
        ("x: {headers: {Ocp-Apim-Subscription-Key: hunter2}}", "x.headers.Ocp-Apim-Subscription-Key"),
        ("mcpServers: {a: {env: {OPENAI_KEY: hunter2}}}", "mcpServers.a.env.OPENAI_KEY"),
        ("x: {args: [--api-key, hunter2]}", "x.args[1]"),
        ("x: {args: [--token=hunter2]}", "x.args[0]"),
        ("x: &k hunter2\ny: {apiKey: *k}", "x"),
        ("x: {apiKey: ['hunter2']}", "x.apiKey[0]"),
        ("x:\n  apiKey: |\n    hunter2\n    hunter2\n", "x.apiKey"),
    ],
)
def test_a_key_that_is_named_like_a_secret_must_not_have_a_value_of_its_own(text: str, place: str) -> None:
    assert set(places(text)) == {place}
    assert "hunter2" not in app_config.mask(text)


@pytest.mark.parametrize(
    "value",
    [
        "sk-proj-4f3a9b8c7d6e5f4a3b2c",
        "sk-ant-api03-abcdefgh1234",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "xoxb-123456789012-abcdefghijkl",
        "AIzaSyA-1234567890abcdefghijklmnopqrstu",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "https://bob:geheim@example.com/x",
        "postgres://bob:geheim@db.example:5432/x",
        "gsk_abcdefghijklmnop1234",
    ],
)
@pytest.mark.parametrize("form", ["note: {}", "note: 'see {} there'", "# {}", "note: |\n  {}\n", "? {}\n: 1"])
def test_a_well_known_kind_of_secret_is_found_wherever_it_stands(value: str, form: str) -> None:
    text = form.format(value)
    (place,) = places(text)
    assert place in ("note", "line-1")
    assert value not in place
    assert value not in app_config.mask(text)


def test_a_private_key_is_hidden_from_its_first_line_to_its_last() -> None:
    text = (
        "note: |\n"
        "  -----BEGIN RSA PRIVATE KEY-----\n"
        "  MIIEpAIBAAKCAQEA\n"
        "  -----END RSA PRIVATE KEY-----\n"
        "  after\n"
        "cache: true\n"
    )
    assert places(text) == {"note": "looks like a private key"}
    assert app_config.mask(text) == "note: |\n  •••\n  •••\n  •••\n  after\ncache: true\n"
    assert "MIIE" not in app_config.mask("# -----BEGIN PRIVATE KEY-----\n# MIIEvQ\n")


@pytest.mark.parametrize(
    "text",
    [
        "apiKey: ${OPENAI_API_KEY}",
        "apiKey: '${OPENAI_API_KEY}'",
        "apiKey: user_provided",
        "apiKey: ''",
        "apiKey:",
        "headers: {Authorization: 'Bearer ${TOKEN}'}",
        "headers: {X-Auth-Token: '{{LIBRECHAT_OPENID_TOKEN}}'}",
        "headers: {X-User-Id: '{{LIBRECHAT_USER_ID}}'}",
        "args: [--token, '${TOKEN}', '--token=${TOKEN}']",
        "url: https://bob:${PASSWORD}@example.com/",
        "memory: {tokenLimit: 2000}",
        "modelSpecs: {list: [{preset: {maxContextTokens: 8000}}]}",
        "endpoints: {custom: [{customParams: {paramDefinitions: [{key: temperature, default: 1}]}}]}",
        "mcpServers: {a: {customUserVars: {API_KEY: {title: Your key, description: Where to get it}}}}",
        "mcpServers: {a: {oauth: {token_url: 'https://a.example/token', client_secret: '${SECRET}'}}}",
        "turnstile: {siteKey: 1x00000000000000000000AA}",
        "interface: {customWelcome: 'Ask at http://host:8080/a@b or task-management-system-2000-x'}",
        "# apiKey: your-api-key",
        "# apiKey: ${OPENAI_API_KEY}",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert places(text) == {}


def test_a_commented_out_secret_is_found_by_its_looks_and_an_example_only_hidden() -> None:
    assert places("# apiKey: 9f8e7d6c5b4a39281706\n") == {"line-1": "is a secret in a comment"}
    example = "cache: true # password: hunter2 in the wiki\n"
    assert places(example) == {}
    assert app_config.mask(example) == "cache: true # password: ••• in the wiki\n"


def test_values_over_several_lines_are_hidden_line_for_line() -> None:
    text = "apiKey: >-\n  hunter2\n\n  hunter3\ncache: true\n"
    assert app_config.mask(text) == "apiKey: •••\n  •••\n\n  •••\ncache: true\n"


def test_what_is_not_yaml_is_hidden_whole() -> None:
    assert app_config.mask("apiKey: hunter2: [\n  x\n") == "•••\n  •••\n"


def test_a_refusal_names_line_and_key_and_the_way_out_but_never_the_value() -> None:
    text = "version: 1.2.8\nocr:\n  apiKey: hunter2\n"
    config = app_config.prepare(text, DOMAIN, replaced_domain="old.example")
    with pytest.raises(DeployError) as refused:
        config.require_no_secrets()
    assert refused.value.why == "line 3: ocr.apiKey has a value of its own"
    assert "--allow-secret 'ocr.apiKey'" in refused.value.next_step
    assert refused.value.status is ExitStatus.PREFLIGHT_FAILED
    assert "hunter2" not in str(refused.value)
    config.require_no_secrets(allowed=["ocr.apiKey"])


def test_a_key_that_is_itself_a_secret_is_not_shown_in_the_place_of_what_is_below_it() -> None:
    found = places("sk-proj-4f3a9b8c7d6e5f4a3b2c: {apiKey: hunter2}")
    assert set(found) == {"line-1", "•••.apiKey"}
