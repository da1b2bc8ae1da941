"""docs/events.schema.json describes what ``--json`` writes: all of it, and nothing else."""

from __future__ import annotations

import ast
import dataclasses
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scripts.app_config.difference import ConfigDiff
from scripts.app_config.outcomes import ConfigPushed, ConfigShown
from scripts.console import Console, Outcome
from scripts.errors import DeployError, ExitStatus
from scripts.frontend.publisher import PublishResult
from scripts.image.inspector import Inspected
from scripts.inventory import Inventory, Leftover
from scripts.logs import Event
from scripts.losses import Loss, Losses
from scripts.outcomes import Deployed, Values
from scripts.pipeline.unlock import Unlocking
from scripts.preflight import Check, Report
from scripts.preflight.model import Status as Finding
from scripts.releases import Present, Release, Situation
from scripts.releases.describe import Listing, Shown
from scripts.state import Lock
from scripts.state.holder import Holder, Presence
from scripts.state.lock import locked
from scripts.status import Embedded, Health, Status
from scripts.steps import Times, Timing
from scripts.terraform import Action, Plan, ResourceChange
from scripts.terraform.drift import Attribute, Drift, Resource
from tests.benchmarks.command import Listed, Measured
from tests.benchmarks.figures import Figure, Findings, Results, Table
from tests.benchmarks.machine import Machine
from tests.events import SCHEMA, TYPES, problems, require_documented

ROOT = Path(__file__).parent.parent.parent

NOW = datetime(2026, 1, 2, tzinfo=UTC)
RELEASE = Release("20260102T030405Z-1a2b3c")
SITUATION = Situation((RELEASE,), Present(), "linux/amd64")
LOCK = Lock("id", "me@host", "2026-01-02T03:04:05Z", "OperationTypeApply")
DRIFT = Drift(
    (Resource("a.gone", deleted=True), Resource("a.b", attributes=(Attribute("c", None, [1]),))),
    (Resource("a.c", attributes=(Attribute("status", "x", "y"),)),),
    2,
)
STATUS = Status("local", "dev", "eu-west-1", "1" * 12, Embedded("stopped"))
RUNNING = dataclasses.replace(
    STATUS,
    embedded=Embedded("running", 7, "http://localhost:1", "http://127.0.0.1:2"),
    deployed=True,
    state="s3://b/k",
    resources=48,
    lock=LOCK,
    outputs={"image_tag": "t"},
    live=RELEASE,
    digest="sha256:x",
    health=(Health.OK, "answered"),
    drift=DRIFT,
    problems=("the function: denied",),
)
FIGURE = Figure("ms", "time", "ms")
MEASURED = Measured(
    Machine("2026-01-02 03:04 UTC", "CPU", 2, 8.0, "Linux", "20.0.0", "3.11.0", "abc", 0.5),
    Results(
        name="x",
        title="X",
        tables=(Table("T", "a", (FIGURE,), {"a": [{"ms": 1.0}], "b": [{"ms": 2.0}], "c": [{}]}),),
        findings=(Findings("F", ("cookies",), {"a": {"cookies": "ok"}}),),
        missing={"d": "not in the registry"},
    ),
    1,
    quick=True,
)

OUTCOMES: dict[str, Outcome] = {
    "an empty plan": Plan(),
    "a plan": Plan((ResourceChange("a.b", Action.REPLACE, "t", ("c",), ("d",)),), ("url",), ("a.b",)),
    "times": Times((Timing("a", 0.0, 1.0, "note"), Timing("b", 0.5, 2.0)), 2.0),
    "deployed": Deployed("https://x.test", "1 to add", 3.0),
    "outputs": Values("outputs", {"url": "https://x.test", "ids": [1, 2]}),
    "an image": Values("image", {"tag": "t", "cached": True}),
    "doctor": Report((Check("tools", "node", Finding.FAILED, "missing", "install it", 0.1),), 0.5),
    "an inventory": Inventory(
        (Leftover("S3 bucket", "b"),), {"IAM role": "denied"}, ("S3 bucket", "IAM role")
    ),
    "losses": Losses((Loss("files", "bucket", 3, 9),), "2 versions"),
    "drift": DRIFT,
    "no drift": Drift(checked=3, incomplete="a data source failed"),
    "status of nothing": STATUS,
    "status on aws": dataclasses.replace(STATUS, target="aws", embedded=None, deployed=False),
    "status of a deployment": RUNNING,
    "releases": Listing(SITUATION, (RELEASE,), 1, "s3://b/k", NOW),
    "a release": Shown(RELEASE, RELEASE.to_json(), SITUATION, NOW),
    "a log event": Event("1", 1767322800000, "s", "m"),
    "an unlock": Unlocking(LOCK, Holder(Presence.GONE, "why"), released=True),
    "an unlock of nothing": Unlocking(None, None, released=False),
    "a benchmark": MEASURED,
    "all benchmarks": Listed(),
    "a config diff": ConfigDiff("s3://b/k", "file", ("-a", "+b"), 1),
    "a config push": ConfigPushed("s3://b/k", "v", True, "restarted"),
    "a config": ConfigShown("s3://b/k", "v", NOW, "1.2.8", 0, "in use", "text"),
    "a publication": PublishResult("hash", False, 1, 2, 3, 4, 5, 6, 7.0, ("/index.html",), "warning"),
    "an inspection": Inspected("t", "r", "b", "linux/amd64", 1.5, None, 3, ("node",), {"a": "b"}),
}


