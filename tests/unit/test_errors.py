"""The error that a user is meant to read."""

from __future__ import annotations

from scripts.errors import DeployError, ExitStatus


def test_an_error_says_what_failed_why_and_what_to_do_next() -> None:
    error = DeployError("It failed", "The cause.", "Do this.", evidence="line 1")
    assert str(error) == "It failed\nWhy: The cause.\nNext: Do this.\nline 1"


def test_an_error_leaves_out_what_it_does_not_know() -> None:
    assert str(DeployError("It failed")) == "It failed"


def test_an_error_ends_the_run_as_failed_unless_it_says_otherwise() -> None:
    assert DeployError("x").status is ExitStatus.FAILED
    assert DeployError("x", status=ExitStatus.LOCKED).status == 5


def test_the_exit_statuses_are_the_documented_numbers() -> None:
    documented = {
        "OK": 0,
        "FAILED": 1,
        "CHANGES_PENDING": 2,
        "PREFLIGHT_FAILED": 3,
        "SMOKE_FAILED": 4,
        "LOCKED": 5,
        "INTERRUPTED": 130,
    }
    assert {status.name: int(status) for status in ExitStatus} == documented
