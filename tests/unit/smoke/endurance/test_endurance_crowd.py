"""How large a crowd is, and what becomes of each stream in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import httpx
import pytest
from botocore.stub import Stubber

from scripts.aws import Aws
from scripts.smoke.deployed import Deployed
from scripts.smoke.endurance import rehearsal
from scripts.smoke.endurance.concurrency import room_on_aws
from scripts.smoke.endurance.crowd import judged
from scripts.smoke.endurance.diagnostic import DiagnosticStream
from scripts.smoke.endurance.rehearsal import room_for
from scripts.smoke.model import NotCheckedError
from scripts.smoke.stream.causes import Cause
from tests.unit.smoke.endurance.made import events, recording, whole

STREAM = DiagnosticStream(chunks=8, interval=0.5, name="s1")


def name_of(trouble: Cause | None) -> str:
    return trouble.name if trouble else ""


def machine(monkeypatch: pytest.MonkeyPatch, *, cores: int, memory: int | None) -> None:
    monkeypatch.setattr(rehearsal.os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr(rehearsal.resources, "available_memory", lambda: memory)


def test_a_machine_with_room_serves_as_many_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, cores=16, memory=64_000_000_000)
    assert room_for(20) == (20, "")


@pytest.mark.parametrize(
    ("cores", "memory", "most", "why"),
    [
        (2, 64_000_000_000, 8, "2 cores"),
        (16, 3_000_000_000, 6, "3.0 GB of memory free"),
        (16, 200_000_000, 2, "0.2 GB of memory free"),
        (16, None, 20, "20 environments at most"),
    ],
)
def test_a_machine_without_room_serves_fewer_and_says_why(
    monkeypatch: pytest.MonkeyPatch, cores: int, memory: int | None, most: int, why: str
) -> None:
    machine(monkeypatch, cores=cores, memory=memory)
    count, reason = room_for(50)
    assert count == most
    assert why in reason


def test_a_stream_that_came_as_it_was_sent_is_fine() -> None:
    assert judged(STREAM, whole(STREAM)) is None


def test_a_stream_that_waited_for_a_cold_start_is_fine() -> None:
    assert judged(STREAM, whole(STREAM, delay=8.0)) is None


def test_a_stream_that_was_buffered_is_not() -> None:
    late = recording(list(events(STREAM, [n / 2 for n in range(8)])), [4.0] * 9)
    assert name_of(judged(STREAM, late)) == "buffered_whole"


def refused(status: int, body: str, **headers: str) -> Cause:
    told = (("content-type", "application/json"), *((k.replace("_", "-"), v) for k, v in headers.items()))
    trouble = judged(STREAM, replace(recording([], [], status=status, headers=told), head=body.encode()))
    assert trouble is not None
    return trouble


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (429, '{"message":"Too Many Requests"}', {}),
        (503, '{"message":"busy"}', {"x_amzn_errortype": "TooManyRequestsException"}),
        (500, '{"message":"Internal server error"}', {}),
    ],
    ids=["too many requests", "Lambda's own word", "API Gateway's word for a refused invocation"],
)
def test_a_stream_that_was_throttled_points_at_the_concurrency(
    status: int, body: str, headers: dict[str, str]
) -> None:
    trouble = refused(status, body, **headers)
    assert trouble.name == "throttled" and str(status) in trouble.sentence
    assert "Concurrent executions" in trouble.next_step


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, '{"error":"LibreChat could not be started","phase":"app"}'),
        (504, '{"message":"Endpoint request timed out"}'),
        (502, '{"message":"Internal server error"}'),
        (500, '{"error":"Internal error"}'),
    ],
    ids=["failed start", "integration timeout", "a function that crashed", "a fault of the handler"],
)
def test_a_stream_that_failed_otherwise_does_not(status: int, body: str) -> None:
    trouble = refused(status, body)
    assert trouble.name == "refused"
    assert "Concurrent" not in trouble.text and "throttle" not in trouble.text


def test_a_stream_that_was_cut_is_told_with_the_timeouts_that_are_deployed() -> None:
    cut = replace(whole(STREAM), arrivals=whole(STREAM).arrivals[:5], fault="broken", ended_at=7.0)
    cut = replace(cut, reads=cut.reads[:5])
    deployed = Deployed(
        origin_read_timeout=60, integration_timeout=7, function_timeout=900, endpoint_type="REGIONAL"
    )
    assert name_of(judged(STREAM, cut, deployed)) == "cut_integration"


# On AWS the others who use the account have the larger share.


class Lambda(Aws):
    """Lambda's answers about concurrency."""

    def __init__(self, *, left: int = 1000, reserved: int | None = None, denied: bool = False) -> None:
        super().__init__(region="eu-west-1")
        self.service = boto3.client(
            "lambda", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        stub = Stubber(self.service)
        share = {} if reserved is None else {"ReservedConcurrentExecutions": reserved}
        stub.add_response("get_function_concurrency", share, {"FunctionName": "api"})
        if denied:
            stub.add_client_error("get_account_settings", "AccessDeniedException", http_status_code=403)
        elif reserved is None:
            limit = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": left}
            stub.add_response("get_account_settings", {"AccountLimit": limit})
        stub.activate()

    def client(self, service: str, region: str | None = None) -> Any:
        assert service == "lambda"
        return self.service


def test_an_account_with_room_serves_as_many_as_asked_for() -> None:
    assert room_on_aws(Lambda(left=200), "api", 50) == (50, "")


@pytest.mark.parametrize(
    ("aws", "most", "why"),
    [
        (Lambda(left=100), 25, "the functions of the account share 100 environments"),
        (Lambda(left=100, reserved=20), 5, "20 environments are reserved for the function"),
        (Lambda(denied=True), 2, "not known (AccessDeniedException)"),
        (None, 2, "not known (only the address is)"),
    ],
)
def test_a_crowd_takes_a_quarter_of_the_account_at_most_and_says_so(
    aws: Aws | None, most: int, why: str
) -> None:
    count, reason = room_on_aws(aws, "api", 50)
    assert count == most
    assert why in reason and "a quarter" in reason


def test_where_even_two_would_take_more_there_is_no_crowd() -> None:
    with pytest.raises(NotCheckedError, match="7 environments are reserved for the function"):
        room_on_aws(Lambda(reserved=7), "api", 50)


def test_a_stream_with_the_events_of_another_is_mixed_up() -> None:
    other = DiagnosticStream(chunks=8, interval=0.5, name="s2")
    trouble = judged(STREAM, whole(other))
    assert trouble is not None and trouble.name == "mixed_up"
    assert "s2 in s1" in trouble.sentence


def test_no_answer_is_said_and_a_fault_of_ours_is_not_hidden() -> None:
    assert name_of(judged(STREAM, httpx.ReadTimeout("slow"))) == "no_answer"
    with pytest.raises(ZeroDivisionError):
        judged(STREAM, ZeroDivisionError())
