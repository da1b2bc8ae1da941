"""Which checks a run has: ids, their beginnings, suites, and what is refused."""

from __future__ import annotations

import pytest

from scripts import smoke
from scripts.errors import DeployError, ExitStatus
from scripts.smoke.model import Check, Result, Stage, Suite, passed
from scripts.smoke.options import Options, ids
from scripts.smoke.site import Site


async def nothing(site: Site) -> Result:
    return passed("")


def check(id: str, suite: Suite = Suite.BASIC, *also: str) -> Check:
    return Check(id, f"the check of {id}", Stage.STATIC, nothing, suite=suite, also=also)


CHECKS = (
    check("US1.1"),
    check("US1.2"),
    check("US2.3", Suite.BASIC, "SC-004"),
    check("SC-003", Suite.BASIC, "FR-028a"),
    check("SC-004"),
    check("FR-013"),
    check("SC-004", Suite.LONG),
    check("US2.9", Suite.CHAT),
)


def chosen(**options: object) -> list[str]:
    return [check.id for check in Options(**options).select(CHECKS)]  # type: ignore[arg-type]


def test_without_options_every_basic_check_runs() -> None:
    assert chosen() == ["US1.1", "US1.2", "US2.3", "SC-003", "SC-004", "FR-013"]


def test_a_suite_runs_only_when_it_is_asked_for() -> None:
    assert chosen(chat=True)[-1:] == ["US2.9"]
    assert chosen(long=True)[-1:] == ["SC-004"]
    assert len(chosen(chat=True, long=True)) == len(CHECKS)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("US1.2", ["US1.2"]),
        ("us1.2", ["US1.2"]),
        ("US1", ["US1.1", "US1.2"]),
        ("US", ["US1.1", "US1.2", "US2.3"]),
        ("SC-", ["US2.3", "SC-003", "SC-004"]),
        ("sc", ["US2.3", "SC-003", "SC-004"]),
        ("FR", ["SC-003", "FR-013"]),
        ("SC-004", ["US2.3", "SC-004"]),
        ("fr-028A", ["SC-003"]),
    ],
)
def test_an_id_in_any_case_or_the_beginning_of_one_chooses(wanted: str, found: list[str]) -> None:
    assert chosen(only=(wanted,)) == found


def test_what_is_skipped_stays_out_also_of_what_was_chosen() -> None:
    assert chosen(skip=("US", "SC")) == ["FR-013"]
    assert chosen(only=("US1",), skip=("us1.1",)) == ["US1.2"]


@pytest.mark.parametrize("flag", ["only", "skip"])
@pytest.mark.parametrize("wanted", ["FR-028", "FR-01", "U", "S", "nonsense"])
def test_an_id_that_no_check_has_is_refused_with_all_that_there_are(flag: str, wanted: str) -> None:
    with pytest.raises(DeployError) as raised:
        chosen(**{flag: (wanted,)})
    assert raised.value.status is ExitStatus.PREFLIGHT_FAILED
    assert raised.value.what == f"No smoke check has the id {wanted} (--{flag})"
    assert "US1.2   the check of US1.2" in raised.value.evidence
    assert "[--long]" in raised.value.evidence and "(also FR-028a)" in raised.value.evidence


def test_a_misspelt_id_is_answered_with_those_that_are_near() -> None:
    with pytest.raises(DeployError) as raised:
        chosen(only=("sc-04",))
    assert raised.value.next_step.startswith("Did you mean SC-004")


def test_an_item_without_a_check_is_answered_with_what_shows_it_instead() -> None:
    with pytest.raises(DeployError) as raised:
        chosen(only=("sc-006",))
    assert "test_terraform_static" in raised.value.why
    assert "Did you mean" not in raised.value.next_step


def test_a_check_of_a_suite_that_was_not_asked_for_names_the_flag() -> None:
    with pytest.raises(DeployError) as raised:
        chosen(only=("US2.9",))
    assert "--chat" in raised.value.next_step
    assert chosen(only=("US2.9",), chat=True) == ["US2.9"]


def test_a_run_without_a_check_is_refused() -> None:
    with pytest.raises(DeployError, match="No smoke check is left"):
        chosen(only=("US1",), skip=("US",))


def test_ids_come_apart_at_commas_and_repeated_flags_and_each_counts_once() -> None:
    assert ids(["US1.1, SC-004", "FR-013,US1.1", " ", ","]) == ("US1.1", "SC-004", "FR-013")


def test_every_check_has_an_id_and_a_title_of_its_own() -> None:
    names = [(check.id, check.title) for check in smoke.ALL]
    assert len(names) == len(set(names))
