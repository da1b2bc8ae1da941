"""What the flags of `inv smoke` may say."""

from __future__ import annotations

import pytest

from scripts.errors import DeployError, ExitStatus
from scripts.pipeline.smoke_flags import Wanted, checked_url, interval


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("https://chat.example.com", "https://chat.example.com"),
        ("https://chat.example.com/", "https://chat.example.com"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("HTTPS://Chat.Example.com:8443", "https://chat.example.com:8443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_is_scheme_host_and_port(given: str, taken: str) -> None:
    assert checked_url(given) == taken


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("chat.example.com", "must begin with https:// or http://"),
        ("ftp://chat.example.com", "must begin with https:// or http://"),
        ("https://", "must begin with"),
        ("", "a variable that is not set?"),
        ("https://chat.example.com:99999", "out of range"),
        ("https://chat.example.com:port", "Port could not be cast"),
        ("https://[::1", "Invalid IPv6"),
        ("https://chat.example.com/app", "--base-url https://chat.example.com"),
        ("https://chat.example.com/?a=1", "Leave out what follows the host"),
        ("https://chat.example.com#x", "Leave out what follows the host"),
    ],
)
def test_anything_else_is_refused_with_what_is_meant(given: str, says: str) -> None:
    with pytest.raises(DeployError) as raised:
        checked_url(given)
    assert raised.value.status is ExitStatus.PREFLIGHT_FAILED
    assert says in str(raised.value)


@pytest.mark.parametrize(
    "given",
    [
        "https://me:s3cret@chat.example.com/",
        "ftp://me:s3cret@chat.example.com/",
        "me:s3cret@chat.example.com",
        "https://me:s3cret@chat.example.com:port",
        "https://me:s3/cret@chat.example.com",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(DeployError) as raised:
        checked_url(given)
    assert "s3" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "seconds"), [("", 0), ("60", 60), ("0.5", 0.5), ("45s", 45), ("5m", 300), ("1h", 3600)]
)
def test_an_interval_is_seconds_or_has_its_unit(given: str, seconds: float) -> None:
    assert interval(Wanted(watch=given)) == seconds


@pytest.mark.parametrize("given", ["0", "-5", "soon", "5 m", "1d", "1e3", "٣"])
def test_what_is_no_interval_is_refused(given: str) -> None:
    with pytest.raises(DeployError, match="is no interval") as raised:
        interval(Wanted(watch=given))
    assert raised.value.status is ExitStatus.PREFLIGHT_FAILED


@pytest.mark.parametrize(
    ("flags", "least"),
    [({}, 10), ({"chat": True}, 120), ({"long": True}, 900), ({"chat": True, "long": True}, 900)],
)
def test_another_machine_is_not_asked_too_often(flags: dict[str, bool], least: int) -> None:
    assert interval(Wanted(watch=f"{least}", **flags), remote=True) == least
    with pytest.raises(DeployError, match="too often") as raised:
        interval(Wanted(watch=f"{least - 1}", **flags), remote=True)
    assert raised.value.status is ExitStatus.PREFLIGHT_FAILED
    assert f"Give {least} or more" in raised.value.next_step
    assert interval(Wanted(watch="0.5", **flags)) == 0.5, "this machine is nobody else's"


def test_to_wait_for_a_failure_needs_a_watch() -> None:
    with pytest.raises(DeployError, match="--until-failed"):
        interval(Wanted(until_failed=True))
