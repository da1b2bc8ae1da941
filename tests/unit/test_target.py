"""Which account a run speaks to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts.errors import DeployError, ExitStatus
from scripts.local.credentials import read_or_make
from scripts.settings import Settings
from scripts.target import aws_target, local_environment

ENDPOINT = "http://127.0.0.1:4566"


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def rehearsing(default_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shell after ``eval "$(inv local.env)"``."""
    credentials = read_or_make(tmp_path)
    for name, value in local_environment(default_settings, credentials, ENDPOINT).items():
        if value:
            monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("rehearsing")
@pytest.mark.parametrize("chosen", ["local", "aws"])
def test_a_shell_that_local_env_leads_to_the_rehearsal_is_never_taken_for_the_account(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    """The account check would pass there. By flag or by variable."""
    monkeypatch.setenv("INVOKE_TARGET", chosen)
    with pytest.raises(DeployError, match="embedded AWS") as failure:
        aws_target(default_settings)
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED
    assert ENDPOINT in failure.value.why
    assert "AWS_ENDPOINT_URL" in failure.value.next_step


@pytest.mark.usefixtures("rehearsing")
@pytest.mark.parametrize(
    "own",
    [
        {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "of-a-person"},
        {"AWS_ENDPOINT_URL": ""},
    ],
)
def test_credentials_or_an_endpoint_of_somebodys_own_are_used_as_they_are(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch, own: dict[str, str]
) -> None:
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    assert aws_target(default_settings).name == "aws"


def test_an_endpoint_of_a_company_is_used(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = "https://vpce-0a1b.s3.eu-west-1.vpce.amazonaws.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    client = aws_target(default_settings).aws.client("s3")
    assert client.meta.endpoint_url == endpoint
