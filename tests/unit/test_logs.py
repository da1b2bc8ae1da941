"""Reading the function's log."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from scripts import logs
from scripts.aws import Aws
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.pipeline.logs import Wanted
from scripts.pipeline.logs import logs as logs_command
from scripts.session import Session
from scripts.settings import Settings

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


class StubbedLogs(Aws):
    """An account whose CloudWatch Logs gives the answers of a list."""

    def __init__(self) -> None:
        super().__init__(region="eu-west-1")
        self._only = boto3.client("logs", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
        self.stub = Stubber(self._only)
        self.stub.activate()

    def client(self, service: str, region: str | None = None) -> Any:
        return self._only


def event(id: str, seconds: float = 0, message: str = "x", stream: str = "s") -> logs.Event:
    return logs.Event(id, int((NOW.timestamp() + seconds) * 1000), stream, message)


def raw(event: logs.Event) -> dict[str, Any]:
    return {
        "eventId": event.id,
        "timestamp": event.timestamp,
        "logStreamName": event.stream,
        "message": event.message,
    }


def shown(message: str) -> str:
    out = io.StringIO()
    Console(stdout=out).show(event("1", message=message))
    return out.getvalue()


# --- since ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ago"), [("90s", 90), ("10m", 600), ("2h", 7200), ("3d", 259200), (" 5m ", 300)]
)
def test_a_span_counts_back_from_now(text: str, ago: int) -> None:
    assert logs.since(text, NOW) == NOW - timedelta(seconds=ago)


def test_a_moment_with_a_zone_is_that_moment() -> None:
    assert logs.since("2026-01-02T12:00:00+01:00", NOW) == NOW - timedelta(hours=1)


def test_a_moment_without_a_zone_is_this_machines() -> None:
    local = datetime(2026, 1, 1, 8, 30)
    assert logs.since("2026-01-01T08:30", NOW) == local.astimezone(UTC)


@pytest.mark.parametrize("text", ["", "10", "10 minutes", "-5m", "yesterday", "2026-13-01", "2027-01-01"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(DeployError, match="not understood") as failure:
        logs.since(text, NOW)
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED
    assert "10m" in failure.value.next_step


# --- reading -------------------------------------------------------------------------------------------


def test_every_page_is_read_and_the_filter_is_passed_on_as_it_is() -> None:
    aws = StubbedLogs()
    asked = {"logGroupName": "/g", "startTime": int(NOW.timestamp() * 1000), "filterPattern": '{ $.a = "b" }'}
    aws.stub.add_response("filter_log_events", {"events": [raw(event("1"))], "nextToken": "t"}, asked)
    aws.stub.add_response("filter_log_events", {"events": []}, asked | {"nextToken": "t"})
    assert list(logs.read(aws, "/g", since=NOW, pattern='{ $.a = "b" }')) == [event("1")]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("ResourceNotFoundException", "There is no log group /g"),
        ("InvalidParameterException", "does not understand the filter {bad"),
        ("AccessDeniedException", "may not read the log group"),
    ],
)
def test_a_refusal_is_explained(code: str, says: str) -> None:
    aws = StubbedLogs()
    aws.stub.add_client_error("filter_log_events", code)
    with pytest.raises(DeployError, match=says):
        list(logs.read(aws, "/g", since=NOW, pattern="{bad"))


def test_the_newest_lines_are_the_last_ones_and_zero_means_all() -> None:
    events = [event(str(n)) for n in range(5)]
    assert logs.newest(iter(events), 2) == tuple(events[3:])
    assert logs.newest(iter(events), 0) == tuple(events)


def test_a_negative_number_of_lines_is_refused_before_anything_is_opened(default_settings: Settings) -> None:
    with pytest.raises(DeployError, match="--lines -1") as failure:
        logs_command(Session(default_settings, Console(stdout=io.StringIO())), Wanted(lines=-1))
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


# --- following -----------------------------------------------------------------------------------------


class Growing:
    """A log that has more at each look; `answers` are what each look finds."""

    def __init__(self, *answers: list[logs.Event]) -> None:
        self._answers = iter(answers)
        self.looks: list[datetime] = []
        self.pauses: list[float] = []

    def look(self, since: datetime) -> Iterator[logs.Event]:
        self.looks.append(since)
        return iter(next(self._answers))

    def followed(self, lines: int = 0) -> list[str]:
        """Ids in the order shown, until the answers end as Ctrl-C would end it."""
        found = []
        try:
            for one in logs.follow(self.look, since=NOW, lines=lines, pause=self.pauses.append):
                found.append(one.id)
        except RuntimeError:  # a generator turns the end of the answers into this
            return found
        raise AssertionError


def test_following_shows_each_event_once_although_its_looks_overlap() -> None:
    growing = Growing(
        [event("a"), event("b", 1)], [event("a"), event("b", 1), event("c", 2)], [event("c", 2)]
    )
    assert growing.followed() == ["a", "b", "c"]


def test_following_begins_with_the_newest_lines_and_shows_no_earlier_one_later() -> None:
    there = [event("a"), event("b", 1), event("c", 1), event("d", 2)]
    assert Growing(there, [*there, event("e", 3)]).followed(lines=2) == ["c", "d", "e"]


def test_an_event_that_arrives_after_a_later_one_is_shown_as_well() -> None:
    assert Growing([event("late one", 30)], [event("early one", 5), event("late one", 30)]).followed() == [
        "late one",
        "early one",
    ]


def test_a_look_goes_back_as_far_as_events_may_be_late_but_not_before_the_beginning() -> None:
    growing = Growing([event("a", 10)], [event("b", 500)], [])
    growing.followed()
    assert growing.looks[:2] == [NOW, NOW]
    assert growing.looks[2] == NOW + timedelta(seconds=500 - logs.OVERLAP_SECONDS)


def test_following_never_asks_faster_than_once_a_second() -> None:
    growing = Growing([], [], [])
    growing.followed()
    assert growing.pauses and min(growing.pauses) >= 1


# --- one request ---------------------------------------------------------------------------------------

REQUEST = "40460b8a-d613-4c6e-b48b-86bce7a18158"


def test_a_request_is_all_that_its_environment_logged_while_it_served_it() -> None:
    aws = StubbedLogs()
    start, end = event("1", 1, f"START RequestId: {REQUEST}"), event("3", 3, f"REPORT RequestId: {REQUEST}")
    aws.stub.add_response("filter_log_events", {"events": [raw(start), raw(end)]})
    asked = {
        "logGroupName": "/g",
        "startTime": start.timestamp,
        "endTime": end.timestamp,
        "logStreamNames": ["s"],
    }
    between = event("2", 2, "a line of LibreChat")
    aws.stub.add_response("filter_log_events", {"events": [raw(start), raw(between), raw(end)]}, asked)
    assert [e.id for e in logs.of_request(aws, "/g", REQUEST, since=NOW)] == ["1", "2", "3"]


def test_a_request_that_no_line_names_is_an_error_that_says_where_ids_are() -> None:
    aws = StubbedLogs()
    aws.stub.add_response("filter_log_events", {"events": []})
    with pytest.raises(DeployError, match="No line of the log names") as failure:
        logs.of_request(aws, "/g", REQUEST, since=NOW)
    assert "START" in failure.value.next_step


# --- showing -------------------------------------------------------------------------------------------


def test_a_line_of_the_handler_shows_level_request_text_and_fields() -> None:
    line = {
        "time": "…",
        "level": "error",
        "msg": "request",
        "requestId": REQUEST,
        "status": 502,
        "why": ["a"],
    }
    text = shown(json.dumps(line))
    assert 'ERROR 40460b8a request  status=502  why=["a"]' in text


def test_a_line_that_librechat_printed_shows_as_librechat_wrote_it() -> None:
    app = {"level": "info", "msg": "app", "line": "2026-01-02T12:00:00Z \x1b[31merror\x1b[39m: no database"}
    text = shown(json.dumps(app))
    assert "ERROR" in text and "no database" in text and "line=" not in text


def test_lines_of_the_service_name_their_request() -> None:
    assert logs.parse(f"START RequestId: {REQUEST} Version: $LATEST").request_id == REQUEST
    assert logs.parse(f"REPORT RequestId: {REQUEST}\tDuration: 1 ms").level == "lambda"
    assert logs.parse("RequestId: x Error: Runtime exited with error: signal: killed").level == "error"


@pytest.mark.parametrize("message", ["", "{", "{}", "[1]", '{"msg": null}', "plain words", "\n"])
def test_any_message_can_be_shown(message: str) -> None:
    assert shown(message).count("\n") == 1


def test_a_log_line_does_not_drive_the_terminal() -> None:
    text = shown("a\x1b]0;title\x07b\x1b[2Jc\x9bd\re")
    assert not set(text) & {"\x1b", "\x07", "\x9b", "\r"}


def test_further_lines_of_one_event_stand_below_its_first() -> None:
    assert shown("Error: x\n    at y").splitlines()[1] == "    at y"


def test_for_programs_an_event_is_raw() -> None:
    assert event("1", message="{x").to_json() == {
        "id": "1",
        "timestamp": int(NOW.timestamp() * 1000),
        "stream": "s",
        "message": "{x",
    }
