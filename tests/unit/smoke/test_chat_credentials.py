"""The password of the test user comes from where the settings say, and shows nowhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from scripts.aws import Aws
from scripts.errors import DeployError, ExitStatus
from scripts.settings import PROJECT_ROOT, Settings
from scripts.smoke.chat.credentials import STAND_IN, read, resolve, why_not_sent_to
from tests.unit.smoke.server import CHAT

PASSWORD = "marked-password-1d0e"


class Parameters(Aws):
    """An account with one parameter."""

    def client(self, service: str, region: str | None = None) -> Any:
        return self

    def get_parameter(self, Name: str, WithDecryption: bool) -> dict[str, Any]:
        assert WithDecryption
        if Name != "/smoke/password":
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": "no"}}, "GetParameter")
        return {"Parameter": {"Value": PASSWORD}}


@pytest.fixture
def account() -> Aws:
    return Parameters(region="eu-west-1")


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_PW", PASSWORD)
    assert read("env:CHAT_PW", None).value == PASSWORD


def test_from_a_file_without_its_last_line_feed(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    assert read(f"file:{tmp_path}/password", None).value == PASSWORD


def test_from_a_parameter(account: Aws) -> None:
    assert read("ssm:/smoke/password", account).value == PASSWORD


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("env:NOBODY_SETS_THIS", "The environment variable NOBODY_SETS_THIS is not set."),
        ("file:/nowhere/password", "The file /nowhere/password cannot be read: No such file"),
        ("ssm:/other", "The parameter /other cannot be read: ParameterNotFound."),
    ],
)
def test_a_password_that_is_not_there_is_explained(reference: str, why: str, account: Aws) -> None:
    with pytest.raises(DeployError) as raised:
        read(reference, account)
    assert raised.value.why.startswith(why)
    assert raised.value.status is ExitStatus.PREFLIGHT_FAILED


def test_with_an_address_alone_there_is_no_parameter() -> None:
    with pytest.raises(DeployError) as raised:
        read("ssm:/smoke/password", None)
    assert "with --base-url none is known" in raised.value.why


def test_without_a_user_no_password_is_looked_for() -> None:
    assert resolve(replace(CHAT, user=""), None) is None


def test_a_password_shows_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_PW", PASSWORD)
    found = resolve(replace(CHAT, user="a@example.org", password_from="env:CHAT_PW"), None)
    assert found is not None and found.password.value == PASSWORD
    assert PASSWORD not in f"{found!r} {found} {found.password!r}"
    assert STAND_IN.password.value not in repr(STAND_IN)


def test_a_password_where_its_place_belongs_is_refused_and_not_shown() -> None:
    config = yaml.safe_load((PROJECT_ROOT / "invoke.yaml").read_text())
    config["smoke"]["chat"]["password_from"] = PASSWORD
    with pytest.raises(DeployError) as raised:
        Settings.load(config)
    assert PASSWORD not in str(raised.value)
    assert "where the password is, not the password" in str(raised.value)


@pytest.mark.parametrize(
    ("url", "host", "ours"),
    [
        ("https://chat.example.com", "chat.example.com", False),
        ("https://chat.example.com:8443", "Chat.Example.com", False),
        ("https://chat.example.com", "", True),
        ("http://localhost:8080", "", False),
        ("http://127.0.0.1:8080", "", False),
        ("http://[::1]:8080", "", False),
    ],
)
def test_a_password_goes_to_the_users_own_host_and_to_this_machine(url: str, host: str, ours: bool) -> None:
    assert why_not_sent_to(url, host=host, ours=ours) == ""


@pytest.mark.parametrize(
    ("url", "host", "ours", "why"),
    [
        ("http://chat.example.com", "chat.example.com", True, "plain HTTP"),
        ("https://chat.example.com", "", False, "INVOKE_SMOKE_CHAT_HOST=chat.example.com"),
        ("https://chat.example.org", "chat.example.com", False, "smoke.chat.host is chat.example.com"),
        ("https://localhost.example.org", "", False, "smoke.chat.host is not set"),
    ],
)
def test_a_password_goes_nowhere_else(url: str, host: str, ours: bool, why: str) -> None:
    assert why in why_not_sent_to(url, host=host, ours=ours)
