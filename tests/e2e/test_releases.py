"""Two releases, the way back, and a failed release that goes back by itself: on the shared deployment.

The second release comes from a second checkout, in which handler and client are edited.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from scripts.aws import Aws
from tests.e2e.checkout import Checkout, make_checkout
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

HANDLER, REQUESTS = "container/src/handler.mjs", "container/src/request.mjs"
PAGE, TITLE, NEW_TITLE = "scripts/local/app/client/index.html", "LibreChat stand-in<", "Second release<"


@pytest.fixture(scope="module")
def second(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Checkout]]:
    """The shared stack, deployed from another checkout; at the end it is the shipped tree's again."""
    checkout = make_checkout(tmp_path_factory.mktemp("second") / "checkout")
    yield dataclasses.replace(stack, checkout=checkout.root), checkout
    restored = stack.inv("deploy", "--json")
    assert restored.status == 0, restored.stdout[-3000:]


def live(stack: Stack) -> tuple[str, bool]:
    """Digest of the function's image, and whether the page is the second release's."""
    environment = stack.tool_environment()
    aws = Aws(region=environment["AWS_REGION"], environment=environment)
    function = stack.inv("outputs", "--json").last("outputs")["values"]["function_name"]
    uri: str = aws.client("lambda").get_function(FunctionName=function)["Code"]["ImageUri"]
    return uri.partition("@")[2], NEW_TITLE in httpx.get(stack.url).text


def listed(stack: Stack) -> list[dict[str, Any]]:
    releases: list[dict[str, Any]] = stack.inv("releases", "--json").last("releases")["releases"]
    return releases


def shown(stack: Stack, id: str) -> dict[str, Any]:
    record: dict[str, Any] = stack.inv("releases", "--show", id, "--json").last("release")["record"]
    return record


def test_every_deploy_that_changed_something_is_a_release(second: tuple[Stack, Checkout]) -> None:
    stack, checkout = second
    first = listed(stack)[0]
    assert first["live"]
    checkout.edit(HANDLER, "\nexport ", "\n// Second release\nexport ")
    checkout.edit(PAGE, TITLE, NEW_TITLE)

    deployed = stack.inv("deploy", "--json")

    assert deployed.status == 0, deployed.stdout[-3000:]
    newest, older = listed(stack)[:2]
    assert newest["id"] == deployed.last("recorded")["release"]
    assert (newest["live"], newest["can_roll_back"]) == (True, False)
    assert (older["id"], older["live"], older["can_roll_back"]) == (first["id"], False, True)
    assert (newest["image"] != older["image"], newest["client"] != older["client"]) == (True, True)
    record = shown(stack, newest["id"])
    assert record["image"]["digest"] == live(stack)[0]
    assert record["smoke"]["failed"] == 0
    assert record["versions"]["providers"]
    assert len(record["versions"]["modules"]) >= 5


def test_a_rollback_brings_back_image_and_page_without_building(second: tuple[Stack, Checkout]) -> None:
    stack, _ = second
    newest, older = listed(stack)[:2]

    back = stack.inv("rollback", "--json")

    assert back.status == 0, back.stdout[-3000:] + back.stderr
    assert back.last("smoke")["ok"]
    assert "targeting" not in back.stdout, "Terraform's warning about -target is not for our readers"
    assert not [event for event in back.events if event["type"] == "step" and "build" in event["name"]]
    assert live(stack) == (shown(stack, older["id"])["image"]["digest"], False)
    rollback = listed(stack)[0]
    assert (rollback["kind"], rollback["rollback_of"], rollback["live"]) == ("rollback", older["id"], True)
    assert "did not end" not in stack.inv("status").stdout
    again = stack.inv("rollback", "--json", "--to", older["id"])
    assert again.status == 1
    assert "live already" in again.last("error")["what"]
    assert stack.inv("plan", "--json").status == 2, "the checkout is the release that was left"
    assert newest["id"] in {release["id"] for release in listed(stack) if release["can_roll_back"]}


def test_the_next_deploy_brings_the_checkout_back(second: tuple[Stack, Checkout]) -> None:
    stack, _ = second
    deployed = stack.inv("deploy", "--json")
    assert deployed.status == 0, deployed.stdout[-3000:]
    assert not deployed.last("plan")["empty"]
    assert live(stack)[1]
    unchanged = stack.inv("deploy", "--json")
    assert unchanged.last("plan")["empty"]
    assert "recorded" not in {event["type"] for event in unchanged.events}


def test_a_release_that_does_not_behave_keeps_its_evidence_and_goes_back_by_itself(
    second: tuple[Stack, Checkout],
) -> None:
    stack, checkout = second
    good = live(stack)
    checkout.edit(REQUESTS, "['/api/health', '/health']", "['/api/health', '/gone?token=abcdefgh']")

    deployed = stack.inv("deploy", "--rollback-on-failure", "--json")

    assert deployed.status == 4
    error = deployed.last("error")
    assert error["rolled_back"]
    assert error["live"] in error["why"]
    assert live(stack) == good
    assert httpx.get(f"{stack.url}/api/health", timeout=30).text == "OK"
    rollback, failed = listed(stack)[:2]
    assert (rollback["kind"], rollback["ending"], rollback["live"]) == ("rollback", "succeeded", True)
    assert (failed["id"], failed["ending"]) == (error["release"], "smoke_failed")
    smoke = shown(stack, failed["id"])["smoke"]
    assert [check["id"] for check in smoke["failures"]] == ["SC-003"]
    assert "<!doctype html>" in smoke["failures"][0]["evidence"]
    assert any("/api/health" in line for line in smoke["function_log"])
    kinds = [event["type"] for event in deployed.events]
    recorded = kinds.index("recorded")
    after = [event["name"] for event in deployed.events[recorded:] if event["type"] == "step"]
    assert "apply rollback" in after, "the evidence is kept before anything is rolled back"
