"""What smoke asks of the account: CloudFront's status and the function's log. Answers are checked by
botocore against the service's own model.
"""

from __future__ import annotations

import io
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from scripts.aws import Aws
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.smoke.distribution import wait_until_deployed
from scripts.smoke.logs import tail


class StubbedAws(Aws):
    """An account of one service whose answers are given beforehand."""

    def __init__(self, service: str) -> None:
        super().__init__(region="eu-west-1")
        self._only = boto3.client(
            service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.stub = Stubber(self._only)
        self.stub.activate()

    def client(self, service: str, region: str | None = None) -> Any:
        return self._only


def distribution(status: str, *, enabled: bool = True) -> dict[str, Any]:
    origin = {"Id": "o", "DomainName": "x.example"}
    behavior = {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only"}
    config = {
        "CallerReference": "r",
        "Comment": "",
        "Enabled": enabled,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behavior,
    }
    return {
        "Distribution": {
            "Id": "E1",
            "ARN": "arn:aws:cloudfront::1:distribution/E1",
            "Status": status,
            "LastModifiedTime": 0,
            "InProgressInvalidationBatches": 0,
            "DomainName": "d.cloudfront.net",
            "DistributionConfig": config,
        }
    }


def silent() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(stdout=out), out


def test_a_deployed_distribution_is_not_waited_for() -> None:
    aws, (console, out) = StubbedAws("cloudfront"), silent()
    aws.stub.add_response("get_distribution", distribution("Deployed"), {"Id": "E1"})
    wait_until_deployed(aws, "E1", console)
    assert out.getvalue() == ""


def test_a_distribution_in_progress_is_waited_for_and_said_once() -> None:
    aws, (console, out) = StubbedAws("cloudfront"), silent()
    for status in ("InProgress", "InProgress", "Deployed"):
        aws.stub.add_response("get_distribution", distribution(status))
    wait_until_deployed(aws, "E1", console, poll=0)
    assert out.getvalue().count("Waiting for CloudFront") == 1
    aws.stub.assert_no_pending_responses()


def test_a_distribution_that_is_never_deployed_ends_the_wait() -> None:
    aws, (console, _) = StubbedAws("cloudfront"), silent()
    aws.stub.add_response("get_distribution", distribution("InProgress"))
    with pytest.raises(DeployError, match="still InProgress") as raised:
        wait_until_deployed(aws, "E1", console, limit=0)
    assert raised.value.status is ExitStatus.SMOKE_FAILED


def test_a_disabled_distribution_is_named() -> None:
    aws, (console, _) = StubbedAws("cloudfront"), silent()
    aws.stub.add_response("get_distribution", distribution("Deployed", enabled=False))
    with pytest.raises(DeployError, match="E1 is disabled"):
        wait_until_deployed(aws, "E1", console)


def test_a_distribution_that_does_not_exist_is_named() -> None:
    aws, (console, _) = StubbedAws("cloudfront"), silent()
    aws.stub.add_client_error("get_distribution", "NoSuchDistribution")
    with pytest.raises(DeployError) as raised:
        wait_until_deployed(aws, "E1", console)
    assert raised.value.why == "NoSuchDistribution"


def event(milliseconds: int, message: str) -> dict[str, Any]:
    return {"eventId": str(milliseconds), "logStreamName": "s", "timestamp": milliseconds, "message": message}


def test_the_newest_lines_come_last_across_pages() -> None:
    aws = StubbedAws("logs")
    first = {"events": [event(0, "INIT_START\n"), event(1, "b")], "nextToken": "t"}
    aws.stub.add_response("filter_log_events", first, {"logGroupName": "/g", "startTime": 5000})
    aws.stub.add_response("filter_log_events", {"events": [event(61_002, "c\n")]})
    assert tail(aws, "/g", since=5, lines=2) == ("00:00:00.001 b", "00:01:01.002 c")


OURS, THEIRS = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def shown(*messages: str | tuple[str, str], own: str = OURS) -> list[str]:
    """What is shown of a log: lines of the stream ``s``, or of the one that is named first."""
    aws = StubbedAws("logs")
    lines = [("s", message) if isinstance(message, str) else message for message in messages]
    events = [event(n, text) | {"logStreamName": stream} for n, (stream, text) in enumerate(lines)]
    aws.stub.add_response("filter_log_events", {"events": events})
    return [line.partition(" ")[2] for line in tail(aws, "/g", since=0, requests={own})]


def test_lines_of_other_people_s_requests_are_not_shown() -> None:
    start = "START RequestId: {}"
    end = "END RequestId: {}"
    mine, theirs = "error: database is away", "info: [login] jane@example.com from 192.0.2.1"
    log = [
        ("old", theirs), ("old", end.format(THEIRS)),
        start.format(THEIRS), ("t", start.format(OURS)), theirs, ("t", mine), end.format(THEIRS),
        ("t", end.format(OURS)), theirs, ("t", theirs), ("cut", theirs),
    ]  # fmt: skip
    assert shown(*log) == [start.format(OURS), mine, end.format(OURS)]


def test_a_line_that_names_its_request_is_of_that_request() -> None:
    mine, theirs = (f'{{"level": "error", "msg": "x", "requestId": "{id}"}}' for id in (OURS, THEIRS))
    assert shown(theirs, mine, theirs) == [mine]


def test_an_answer_leads_to_its_lines_by_the_id_that_api_gateway_gave_it() -> None:
    """A viewer sees that id only; the handler's last line of a request holds both."""
    mine, done = (
        "info: serving",
        f'{{"msg": "request", "requestId": "{OURS}", "gatewayRequestId": "from-a-header"}}',
    )
    log = [f"START RequestId: {OURS}", mine, done, f"END RequestId: {OURS}"]
    assert shown(*log, f"START RequestId: {THEIRS}", "info: jane@example.com", own="from-a-header") == log


@pytest.mark.parametrize("begin", [[], ["INIT_START Runtime Version: nodejs"]], ids=["local", "aws"])
def test_a_start_that_failed_belongs_to_no_request_and_is_shown(begin: list[str]) -> None:
    log = [*begin, "error: no MONGO_URI", "INIT_REPORT Init Duration: 9 ms\tStatus: error"]
    assert shown(*log, f"START RequestId: {THEIRS}", "info: jane@example.com") == log


def test_that_lambda_ended_a_request_is_shown_whosever_it_was() -> None:
    said = f"2026-01-02T03:04:05.678Z {THEIRS} Task timed out after 900.00 seconds"
    assert shown(f"START RequestId: {THEIRS}", "info: jane@example.com", said) == [said]


def test_where_no_line_is_ours_that_is_said() -> None:
    [line] = shown(f"START RequestId: {THEIRS}", "info: jane@example.com")
    assert "is known to be of this run" in line


def test_an_empty_log_says_so() -> None:
    aws = StubbedAws("logs")
    aws.stub.add_response("filter_log_events", {"events": []})
    assert "no lines in /g" in tail(aws, "/g", since=0)[0]


def test_lines_that_cloudwatch_shows_late_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.smoke.logs._PAUSE_SECONDS", 0)
    aws = StubbedAws("logs")
    theirs, ours = event(0, f"START RequestId: {THEIRS}"), event(1, f"START RequestId: {OURS}")
    for shown_by_now in ([], [theirs], [theirs, ours]):
        aws.stub.add_response("filter_log_events", {"events": shown_by_now})
    [line] = tail(aws, "/g", since=0, requests={OURS}, patience=60)
    assert OURS in line


def test_a_log_that_cannot_be_read_never_hides_the_failure_it_was_read_for() -> None:
    aws = StubbedAws("logs")
    aws.stub.add_client_error("filter_log_events", "ResourceNotFoundException")
    assert tail(aws, "/g", since=0) == ("(the log group /g cannot be read: ResourceNotFoundException)",)
