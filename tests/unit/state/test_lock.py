"""The lock, as a record or a refusal of Terraform describes it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scripts.errors import ExitStatus
from scripts.settings import Settings
from scripts.state.lock import Lock, locked, unlock_command

RECORD = {
    "ID": "cbea8233-f102",
    "Operation": "OperationTypeApply",
    "Info": "",
    "Who": "ann@build-7",
    "Version": "1.11.4",
    "Created": "2026-11-23T03:21:15.592178277Z",
    "Path": "bucket/key",
}

REFUSAL = """\
Error message: operation error S3: PutObject, 412 Precondition Failed
Lock Info:
  ID:        cbea8233-f102
  Path:      bucket/key
  Operation: OperationTypeApply
  Who:       ann@build-7
  Version:   1.11.4
  Created:   2026-11-23 03:21:15.592178277 +0000 UTC
  Info:

Terraform acquires a state lock to protect the state.
"""

SINCE = datetime(2026, 11, 23, 3, 21, 15, 592178, UTC)


def record(**more: str) -> Lock:
    lock = Lock.parse(json.dumps(RECORD | more).encode())
    assert lock is not None
    return lock


def test_a_record_and_a_refusal_say_the_same() -> None:
    refused = Lock.parse_refusal(REFUSAL)
    assert refused is not None
    for lock in (record(), refused):
        assert (lock.id, lock.user, lock.host) == ("cbea8233-f102", "ann", "build-7")
        assert lock.doing == "terraform apply"
        assert lock.since == SINCE


@pytest.mark.parametrize("content", [b"", b"not JSON", b"[]", b'"text"'])
def test_what_is_no_record_is_no_lock(content: bytes) -> None:
    assert Lock.parse(content) is None


def test_a_refusal_that_names_no_lock_is_no_lock() -> None:
    assert Lock.parse_refusal("Access Denied") is None


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(seconds=5), "5 s ago"),
        (timedelta(minutes=3, seconds=50), "3 min ago"),
        (timedelta(hours=2), "2 h ago"),
        (timedelta(days=3), "3 d ago"),
        (timedelta(seconds=-30), "0 s ago"),  # clocks of two machines differ
    ],
)
def test_the_age_is_said_as_a_person_would(passed: timedelta, said: str) -> None:
    assert record().age(SINCE + passed) == said


def test_it_says_who_where_what_and_since_when() -> None:
    said = record().described(SINCE + timedelta(minutes=3))
    assert said == (
        "ann on the host build-7, terraform apply, since 2026-11-23 03:21:15 UTC (3 min ago), "
        "lock ID cbea8233-f102"
    )


def test_a_record_that_says_little_is_described_all_the_same() -> None:
    said = record(Who="", Created="yesterday", Operation="").described()
    assert said == "somebody, terraform, since yesterday, lock ID cbea8233-f102"


def test_a_refused_run_names_the_holder_and_the_command_that_unlocks(default_settings: Settings) -> None:
    error = locked(record(), unlock_command(replace(default_settings, target="aws")))
    assert error.status is ExitStatus.LOCKED
    assert "ann on the host build-7" in error.why
    assert "inv unlock --target aws --id cbea8233-f102" in error.next_step
    assert error.facts["lock"] == {
        "id": "cbea8233-f102",
        "who": "ann@build-7",
        "user": "ann",
        "host": "build-7",
        "operation": "terraform apply",
        "since": "2026-11-23T03:21:15+00:00",
        "unlock": "inv unlock --target aws --id cbea8233-f102",
    }


def test_the_command_that_unlocks_is_for_the_same_environment(default_settings: Settings) -> None:
    other = replace(default_settings, environment="prod")
    assert unlock_command(other) == "INVOKE_ENVIRONMENT=prod inv unlock --target local"
