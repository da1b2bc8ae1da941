"""Seeding, seen from the values: ids in, requests out (the embedded AWS itself: tests/integration)."""

from __future__ import annotations

import yaml

from scripts.local import seed


def test_the_configuration_is_of_the_schema_version_that_librechat_takes():
    config = yaml.safe_load(seed.librechat_config("chat.example"))
    assert config["version"] == "1.2.8"
    assert config["endpoints"]["custom"][0]["apiKey"] == "${LITELLM_API_KEY}"


def test_the_configuration_names_the_new_domain_and_never_the_replaced_one():
    text = seed.librechat_config("lambda-test.sandbox.data.apro.is")
    assert "https://lambda-test.sandbox.data.apro.is/privacy" in text
    assert "genai.sandbox.data.apro.is" not in text


def test_encryption_secrets_have_the_lengths_that_librechat_checks():
    assert len(bytes.fromhex(seed._secret("CREDS_KEY"))) == 32
    assert len(bytes.fromhex(seed._secret("CREDS_IV"))) == 16


def test_every_secret_is_random_but_the_database_address():
    assert seed._secret("JWT_SECRET") != seed._secret("JWT_SECRET")
    assert seed._secret("MONGO_URI") == "mongodb://127.77.0.7:27017/librechat"
