"""Credentials and quotas, from what AWS answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ProfileNotFound

from scripts.preflight import caller, quotas
from scripts.preflight.model import Check, Status
from scripts.preflight.runner import run
from scripts.settings import Settings


class Sts:
    """An account that answers one question."""

    def __init__(self, answer: Callable[[], str]) -> None:
        self._answer = answer

    def client(self, service: str, region: str | None = None) -> Sts:
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self._answer(), "Arn": "arn:aws:iam::1:user/ann"}


def asked(settings: Settings, answer: Callable[[], str]) -> Check:
    return run(list(caller.probes(settings, Sts(answer)))).checks[0]  # type: ignore[arg-type]


def test_the_right_account_is_named_with_the_caller(default_settings: Settings) -> None:
    check = asked(default_settings, lambda: "515966504419")
    assert (check.status, check.found) == (Status.OK, "515966504419 as arn:aws:iam::1:user/ann")


def test_credentials_of_another_account_are_refused(default_settings: Settings) -> None:
    check = asked(default_settings, lambda: "000000000000")
    assert check.status is Status.FAILED
    assert "000000000000" in check.found and "515966504419" in check.found


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (NoCredentialsError(), "Sign in"),
        (ClientError({"Error": {"Code": "ExpiredToken"}}, "GetCallerIdentity"), "Sign in"),
        (EndpointConnectionError(endpoint_url="https://sts"), "network"),
        (ProfileNotFound(profile="sandbox"), "~/.aws/config"),
    ],
)
def test_missing_credentials_and_a_missing_network_are_told_apart(
    default_settings: Settings, error: Exception, remedy: str
) -> None:
    def refuse() -> str:
        raise error

    check = asked(default_settings, refuse)
    assert check.status is Status.FAILED and remedy in check.remedy


# --- Quotas ---------------------------------------------------------------------------------------


def test_room_for_one_more_is_fine_and_none_is_a_warning() -> None:
    assert quotas.headroom(499, 500, raised="ask").status is Status.OK
    full = quotas.headroom(500, 500, raised="ask")
    assert (full.status, full.remedy) == (Status.WARNING, "ask")
