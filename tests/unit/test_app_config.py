"""librechat.yaml: the domain replaced everywhere, and faults named without showing values."""

from __future__ import annotations

import pytest

from scripts import app_config
from scripts.errors import DeployError

DOMAIN = "lambda-test.sandbox.data.apro.is"
OLD_DOMAIN = "genai.sandbox.data.apro.is"


def test_every_occurrence_of_the_old_domain_is_replaced() -> None:
    text = (
        'version: "1.2.8"\n'
        "# served at genai.sandbox.data.apro.is\n"
        "interface:\n"
        "  termsOfService: https://genai.sandbox.data.apro.is/terms\n"
        "  privacyPolicy: https://GenAI.sandbox.data.apro.is/privacy\n"
    )

    config = app_config.prepare(text, DOMAIN, replaced_domain=OLD_DOMAIN)

    assert "genai.sandbox" not in config.text.lower()
    assert config.text.count(DOMAIN) == 3
    assert (config.version, config.replacements) == ("1.2.8", 3)


def test_a_name_that_only_looks_alike_is_left_alone() -> None:
    text = "genai-sandbox-data.apro.is and other.sandbox.data.apro.is"

    assert app_config.replace_domain(text, OLD_DOMAIN, DOMAIN) == (text, 0)


def test_a_domain_is_taken_literally_in_the_replacement() -> None:
    assert app_config.replace_domain("a.example", "a.example", r"\1.example")[0] == r"\1.example"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("- a\n- b\n", "not a mapping"),
        ("cache: true\n", "`version`"),
        ("version: 1.2\n", "`version`"),
        ("version: 1\ncache: [\n", "line 3, column 1"),
        ("version: \x00\n", "not YAML"),
    ],
)
def test_a_file_that_librechat_could_not_read_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(DeployError, match=r"librechat\.yaml is not valid") as failure:
        app_config.validate(text)

    assert reason in failure.value.why


def test_a_fault_is_named_without_the_secret_beside_it() -> None:
    with pytest.raises(DeployError) as failure:
        app_config.validate('version: "1.2.8"\napiKey: hunter2: [\n')

    assert "hunter2" not in str(failure.value)
