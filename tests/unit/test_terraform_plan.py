"""What a plan says, without its values."""

from __future__ import annotations

import io
from typing import Any

import pytest

from scripts.console import Console
from scripts.terraform import Action, Plan, ResourceChange, events


def change(address: str, *actions: str, **facts: Any) -> dict[str, Any]:
    return {
        "address": address,
        "mode": facts.pop("mode", "managed"),
        "type": address.split(".")[-2],
        "action_reason": facts.pop("reason", ""),
        "change": {"actions": list(actions), "before": None, "after": None, **facts},
    }


def plan(*changes: dict[str, Any], **outputs: Any) -> Plan:
    return Plan.from_json({"resource_changes": list(changes), "output_changes": outputs})


def shown(plan: Plan) -> str:
    out = io.StringIO()
    Console(stdout=out).show(plan)
    return out.getvalue()


def test_what_stays_as_it_is_and_what_is_only_read_is_left_out() -> None:
    read = change("data.aws_x.a", "read", mode="data")
    assert plan(change("aws_s3_bucket.a", "no-op"), read).empty


def test_an_update_names_the_attributes_and_never_their_values() -> None:
    secret = change(
        "aws_x.a",
        "update",
        before={"password": "old-secret", "size": 1},
        after={"password": "new", "size": 1},
    )
    result = plan(secret)
    assert result.changes[0].attributes == ("password",)
    assert "secret" not in repr(result)
    assert "secret" not in shown(result)


def test_an_attribute_known_only_after_the_apply_counts_as_changing() -> None:
    update = change("aws_x.a", "update", before={"arn": "a"}, after={}, after_unknown={"arn": True})
    assert plan(update).changes[0].attributes == ("arn",)


def test_a_nested_block_that_marks_nothing_unknown_is_not_changing() -> None:
    same = {"size": 1, "blocks": [{"a": 1}], "list": ["x"]}
    marks = {"blocks": [{}], "list": [False], "size": True}
    update = change("aws_x.a", "update", before=same, after=same, after_unknown=marks)
    assert plan(update).changes[0].attributes == ("size",)


def test_a_replacement_says_what_forces_it() -> None:
    replaced = change("aws_x.a", "delete", "create", replace_paths=[["name"]])
    assert plan(replaced).changes[0].forced_by == ("name",)
    assert "forced by name" in shown(plan(replaced))


def test_a_tainted_resource_says_so() -> None:
    tainted = change("aws_x.a", "delete", "create", reason="replace_because_tainted")
    assert "its creation failed or was interrupted" in shown(plan(tainted))


def test_destroying_and_replacing_are_destructive_and_adding_is_not() -> None:
    assert plan(change("aws_x.a", "delete")).destructive
    assert plan(change("aws_x.a", "create", "delete")).destructive
    assert not plan(change("aws_x.a", "create"), change("aws_x.b", "update")).destructive


def test_publishing_again_is_not_destructive() -> None:
    assert not plan(change("module.f.terraform_data.client", "delete", "create")).destructive


def test_going_on_after_an_interruption_is_not_destructive() -> None:
    assert not plan(change("aws_x.a", "delete", "create", reason="replace_because_tainted")).destructive


def test_the_counts_stand_in_one_line() -> None:
    result = plan(change("aws_x.a", "create"), change("aws_x.b", "delete"), change("aws_x.c", "delete"))
    assert result.summary == "1 to add, 0 to change, 0 to replace, 2 to destroy"
    assert result.operations == 3


def test_a_change_of_outputs_alone_is_a_change() -> None:
    result = plan(url={"actions": ["update"]}, same={"actions": ["no-op"]})
    assert not result.empty
    assert result.outputs == ("url",)
    assert "outputs change: url" in result.summary


def test_many_additions_are_one_row_a_module_and_replacements_are_always_listed() -> None:
    added = [change(f'module.a["x.y"].aws_s3_bucket.b[{n}]', "create") for n in range(20)]
    text = shown(plan(*added, change("aws_x.kept", "delete", "create")))
    assert "20 resources: s3_bucket ×20" in text
    assert "aws_x.kept" in text
    assert len(text.splitlines()) < 8


def drifted(before: dict[str, Any] | None, after: dict[str, Any] | None, *actions: str) -> Plan:
    """A plan that sets ``size`` of aws_x.a back, after a refresh that saw this."""
    update = change("aws_x.a", "update", before={"size": 2}, after={"size": 1})
    drift = change("aws_x.a", *actions, before=before, after=after)
    return Plan.from_json({"resource_changes": [update], "resource_drift": [drift]})


def test_drift_is_shown_apart_when_the_plan_puts_it_right() -> None:
    result = drifted({"size": 1}, {"size": 2}, "update")
    assert result.drift == ("aws_x.a",)
    assert "outside Terraform" in shown(result)


def test_what_was_removed_outside_is_drift() -> None:
    assert drifted({"size": 1}, None, "delete").drift == ("aws_x.a",)


def test_a_refresh_that_only_reads_null_as_empty_is_no_drift() -> None:
    assert drifted({"tags": None}, {"tags": {}}, "update").drift == ()


def test_the_module_of_an_address_is_its_first_level() -> None:
    nested = ResourceChange('module.a["k"].module.b.aws_x.y[0]', Action.ADD)
    assert nested.module == 'module.a["k"]'
    assert nested.local_address == "module.b.aws_x.y[0]"
    assert ResourceChange("aws_x.y", Action.ADD).module == ""


def test_json_mode_has_the_same_facts() -> None:
    data = plan(change("aws_x.a", "create")).to_json()
    assert data["counts"]["add"] == 1
    assert data["changes"][0]["address"] == "aws_x.a"


def planned(address: str, action: str) -> events.Event:
    return events.PlannedChange(address, action, type=address.split(".")[-2])


def test_a_plan_of_additions_alone_is_known_from_its_events() -> None:
    seen = [
        planned("module.b.aws_s3_bucket.b", "create"),
        planned("aws_s3_bucket.a", "create"),
        planned("module.b.data.aws_ecr_image.c", "read"),
        events.PlannedOutputs(("url",)),
    ]

    assert Plan.from_events(seen) == plan(
        change("aws_s3_bucket.a", "create"),
        change("module.b.aws_s3_bucket.b", "create"),
        url={"actions": ["create"]},
    )


def test_a_plan_of_removals_alone_is_known_from_its_events_and_destructive() -> None:
    told = Plan.from_events([planned("aws_s3_bucket.a", "delete")])

    assert told is not None and told.destructive


@pytest.mark.parametrize("action", ["update", "replace", "remove", "move", "import"])
def test_what_changes_within_a_resource_is_only_in_the_plans_file(action: str) -> None:
    assert (
        Plan.from_events([planned("aws_s3_bucket.a", "create"), planned("aws_s3_bucket.b", action)]) is None
    )


def test_additions_and_removals_together_are_read_from_the_plans_file() -> None:
    both = [planned("aws_s3_bucket.a", "create"), planned("aws_s3_bucket.b", "delete")]

    assert Plan.from_events(both) is None


def test_an_addition_for_what_somebody_removed_is_read_from_the_plans_file_which_calls_it_drift() -> None:
    seen = [events.DriftFound("aws_s3_bucket.a"), planned("aws_s3_bucket.a", "create")]

    assert Plan.from_events(seen) is None


def test_outputs_that_change_without_a_resource_are_read_from_the_plans_file() -> None:
    assert Plan.from_events([events.PlannedOutputs(("url",))]) is None
