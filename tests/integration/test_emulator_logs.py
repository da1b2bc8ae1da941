"""The function's log in the embedded CloudWatch Logs, read as `inv logs` reads it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scripts import logs
from scripts.errors import DeployError
from tests.integration.conftest import Emulator

pytestmark = pytest.mark.integration

REQUEST = "40460b8a-d613-4c6e-b48b-86bce7a18158"


@pytest.fixture
def group(emulator: Emulator) -> Iterator[str]:
    name = f"/aws/lambda/test-{secrets.token_hex(4)}"
    client = emulator.aws.client("logs")
    client.create_log_group(logGroupName=name)
    for stream in ("one", "two"):
        client.create_log_stream(logGroupName=name, logStreamName=stream)
    yield name
    client.delete_log_group(logGroupName=name)


def put(emulator: Emulator, group: str, *messages: str, stream: str = "one", at: int | None = None) -> None:
    now = int(time.time() * 1000) if at is None else at
    events: list[dict[str, Any]] = [{"timestamp": now, "message": message} for message in messages]
    emulator.aws.client("logs").put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def messages(emulator: Emulator, group: str, pattern: str = "") -> list[str]:
    begin = datetime.now(UTC) - timedelta(minutes=5)
    return [event.message for event in logs.read(emulator.aws, group, since=begin, pattern=pattern)]


def test_a_filter_on_a_field_finds_only_what_has_it(emulator: Emulator, group: str) -> None:
    failed, fine = (json.dumps({"level": level, "msg": "request"}) for level in ("error", "info"))
    put(emulator, group, failed, fine, "plain words")
    assert messages(emulator, group, '{ $.level = "error" }') == [failed]
    assert messages(emulator, group, "words") == ["plain words"]


def test_a_pattern_that_is_none_is_refused_and_explained(emulator: Emulator, group: str) -> None:
    with pytest.raises(DeployError, match="does not understand the filter"):
        messages(emulator, group, "{ $.level = ")


def test_a_group_that_is_not_there_is_named(emulator: Emulator) -> None:
    with pytest.raises(DeployError, match="There is no log group /nowhere"):
        messages(emulator, "/nowhere")


def test_pages_lose_and_repeat_nothing_also_within_a_millisecond(emulator: Emulator, group: str) -> None:
    now = int(time.time() * 1000)
    put(emulator, group, *(f"a{n}" for n in range(5)), at=now)
    put(emulator, group, *(f"b{n}" for n in range(5)), at=now, stream="two")
    put(emulator, group, "c", at=now + 1)
    pages = emulator.aws.client("logs").get_paginator("filter_log_events")
    found = [e["message"] for page in pages.paginate(logGroupName=group, limit=3) for e in page["events"]]
    assert sorted(found) == sorted([f"{letter}{n}" for letter in "ab" for n in range(5)] + ["c"])


def test_following_shows_what_is_written_while_it_runs(emulator: Emulator, group: str) -> None:
    """The pause between two looks is where the function writes."""
    written = iter([("early",), ("late",), ("last",)])
    begin = datetime.now(UTC) - timedelta(minutes=1)

    def pause(seconds: float) -> None:
        for message in next(written):
            put(emulator, group, message)

    found = []
    for event in logs.follow(
        lambda moment: logs.read(emulator.aws, group, since=moment), since=begin, pause=pause
    ):
        found.append(event.message)
        if event.message == "last":
            break
    assert found == ["early", "late", "last"]


def test_a_request_is_shown_whole_and_without_the_neighbours(emulator: Emulator, group: str) -> None:
    now = int(time.time() * 1000)
    for offset, message in enumerate(
        ("before", f"START RequestId: {REQUEST}", "said", f"END RequestId: {REQUEST}")
    ):
        put(emulator, group, message, at=now + 10 * offset)
    put(emulator, group, "another environment", at=now + 20, stream="two")
    begin = datetime.now(UTC) - timedelta(minutes=5)
    found = logs.of_request(emulator.aws, group, REQUEST, since=begin)
    assert [event.message for event in found] == [
        f"START RequestId: {REQUEST}",
        "said",
        f"END RequestId: {REQUEST}",
    ]
