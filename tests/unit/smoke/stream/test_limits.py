from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.smoke.deployed import Deployed
from scripts.smoke.stream.limits import fitting, limits_of
from scripts.smoke.stream.recording import Recording, Stall
from tests.unit.smoke.stream.made import recording

DEPLOYED = Deployed(
    endpoint_type="REGIONAL", origin_read_timeout=60, integration_timeout=890, function_timeout=120
)


def silent(seconds: float, *, stalls: list[Stall] | None = None) -> Recording:
    """Two events, and then nothing for so long."""
    return recording([0.1, 0.2], done=False, end=0.2 + seconds, fault="broke", stalls=stalls or [])


def flowing(seconds: float, *, headers_at: float = 0.1) -> Recording:
    """Events until the cut."""
    times = [headers_at + i * 0.5 for i in range(int((seconds - headers_at) * 2))]
    return recording(times, done=False, end=seconds, fault="broke", headers_at=headers_at)


def causes(taken: Recording, deployed: Deployed | None = DEPLOYED, *, clock: float = 1.0) -> list[str]:
    return [limit.cause for limit in fitting(taken, limits_of(deployed, clock=clock))]


@pytest.mark.parametrize(
    ("taken", "deployed", "cause"),
    [
        (silent(60.1), DEPLOYED, "cut_origin_response"),
        (silent(300.5), DEPLOYED, "cut_gateway_idle"),
        (silent(30.2), replace(DEPLOYED, endpoint_type="EDGE"), "cut_gateway_idle"),
        (flowing(890.3), DEPLOYED, "cut_integration"),
        (flowing(120.3), DEPLOYED, "cut_function"),
        (flowing(45.3), replace(DEPLOYED, origin_completion_timeout=45), "cut_origin_completion"),
    ],
)
def test_each_timeout_is_known_by_its_clock(taken: Recording, deployed: Deployed, cause: str) -> None:
    assert causes(taken, deployed) == [cause]


@pytest.mark.parametrize("taken", [silent(45), flowing(60.1), flowing(300.2), silent(0.1)])
def test_a_cut_at_no_timeout_is_none_of_them(taken: Recording) -> None:
    assert causes(taken) == []


def test_the_handler_ends_a_response_a_little_before_the_functions_timeout() -> None:
    assert causes(flowing(118.1)) == ["cut_function"]
    assert causes(flowing(110)) == []


def test_the_invocation_began_between_our_request_and_the_headers() -> None:
    assert causes(flowing(128, headers_at=9)) == ["cut_function"]
    assert causes(flowing(128, headers_at=0.1)) == []


def test_what_a_stall_of_ours_hid_widens_the_window() -> None:
    assert causes(silent(75)) == []
    assert causes(silent(75, stalls=[Stall(0.19, 8)])) == ["cut_origin_response"]


def test_where_two_timeouts_fit_the_nearest_comes_first() -> None:
    both = replace(DEPLOYED, function_timeout=61)
    assert causes(silent(60.4), both) == ["cut_function", "cut_origin_response"]


def test_a_timeout_that_is_known_comes_before_a_default_that_is_nearer() -> None:
    # 29 s is the default of the integration, 30 s what the account says of CloudFront.
    assert causes(silent(29.1), Deployed(origin_read_timeout=30)) == [
        "cut_origin_response",
        "cut_integration",
    ]


@pytest.mark.parametrize("deployed", [None, Deployed()])
def test_aws_defaults_stand_for_what_is_not_known_and_say_so(deployed: Deployed | None) -> None:
    found = fitting(silent(30.1), limits_of(deployed))
    assert "cut_origin_response" in [limit.cause for limit in found]
    assert all("AWS's default: what is deployed is not known" in str(limit) for limit in found)
    assert str(limits_of(DEPLOYED)[0]) == "CloudFront's origin response timeout (60 s)"


def test_a_rehearsal_runs_its_timeouts_faster() -> None:
    assert causes(silent(6.1), clock=10) == ["cut_origin_response"]