def events(act: Callable[[Console], Any]) -> list[dict[str, Any]]:
    out = io.StringIO()
    act(Console(json_lines=True, stdout=out))
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_type_has_its_own_description() -> None:
    assert {rule["if"]["properties"]["type"]["const"] for rule in SCHEMA["allOf"]} == TYPES
    for name in TYPES:
        assert SCHEMA["$defs"][name]["description"].endswith(".")
        assert SCHEMA["$defs"][name]["additionalProperties"] is False


@pytest.mark.parametrize("name", OUTCOMES)
def test_what_a_task_shows_is_as_documented(name: str) -> None:
    require_documented(events(lambda console: console.show(OUTCOMES[name])))


@pytest.mark.parametrize("status", [status for status in ExitStatus if status])
def test_an_error_is_as_documented_with_every_exit_status(status: ExitStatus) -> None:
    error = DeployError("what", "why", "next", status=status, evidence="raw")
    require_documented(events(lambda console: console.error(error)))


def test_an_error_about_a_lock_is_as_documented() -> None:
    require_documented(events(lambda console: console.error(locked(LOCK, "inv unlock"))))


def test_a_warning_is_as_documented() -> None:
    require_documented(events(lambda console: console.warn("careful")))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"type": "unheard-of"}, "is not one of"),
        ({"time": "yesterday"}, "time"),
        ({"extra": 1}, "Additional properties"),
        ({"url": 5}, "is not of type"),
    ],
)
def test_the_schema_is_strict(change: dict[str, Any], problem: str) -> None:
    [event] = events(lambda console: console.show(OUTCOMES["deployed"]))
    assert problem in "\n".join(problems(event | change))


def test_every_type_that_the_source_names_is_documented_and_no_other() -> None:
    assert set(_types()) == TYPES


def _types() -> Iterator[str]:
    """Types in the source: attributes `type` of outcomes, and first arguments of `event` and `Values`."""
    benchmarks = ROOT / "tests" / "benchmarks" / "command.py"
    for path in (ROOT / "tasks.py", benchmarks, *(ROOT / "scripts").rglob("*.py")):
        if "local" not in path.relative_to(ROOT).parts[:-1]:  # the embedded AWS writes no events
            for node in ast.walk(ast.parse(path.read_text())):
                yield from _named(node)


def _named(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.ClassDef() if {"to_json", "__rich__"} <= {getattr(part, "name", "") for part in node.body}:
            for part in node.body:
                match part:
                    case ast.Assign(targets=[ast.Name("type")], value=ast.Constant(str(name))):
                        yield name
                    case ast.AnnAssign(target=ast.Name("type"), value=ast.Constant(str(name))):
                        yield name
                    case ast.FunctionDef(name="type", body=[*_, ast.Return(ast.Constant(str(name)))]):
                        yield name
        case ast.Call(func=ast.Attribute(attr="event"), args=[ast.Constant(str(name)), *_]):
            yield name
        case ast.Call(func=ast.Name("Values"), args=[ast.Constant(str(name)), *_]):
            yield name


@pytest.mark.parametrize("name", OUTCOMES)
def test_no_outcome_has_a_field_that_the_console_writes(name: str) -> None:
    assert not {"type", "time"} & set(OUTCOMES[name].to_json())
