"""Lines of ``terraform … -json`` as dataclasses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.terraform import events

RESOURCE = {
    "addr": "module.a.aws_s3_bucket.this[0]",
    "module": "module.a",
    "resource_type": "aws_s3_bucket",
}


def line(type: str, **data: Any) -> str:
    return json.dumps({"@level": "info", "@message": "a sentence", "type": type, **data})


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (
            line("planned_change", change={"resource": RESOURCE, "action": "replace", "reason": "tainted"}),
            events.PlannedChange(RESOURCE["addr"], "replace", "tainted", "aws_s3_bucket"),
        ),
        (
            line("resource_drift", change={"resource": RESOURCE, "action": "delete"}),
            events.DriftFound(RESOURCE["addr"]),
        ),
        (
            line("outputs", outputs={"url": {"action": "create"}, "id": {"action": "noop"}}),
            events.PlannedOutputs(("url",)),
        ),
        (
            line("apply_start", hook={"resource": RESOURCE, "action": "create"}),
            events.ApplyStart(RESOURCE["addr"], "create"),
        ),
        (
            line("apply_progress", hook={"resource": RESOURCE, "action": "create", "elapsed_seconds": 10}),
            events.ApplyProgress(RESOURCE["addr"], "create", 10),
        ),
        (
            line("apply_complete", hook={"resource": RESOURCE, "action": "create", "elapsed_seconds": 3}),
            events.ApplyComplete(RESOURCE["addr"], "create", 3),
        ),
        (
            line("apply_errored", hook={"resource": RESOURCE, "action": "delete", "elapsed_seconds": 3}),
            events.ApplyErrored(RESOURCE["addr"], "delete", 3),
        ),
        (
            line("provision_progress", hook={"resource": RESOURCE, "output": "pushing layer 1"}),
            events.ProvisionOutput(RESOURCE["addr"], "pushing layer 1"),
        ),
        (
            line("change_summary", changes={"operation": "apply", "add": 3, "change": 1, "remove": 0}),
            events.ChangeSummary("apply", 3, 1, 0),
        ),
    ],
)
def test_every_event_that_is_shown_is_parsed(text: str, event: events.Event) -> None:
    assert events.parse(text) == event


def test_sensitive_outputs_are_dropped() -> None:
    outputs = {
        "url": {"sensitive": False, "type": "string", "value": "https://x"},
        "key": {"sensitive": True, "type": "string", "value": "hunter2"},
    }
    assert events.parse(line("outputs", outputs=outputs)) == events.Outputs({"url": "https://x"})


def test_an_unknown_type_keeps_its_sentence() -> None:
    assert events.parse(line("ephemeral_op_start")) == events.Message("ephemeral_op_start", "a sentence")


def test_an_event_of_another_shape_than_expected_keeps_its_sentence() -> None:
    assert events.parse(line("apply_start", hook={})) == events.Message("apply_start", "a sentence")


@pytest.mark.parametrize("text", ["panic: runtime error", "", "[1, 2]", '"text"'])
def test_a_line_that_is_no_event_is_kept_as_text(text: str) -> None:
    assert events.parse(text) == events.Text(text)


def test_a_diagnostic_is_shown_whole() -> None:
    raw = {
        "severity": "error",
        "summary": "Invalid value",
        "detail": "It must be positive.\nSo it says.",
        "address": "module.a.aws_s3_bucket.this",
        "range": {"filename": "main.tf", "start": {"line": 4}},
        "snippet": {
            "context": 'resource "aws_s3_bucket" "this"',
            "code": "  size = var.size",
            "start_line": 4,
            "values": [{"traversal": "var.size", "statement": "is -1"}],
        },
    }
    diagnostic = events.parse(line("diagnostic", diagnostic=raw))
    assert isinstance(diagnostic, events.Diagnostic)
    assert diagnostic.render() == (
        "Error: Invalid value\n\n"
        "  with module.a.aws_s3_bucket.this,\n"
        '  on main.tf line 4, in resource "aws_s3_bucket" "this":\n'
        "  4:   size = var.size\n"
        "    (var.size is -1)\n\n"
        "It must be positive.\nSo it says."
    )


def test_a_diagnostic_without_place_is_summary_and_detail() -> None:
    raw = {"severity": "warning", "summary": "Old", "detail": "Use the new one."}
    diagnostic = events.parse(line("diagnostic", diagnostic=raw))
    assert isinstance(diagnostic, events.Diagnostic)
    assert diagnostic.render() == "Warning: Old\n\nUse the new one."
