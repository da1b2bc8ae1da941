"""JSON of somebody else's server: what is of another kind counts as nothing."""

from __future__ import annotations

import pytest

from scripts.smoke.shapes import fields, mapping, parts


@pytest.mark.parametrize(
    "text", ["", "no JSON", "null", "7", '"text"', "[{}]", b"\xff\xfe{", b"<!doctype html>"]
)
def test_what_is_no_json_object_has_no_fields(text: str | bytes) -> None:
    assert fields(text) == {}


def test_an_object_has_its_fields() -> None:
    assert fields(b'{"a": [1]}') == mapping({"a": [1]}) == {"a": [1]}


def test_of_a_list_its_objects_count_and_one_alone_is_a_list() -> None:
    assert parts([{"a": 1}, "b", None]) == parts({"a": 1}) == [{"a": 1}]
    assert parts(None) == []
