"""Checks run side by side, and none of them can hold up the run."""

from __future__ import annotations

import threading

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from scripts.errors import DeployError
from scripts.preflight.model import Finding, Status, failed, not_checked, ok
from scripts.preflight.runner import Probe, explained, run


def probe(name: str, finding: Finding, *needs: str) -> Probe:
    return Probe("group", name, lambda: finding, needs)


def refused(code: str, status: int = 400) -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": "as AWS says it"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "DescribeVpcs")  # type: ignore[arg-type]


def test_checks_are_reported_in_their_order_whatever_ends_first() -> None:
    report = run([probe("a", ok("1"), "b"), probe("b", ok("2"))])
    assert [(check.name, check.found) for check in report.checks] == [("a", "1"), ("b", "2")]


def test_independent_checks_run_side_by_side() -> None:
    together = threading.Barrier(3)

    def look() -> Finding:
        together.wait(30)  # breaks unless all three are in it at once
        return ok("met")

    report = run([Probe("group", str(number), look) for number in range(3)], patience=60)
    assert {check.found for check in report.checks} == {"met"}


def test_a_check_that_hangs_is_not_checked_and_the_others_are() -> None:
    never = threading.Event()

    def hang() -> Finding:
        never.wait(30)
        return ok("too late")

    report = run([Probe("group", "hangs", hang), probe("other", ok("found"))], patience=0.2)
    never.set()
    hangs, other = report.checks
    assert hangs.status is Status.NOT_CHECKED and hangs.found.startswith("no answer within")
    assert other.found == "found"
    assert report.ok


def test_a_vital_check_that_hangs_has_failed() -> None:
    never = threading.Event()

    def hang() -> Finding:
        never.wait(30)
        return ok("too late")

    report = run([Probe("group", "hangs", hang, vital=True)], patience=0.2)
    never.set()
    assert not report.ok and "network" in report.checks[0].remedy


@pytest.mark.parametrize(
    ("finding", "fate"),
    [(failed("gone", "make it"), "failed"), (not_checked("unknown"), "was not checked")],
)
def test_what_needs_a_check_that_did_not_pass_is_not_looked_at(finding: Finding, fate: str) -> None:
    looked = []

    def look() -> Finding:
        looked.append(True)
        return ok("")

    report = run(
        [probe("VPC", finding), Probe("group", "subnets", look, ("VPC",)), probe("x", ok(""), "subnets")]
    )
    assert not looked
    assert report.checks[1].status is Status.NOT_CHECKED
    assert report.checks[1].found == f"needs VPC, which {fate}"
    assert report.checks[2].found == "needs subnets, which was not checked"


def test_a_warning_keeps_nobody_from_looking() -> None:
    report = run([probe("a", Finding(Status.WARNING, "soon", "act")), probe("b", ok("looked"), "a")])
    assert report.checks[1].found == "looked"


def test_a_need_that_is_not_part_of_the_run_was_met_before() -> None:
    assert run([probe("VPC", ok("there"), "account")]).checks[0].found == "there"


def test_checks_that_wait_for_each_other_are_a_mistake_and_not_an_endless_run() -> None:
    with pytest.raises(ValueError, match="wait for each other"):
        run([probe("a", ok(""), "b"), probe("b", ok(""), "a")])


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (refused("InvalidVpcID.NotFound"), Status.FAILED, "as AWS says it"),
        (refused("AccessDenied", 403), Status.NOT_CHECKED, "may not call DescribeVpcs"),
        (refused("UnauthorizedOperation", 403), Status.NOT_CHECKED, "may not call DescribeVpcs"),
        (refused("ThrottlingException"), Status.NOT_CHECKED, "could not answer"),
        (refused("InternalError", 500), Status.NOT_CHECKED, "could not answer"),
        (EndpointConnectionError(endpoint_url="https://ec2"), Status.NOT_CHECKED, "not reached"),
        (ConnectionResetError("reset"), Status.NOT_CHECKED, "not reached"),
        (DeployError("It is broken", "because", "mend it"), Status.FAILED, "It is broken: because"),
        (KeyError("x"), Status.NOT_CHECKED, "this look failed: KeyError"),
    ],
)
def test_an_error_is_about_the_thing_or_about_us(error: Exception, status: Status, says: str) -> None:
    finding = explained(error)
    assert finding.status is status
    assert says in finding.found


def test_what_a_look_raises_ends_only_that_look() -> None:
    def broken() -> Finding:
        raise refused("InvalidVpcID.NotFound")

    report = run([Probe("group", "VPC", broken), probe("other", ok("found"))])
    assert [check.status for check in report.checks] == [Status.FAILED, Status.OK]
