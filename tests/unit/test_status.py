"""What `inv status` says, and above all what it does not claim."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest

from scripts import pipeline
from scripts import status as status_of
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.releases import Release
from scripts.session import Session
from scripts.settings import Settings
from scripts.state import Lock
from scripts.status import Embedded, Health, Status
from scripts.target import Target
from scripts.terraform.drift import Drift, Resource

NOTHING = Status("local", "dev", "eu-west-1", "515966504419", Embedded("stopped"), deployed=False)
DEPLOYED = dataclasses.replace(
    NOTHING,
    embedded=Embedded("running", 7, "http://localhost:1", "http://127.0.0.1:2"),
    deployed=True,
    state="s3://b/k",
    resources=48,
    outputs={"image_tag": "745a44783d8a7af2", "url": "https://x.test"},
    digest="sha256:7994",
    client="c0ffee",
    config_version="etag",
    live=Release("20260102T030405Z-1a2b3c"),
    health=(Health.OK, "answered in 0.10 s"),
)


def shown(status: Status, **changes: Any) -> str:
    out = io.StringIO()
    Console(stdout=out).show(dataclasses.replace(status, **changes))
    return out.getvalue()


def row(text: str, name: str) -> str:
    return next(line.removeprefix(name).strip() for line in text.splitlines() if line.startswith(name))


def test_every_version_of_a_deployment_is_there() -> None:
    text = shown(DEPLOYED)
    for part in (
        "20260102T030405Z-1a2b3c",
        "745a44783d8a7af2  sha256:7994",
        "c0ffee",
        "etag",
        "48 resources",
    ):
        assert part in text
    assert row(text, "health") == "ok: answered in 0.10 s"


def test_the_url_is_the_embedded_ones_on_the_local_target_and_terraforms_on_aws() -> None:
    assert row(shown(DEPLOYED), "url") == "http://localhost:1"
    assert row(shown(DEPLOYED, embedded=None), "url") == "https://x.test"


def test_drift_that_nobody_looked_for_is_not_called_none() -> None:
    assert row(shown(DEPLOYED), "drift").startswith("not checked")
    assert DEPLOYED.to_json()["drift"] == {"status": "not checked", "resources": []}


@pytest.mark.parametrize(
    ("drift", "status"),
    [
        (Drift(checked=48), "none"),
        (Drift((Resource("a.b", deleted=True),), checked=48), "drifted"),
        (Drift(checked=48, incomplete="a data source failed"), "not checked"),
        (Drift((Resource("a.b", deleted=True),), incomplete="a data source failed"), "drifted"),
    ],
)
def test_drift_that_was_looked_for_says_what_was_found(drift: Drift, status: str) -> None:
    assert dataclasses.replace(DEPLOYED, drift=drift).to_json()["drift"]["status"] == status


class Unreachable(Session):
    """One whose target cannot be opened."""

    def connect(self) -> str | None:
        raise DeployError("The embedded AWS does not start", "Its port is taken.")


def test_what_is_deployed_is_shown_although_drift_could_not_be_looked_for(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.status.collect", lambda settings: DEPLOYED)
    monkeypatch.setattr("scripts.pipeline.deployed.worth_starting", lambda session: True)
    out = io.StringIO()
    session = Unreachable(default_settings, Console(stdout=out, stderr=out))

    assert pipeline.status(session, drift=True) is ExitStatus.OK

    assert "745a44783d8a7af2" in out.getvalue()
    assert row(out.getvalue(), "drift").startswith("not checked")
    assert "Not known: drift: The embedded AWS does not start. Its port is taken." in out.getvalue()


def test_nothing_deployed_is_said_and_claims_nothing_else() -> None:
    text = shown(NOTHING)
    assert row(text, "deployed") == "nothing"
    assert "health" not in text and "drift" not in text


def test_what_is_deployed_in_a_stopped_embedded_aws_is_not_known() -> None:
    assert "not looked at" in row(shown(NOTHING, deployed=None), "deployed")
    assert dataclasses.replace(NOTHING, deployed=None).to_json()["deployed"] is None


def test_a_crash_says_where_to_look() -> None:
    assert "inv local.logs" in row(shown(NOTHING, embedded=Embedded("crashed")), "embedded AWS")


def test_an_unfinished_deploy_says_how_it_goes_on() -> None:
    assert "inv deploy goes on" in shown(NOTHING, unfinished=True)


def test_the_holder_of_the_lock_is_named() -> None:
    lock = Lock("id-1", "me@laptop", "2026-01-02T03:04:05Z", "OperationTypeApply")
    text = row(shown(DEPLOYED, lock=lock), "locked by")
    assert "me on the host laptop, terraform apply" in text and "id-1" in text


def test_the_lock_of_a_first_deploy_is_shown_although_no_state_is_written_yet(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FirstDeploy:
        where = "s3://b/k"

        def exists(self) -> bool:
            return True

        def head(self) -> None:
            return None

        def lock(self) -> Lock:
            return Lock("id-1", "me@laptop", "2026-01-02T03:04:05Z", "OperationTypeApply")

    monkeypatch.setattr(status_of, "state_of", lambda *_: FirstDeploy())
    target = Target("aws", {}, None)  # type: ignore[arg-type]
    found = status_of._deployment(default_settings, target, NOTHING)
    assert found.deployed is False
    assert "me on the host laptop" in row(shown(found), "locked by")


def test_what_no_record_tells_and_what_was_refused_is_not_known() -> None:
    text = shown(DEPLOYED, live=None, client="", problems=("the function: denied",))
    assert row(text, "release") == "no record tells what is live"
    assert row(text, "client") == "not known"
    assert "Not known: the function: denied" in text
