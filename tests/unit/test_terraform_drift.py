"""What a refresh-only plan says that somebody did outside Terraform, and what it says besides."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from scripts.console import Console
from scripts.terraform import refresh
from scripts.terraform.drift import MASK, Attribute, Drift

ADDRESS = 'module.a["x.y"].aws_thing.this[0]'


def plan(
    before: Any, after: Any, *, configured: tuple[str, ...] = (), others: tuple[Any, ...] = (), **change: Any
) -> dict[str, Any]:
    """The JSON of a plan in which one resource differs; `others` are values of our other resources."""
    actions = ["delete"] if after is None else ["update"]
    raw = {
        "address": ADDRESS,
        "mode": "managed",
        "change": {"actions": actions, "before": before, "after": after, **change},
    }
    resources = [{"address": f"b.{n}", "mode": "managed", "values": v} for n, v in enumerate(others)]
    resources += [{"address": ADDRESS, "mode": "managed", "values": after}] if after else []
    resource = {"address": "aws_thing.this", "expressions": {key: {} for key in configured}}
    return {
        "resource_drift": [raw],
        "prior_state": {"values": {"root_module": {"child_modules": [{"resources": resources}]}}},
        "configuration": {"root_module": {"module_calls": {"a": {"module": {"resources": [resource]}}}}},
    }


def attributes(drift: Drift) -> tuple[Attribute, ...]:
    return tuple(attribute for resource in drift.resources for attribute in resource.attributes)


def test_a_changed_value_is_shown_before_and_after_at_its_deepest_path() -> None:
    before = {"environment": [{"variables": {"A": "1", "B": "2"}}]}
    after = {"environment": [{"variables": {"A": "1", "B": "3", "C": "4"}}]}
    found = refresh.read(plan(before, after, configured=("environment",)))
    assert attributes(found) == (
        Attribute("environment[0].variables.B", "2", "3"),
        Attribute("environment[0].variables.C", None, "4"),
    )


def test_a_resource_that_is_gone_is_said_to_be_gone_and_counts_as_compared() -> None:
    found = refresh.read(plan({"id": "x"}, None, others=({"id": "y"},)))
    assert found.resources[0].deleted
    assert found.checked == 2


def test_nothing_different_is_no_drift() -> None:
    found = refresh.read({})
    assert not found.found
    assert "No drift" in found.summary


@pytest.mark.parametrize(
    ("before", "after"), [(None, []), ("", None), ({}, None), (None, False), (0, None), ([], "")]
)
def test_nothing_in_another_spelling_is_no_change(before: Any, after: Any) -> None:
    assert not refresh.read(plan({"a": before}, {"a": after}, configured=("a",))).found


@pytest.mark.parametrize(("before", "after"), [(None, True), (False, True), (0, 5), (None, "x")])
def test_a_configured_value_that_appears_or_flips_counts(before: Any, after: Any) -> None:
    assert refresh.read(plan({"a": before}, {"a": after}, configured=("a",))).found


def test_a_single_value_that_nobody_configures_is_shown_and_does_not_count() -> None:
    found = refresh.read(plan({"status": "UNASSOCIATED"}, {"status": "DEPLOYED"}))
    assert not found.found
    assert found.bookkeeping[0].attributes == (Attribute("status", "UNASSOCIATED", "DEPLOYED"),)


RULE = {
    "from_port": 443,
    "protocol": "tcp",
    "cidr_blocks": ["0.0.0.0/0"],
    "description": "https",
    "self": False,
}
OWN_RULE = {"security_group_id": "sg-1", "from_port": 443, "ip_protocol": "tcp", "cidr_ipv4": "0.0.0.0/0"}
OWN_RULE |= {"description": "https"}
BY_HAND = RULE | {"from_port": 22, "description": "by hand"}


def test_a_rule_that_our_own_rule_resource_made_is_no_drift_of_the_group() -> None:
    found = refresh.read(
        plan({"id": "sg-1", "egress": []}, {"id": "sg-1", "egress": [RULE]}, others=(OWN_RULE,))
    )
    assert found == Drift(checked=2)


def test_a_rule_that_somebody_added_to_ours_by_hand_is_drift() -> None:
    after = {"id": "sg-1", "egress": [RULE, BY_HAND]}
    found = refresh.read(plan({"id": "sg-1", "egress": []}, after, others=(OWN_RULE,)))
    [attribute] = attributes(found)
    assert attribute.path == "egress"
    assert [rule["description"] for rule in attribute.after] == ["by hand"]


def test_rules_that_ec2_shows_as_one_are_explained_source_by_source() -> None:
    both = RULE | {"cidr_blocks": ["0.0.0.0/0", "10.0.0.0/8"]}
    second = OWN_RULE | {"cidr_ipv4": "10.0.0.0/8"}
    before, after = {"id": "sg-1", "egress": []}, {"id": "sg-1", "egress": [both]}
    assert not refresh.read(plan(before, after, others=(OWN_RULE, second))).found
    assert refresh.read(plan(before, after, others=(OWN_RULE,))).found


def test_a_rule_of_another_group_explains_nothing() -> None:
    other = OWN_RULE | {"security_group_id": "sg-2"}
    before, after = {"id": "sg-1", "egress": []}, {"id": "sg-1", "egress": [RULE]}
    assert refresh.read(plan(before, after, others=(other,))).found


def test_a_policy_is_explained_whatever_its_layout() -> None:
    policy, same = '{"a": 1, "b": [2]}', '{"b":[2],"a":1}'
    ours = ({"bucket": "files", "policy": same},)
    before, after = {"id": "files", "policy": ""}, {"id": "files", "policy": policy}
    assert not refresh.read(plan(before, after, others=ours)).found
    tampered = {"id": "files", "policy": '{"a": 1, "b": [2, 3]}'}
    assert refresh.read(plan(before, tampered, others=ours)).found


def test_a_policy_attached_by_hand_counts_although_nobody_configured_the_list() -> None:
    after = {"id": "role", "managed_policy_arns": ["arn:aws:iam::aws:policy/AdministratorAccess"]}
    assert refresh.read(plan({"id": "role", "managed_policy_arns": []}, after)).found


@pytest.mark.parametrize(
    "change",
    [
        {"before_sensitive": {"a": True}},
        {"after_sensitive": {"a": True}},
        {"after_sensitive": {"a": [{"deep": True}]}},
    ],
)
def test_a_value_that_terraform_calls_sensitive_is_masked(change: dict[str, Any]) -> None:
    found = refresh.read(
        plan({"a": [{"deep": "marked-1"}]}, {"a": [{"deep": "marked-2"}]}, configured=("a",), **change)
    )
    assert attributes(found) == (Attribute("a", MASK, MASK),)


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "db_password", "SESSION_TOKEN", "JWT_SECRET", "CREDS_KEY", "CREDS_IV"]
)
def test_what_is_called_like_a_secret_is_masked_although_nobody_marked_it(name: str) -> None:
    def environment(**variables: str) -> dict[str, Any]:
        return {"environment": [{"variables": variables}], "tags": [{"key": "x", "variables": variables}]}

    found = refresh.read(
        plan(
            environment(A="1"), environment(**{"A": "1", name: "marked"}), configured=("environment", "tags")
        )
    )
    assert "marked" not in json.dumps(found.to_json())
    assert name in json.dumps(found.to_json())


def test_a_secret_in_something_that_is_new_as_a_whole_is_masked_too() -> None:
    after = {"blocks": [{"name": "n", "api_key": "marked"}]}
    found = refresh.read(plan({"blocks": None}, after, configured=("blocks",)))
    assert "marked" not in json.dumps(found.to_json())
    assert attributes(found)[0].after == [{"name": "n", "api_key": MASK}]


UNRECOGNISED = {"MONGO_URI": "mongodb://admin:marked@db/x", "SENTRY": "marked2", "HOOK": "https://h/marked3"}
"""Secrets whose names do not say so, or whose values look like an ordinary address."""


@pytest.mark.parametrize("before", [None, [], [{"variables": None}], [{"variables": {"A": "1"}}]])
def test_a_variable_that_somebody_put_into_the_functions_environment_is_told_by_its_name_alone(
    before: Any,
) -> None:
    after = {"environment": [{"variables": {"A": "1", **UNRECOGNISED}}]}
    found = json.dumps(
        refresh.read(plan({"environment": before}, after, configured=("environment",))).to_json()
    )
    assert "marked" not in found
    assert all(name in found for name in UNRECOGNISED)


def test_a_secret_that_somebody_put_in_the_place_of_our_value_is_hidden_and_our_value_is_shown() -> None:
    before, after = (
        {"environment": [{"variables": {"CONFIG_PATH": value}}]}
        for value in ("/tmp/librechat.yaml", "marked")
    )
    found = refresh.read(plan(before, after, configured=("environment",)))
    assert attributes(found) == (
        Attribute("environment[0].variables.CONFIG_PATH", "/tmp/librechat.yaml", MASK),
    )


@pytest.mark.parametrize("value", ["false", "full", "15000", "redis://cache:6379", "http://x.local:4000/v1"])
def test_a_variable_that_can_be_no_secret_is_shown_as_it_was_found(value: str) -> None:
    before, after = ({"environment": [{"variables": {"A": v}}]} for v in ("before", value))
    found = refresh.read(plan(before, after, configured=("environment",)))
    assert attributes(found)[0].after == value


def test_a_variable_that_was_removed_shows_what_it_was() -> None:
    before, after = ({"environment": [{"variables": v}]} for v in ({"A": "1", "B": "x"}, {"A": "1"}))
    found = refresh.read(plan(before, after, configured=("environment",)))
    assert attributes(found) == (Attribute("environment[0].variables.B", "x", None),)


def test_a_password_in_an_address_is_hidden_wherever_it_stands() -> None:
    found = refresh.read(
        plan(
            {"description": "ours"},
            {"description": "see https://ann:marked@host/x"},
            configured=("description",),
        )
    )
    assert attributes(found)[0].after == "see https://ann:[removed]@host/x"


def test_what_somebody_added_to_a_policy_is_shown_word_for_word() -> None:
    after = '{"Statement": [{"Sid": "byHand", "Action": "secretsmanager:GetSecretValue"}]}'
    found = refresh.read(plan({"policy": "{}"}, {"policy": after}, configured=("policy",)))
    assert attributes(found)[0].after == after


def test_a_long_value_is_recognised_by_its_beginning() -> None:
    found = refresh.read(plan({"body": "x" * 5000}, {"body": "y" * 5000}, configured=("body",)))
    assert len(attributes(found)[0].after) < 400


def test_data_sources_do_not_drift() -> None:
    data = plan({"a": 1}, {"a": 2}, configured=("a",))
    data["resource_drift"][0]["mode"] = "data"
    assert not refresh.read(data).found


def test_a_comparison_that_was_not_whole_never_says_no_drift() -> None:
    found = refresh.read({}, incomplete="a data source failed")
    assert "No drift:" not in found.summary
    assert found.to_json()["incomplete"] == "a data source failed"


def test_for_people_each_resource_has_its_values_below_it() -> None:
    out = io.StringIO()
    Console(stdout=out).show(refresh.read(plan({"timeout": 900}, {"timeout": 77}, configured=("timeout",))))
    assert f"≠  {ADDRESS}\n     timeout  900 → 77\n" in out.getvalue()
    assert "1 resource was changed or removed outside Terraform, of 1." in out.getvalue()
