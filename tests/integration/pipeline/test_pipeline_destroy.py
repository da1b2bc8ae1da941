"""What a destroy decides: what it asks, what goes, what stays, and how it goes on."""

from __future__ import annotations

import pytest

from scripts import pipeline
from scripts.errors import DeployError, ExitStatus
from scripts.inventory import Leftover
from tests.integration.pipeline.rehearsal import FIRST, Bench

pytestmark = pytest.mark.integration


def test_destroy_asks(bench: Bench) -> None:
    bench.deploy()
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.destroy(bench.session())


def test_destroy_removes_everything_looks_for_leftovers_and_ends_the_embedded_aws(bench: Bench) -> None:
    bench.deploy()
    session = bench.session(yes=True)
    assert pipeline.destroy(session) is ExitStatus.OK
    head = bench.state.head()
    assert head is not None and head.resources == 0
    assert session.calls == ["end"]
    assert session.record.read() is None


def test_destroy_names_what_is_left_and_keeps_the_embedded_aws_for_a_look(bench: Bench) -> None:
    bench.deploy()
    session = bench.session(yes=True)
    session.left = (Leftover("S3 bucket", "librechat-lambda-files-dev"),)
    with pytest.raises(DeployError) as failure:
        pipeline.destroy(session)
    assert "S3 bucket librechat-lambda-files-dev" in failure.value.why
    assert session.calls == []


def test_destroy_of_nothing_still_looks_and_succeeds(bench: Bench) -> None:
    assert pipeline.destroy(bench.session()) is ExitStatus.OK
    assert "Nothing of ours is left" in bench.out.getvalue()


def test_the_state_of_the_real_account_stays_and_destroy_says_so(bench: Bench) -> None:
    bench.deploy(target="aws", yes=True)
    session = bench.session(target="aws")
    pipeline.destroy(session, confirm="dev")
    assert f"What stays: the state directory {bench.state.directory}" in bench.out.getvalue()
    assert bench.state.exists()
    assert session.calls == []


def test_destroy_says_which_data_is_lost_before_it_asks(bench: Bench) -> None:
    bench.deploy()
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.destroy(bench.session())
    said = bench.out.getvalue()
    assert "the users' files" in said
    assert "3 objects, 4.0 MB" in said
    assert "20 to 40 minutes" not in said, "the embedded AWS has no network interfaces to wait for"


def test_the_real_account_wants_the_environments_name_and_a_yes_is_not_enough(bench: Bench) -> None:
    bench.deploy(target="aws", yes=True)
    with pytest.raises(DeployError, match="by name") as failure:
        pipeline.destroy(bench.session(target="aws", yes=True))
    assert "--confirm dev" in failure.value.next_step
    assert "20 to 40 minutes" in bench.out.getvalue()
    head = bench.state.head()
    assert head is not None and head.resources == 1
    assert pipeline.destroy(bench.session(target="aws"), confirm="dev") is ExitStatus.OK


@pytest.mark.parametrize("target", ["local", "aws"])
def test_the_name_of_another_environment_ends_a_destroy_before_it_begins(bench: Bench, target: str) -> None:
    bench.deploy(target=target, yes=True)
    with pytest.raises(DeployError, match="not the one that --confirm names") as failure:
        pipeline.destroy(bench.session(target=target, yes=True), confirm="prod")
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_a_destroy_that_failed_half_way_goes_on(bench: Bench) -> None:
    gate = bench.root / "gate"
    provisioner = f'provisioner "local-exec" {{\n    when = destroy\n    command = "test -e {gate}"\n  }}'
    bench.configure(f'{FIRST}resource "terraform_data" "g" {{\n  {provisioner}\n}}\n')
    bench.deploy()
    with pytest.raises(DeployError, match="failed"):
        pipeline.destroy(bench.session(yes=True))
    head = bench.state.head()
    assert head is not None and head.resources == 1, "what could go is gone"
    gate.touch()
    session = bench.session(yes=True)
    assert pipeline.destroy(session) is ExitStatus.OK
    head = bench.state.head()
    assert head is not None and head.resources == 0
    assert session.calls == ["end"]


def test_a_purge_names_the_history_before_and_leaves_nothing_behind(bench: Bench) -> None:
    bench.deploy()
    assert pipeline.destroy(bench.session(yes=True), purge_state=True) is ExitStatus.OK
    said = bench.out.getvalue()
    assert "1 version of the state since" in said
    assert "Removed the state, its history and the releases" in said
    assert not bench.state.exists()
    assert pipeline.destroy(bench.session(yes=True), purge_state=True) is ExitStatus.OK


def test_a_purge_of_what_was_destroyed_before_asks_as_well(bench: Bench) -> None:
    bench.deploy()
    pipeline.destroy(bench.session(yes=True))
    with pytest.raises(DeployError, match="confirmation"):
        pipeline.destroy(bench.session(), purge_state=True)
    assert bench.state.exists()
    assert pipeline.destroy(bench.session(yes=True), purge_state=True) is ExitStatus.OK
    assert not bench.state.exists()


def test_the_state_is_not_purged_while_anything_is_left(bench: Bench) -> None:
    bench.deploy()
    session = bench.session(yes=True)
    session.left = (Leftover("S3 bucket", "librechat-lambda-files-dev"),)
    with pytest.raises(DeployError, match="is left"):
        pipeline.destroy(session, purge_state=True)
    assert bench.state.exists()
