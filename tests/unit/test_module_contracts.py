"""The public modules' contracts, held against both sides: our stand-ins, and our calls.

What neither `terraform validate` nor a rehearsal with the stand-ins can see is caught here: an argument
that only the stand-in knows, and a misspelt attribute of a typed object, which Terraform drops silently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.local.registry import MODULE_VERSIONS, MODULES_DIR
from tests.contracts import hcl

ROOT = Path(__file__).parent.parent.parent
TERRAFORM = ROOT / "infrastructure" / "terraform"
CONTRACTS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in (ROOT / "tests" / "contracts").glob("*.json")
}
META_ARGUMENTS = {"source", "version", "providers", "count", "for_each", "depends_on"}


def calls() -> list[Any]:
    """Every call of a public module, as ``(folder, block, contract)``."""
    found = []
    for path in sorted(TERRAFORM.rglob("main.tf")):
        if ".terraform" in path.parts:
            continue
        for block in hcl.read_module(path.parent):
            source = hcl.value(block.attributes["source"]) if block.type == "module" else ""
            if source.startswith("terraform-aws-modules/"):
                contract = CONTRACTS[source.split("/")[1]]
                found.append(
                    pytest.param(path.parent, block, contract, id=f"{path.parent.name}.{block.labels[0]}")
                )
    return found


def stand_in(name: str, type: str) -> dict[str, hcl.Block]:
    """The variables or outputs of a stand-in, by name."""
    return {b.labels[0]: b for b in hcl.read_module(MODULES_DIR / name) if b.type == type}


def type_of(constraint: str) -> Any:
    """A type constraint as `hcl.value` reads it."""
    return hcl.value(list(hcl.tokenise(constraint)))


def unknown_attributes(value: Any, type: Any, path: str) -> Iterator[str]:
    """Paths of the attributes in a literal that the typed object does not have."""
    match type:
        case hcl.Call("optional", (inner, *_)):
            yield from unknown_attributes(value, inner, path)
        case hcl.Call("object", (attributes,)) if isinstance(value, dict):
            for name, item in value.items():
                if name in attributes:
                    yield from unknown_attributes(item, attributes[name], f"{path}.{name}")
                else:
                    yield f"{path}.{name}"
        case hcl.Call("map", (inner,)) if isinstance(value, dict):
            for name, item in value.items():
                yield from unknown_attributes(item, inner, f"{path}.{name}")
        case hcl.Call("list" | "set", (inner,)) if isinstance(value, list):
            for item in value:
                yield from unknown_attributes(item, inner, f"{path}[]")


def test_every_stand_in_has_a_contract_and_serves_its_version() -> None:
    assert {name: contract["version"] for name, contract in CONTRACTS.items()} == MODULE_VERSIONS
    assert {path.name for path in MODULES_DIR.iterdir() if path.is_dir()} == set(MODULE_VERSIONS)


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_a_stand_in_takes_what_the_contract_says_with_the_same_type_and_default(name: str) -> None:
    contract, variables = CONTRACTS[name]["variables"], stand_in(name, "variable")
    assert set(variables) == set(contract)
    for variable, expected in contract.items():
        attributes = variables[variable].attributes
        assert hcl.same(attributes["type"], list(hcl.tokenise(expected["type"]))), f"{variable}: type"
        assert ("default" not in attributes) == expected.get("required", False), f"{variable}: required"
        if "default" in attributes:
            assert hcl.value(attributes["default"]) == expected["default"], f"{variable}: default"


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_a_stand_in_gives_what_the_contract_says(name: str) -> None:
    assert sorted(stand_in(name, "output")) == CONTRACTS[name]["outputs"]


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_a_stand_in_uses_every_input_that_it_takes(name: str) -> None:
    text = (MODULES_DIR / name / "main.tf").read_text()
    ignored = [variable for variable in stand_in(name, "variable") if f"var.{variable}" not in text]
    assert not ignored


@pytest.mark.parametrize(("folder", "call", "contract"), calls())
def test_a_call_pins_the_version_of_the_contract(
    folder: Path, call: hcl.Block, contract: dict[str, Any]
) -> None:
    assert hcl.value(call.attributes["source"]) == contract["module"]
    assert hcl.value(call.attributes["version"]) == contract["version"]


@pytest.mark.parametrize(("folder", "call", "contract"), calls())
def test_a_call_passes_only_what_the_module_takes(
    folder: Path, call: hcl.Block, contract: dict[str, Any]
) -> None:
    for name, tokens in call.attributes.items():
        if name in META_ARGUMENTS:
            continue
        assert name in contract["variables"], f"{contract['module']} has no input {name}"
        constraint, value = contract["variables"][name]["type"], hcl.value(tokens)
        if "object(" in constraint:
            assert not isinstance(value, hcl.Opaque), f"{name} is not a literal: nothing could be checked"
        assert not list(unknown_attributes(value, type_of(constraint), name))


@pytest.mark.parametrize(("folder", "call", "contract"), calls())
def test_only_outputs_of_the_module_are_read(folder: Path, call: hcl.Block, contract: dict[str, Any]) -> None:
    text = "".join(path.read_text() for path in folder.glob("*.tf"))
    read = set(re.findall(rf"\bmodule\.{call.labels[0]}\.(\w+)", text))
    assert read <= set(contract["outputs"])


def test_a_misspelt_attribute_deep_inside_a_call_is_found() -> None:
    type = type_of("list(object({ path = string, origin = optional(object({ id = string })) }))")
    call = hcl.parse('behaviors = [for p in var.paths : {\n path = p # why\n origin = { idd = "${p}-x" }\n}]')
    assert list(unknown_attributes(hcl.value(call.attributes["behaviors"]), type, "behaviors")) == [
        "behaviors[].origin.idd"
    ]
