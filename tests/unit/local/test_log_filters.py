"""CloudWatch's filter patterns, as the embedded AWS knows them."""

from __future__ import annotations

import pytest

from scripts.local.extensions.log_filters import compile_pattern

LINE = '{"level": "error", "status": 502, "ms": 12.5, "ok": false, "who": null, "at": {"deep": ["x", "y"]}}'


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "anything"),
        ("ERROR", "an ERROR here"),
        ("ERROR timeout", "timeout after ERROR"),
        ('"two words"', "exactly two words"),
        (r'"a \"quote\""', 'say a "quote"'),
        ("?ERROR ?WARN", "a WARN"),
        ("ERROR -debug", "an ERROR"),
        ('-"GET /health"', "GET /chat"),
    ],
)
def test_terms_match(pattern: str, message: str) -> None:
    assert compile_pattern(pattern)(message)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("ERROR", "an error"),
        ("ERROR timeout", "only ERROR"),
        ("?ERROR ?WARN", "an INFO"),
        ("ERROR -debug", "ERROR in debug"),
        ('{ $.level = "error" }', "not JSON"),
        ('{ $.level = "error" }', "[1]"),
    ],
)
def test_terms_that_are_missing_or_excluded_do_not_match(pattern: str, message: str) -> None:
    assert not compile_pattern(pattern)(message)


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.level = "error" }',
        '{$.level="error"}',
        "{ $.level = err* }",
        '{ $.level != "info" }',
        "{ $.status = 502 }",
        "{ $.status >= 500 && $.ms < 13 }",
        '{ ($.level = "info" || $.status > 1) && $.ok IS FALSE }',
        "{ $.who IS NULL }",
        "{ $.missing NOT EXISTS }",
        '{ $.at.deep[1] = "y" }',
    ],
)
def test_conditions_on_fields_match(pattern: str) -> None:
    assert compile_pattern(pattern)(LINE)


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.level = "Error" }',
        '{ $.missing != "x" }',
        "{ $.status > 502 }",
        "{ $.level > 1 }",
        "{ $.ok IS TRUE }",
        "{ $.level NOT EXISTS }",
        '{ $.level = "error" && $.status = 200 }',
        '{ $.at.deep[2] = "y" }',
    ],
)
def test_conditions_that_do_not_hold_do_not_match(pattern: str) -> None:
    assert not compile_pattern(pattern)(LINE)


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.a = ",
        "{ $.a }",
        "{ a = 1 }",
        '{ $.a = "x" } y',
        "{ $.a < x }",
        "{ $.a IS BIG }",
        "a.b",
        '"open',
        "[ip, user]",
    ],
)
def test_what_cloudwatch_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError):
        compile_pattern(pattern)
