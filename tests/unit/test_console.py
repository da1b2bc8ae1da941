"""Output for people and for programs."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from scripts.console import Console
from scripts.errors import DeployError, ExitStatus


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Fact:
    type: str = "fact"

    def to_json(self) -> dict[str, Any]:
        return {"answer": 42}

    def __rich__(self) -> RenderableType:
        return "the answer is 42"


def console(**options: Any) -> tuple[Console, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Console(stdout=out, stderr=err, **options), out, err


def test_an_outcome_is_drawn_for_people() -> None:
    it, out, _ = console()
    it.show(Fact())
    assert out.getvalue() == "the answer is 42\n"


def test_json_mode_writes_json_lines_and_nothing_else() -> None:
    it, out, err = console(json_lines=True)
    it.say("for people")
    it.say_plain("for people")
    it.show(Fact())
    it.warn("careful")
    it.error(DeployError("It failed", "why", "next", status=ExitStatus.LOCKED))
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["type"] for event in events] == ["fact", "warning", "error"]
    assert events[0]["answer"] == 42
    assert events[2]["status"] == 5
    assert err.getvalue() == ""


def test_problems_go_to_stderr() -> None:
    it, out, err = console()
    it.warn("careful [not markup]")
    it.error(DeployError("It [failed]", "line 1\nline 2", "do this", evidence="[raw]"))
    assert out.getvalue() == ""
    text = err.getvalue()
    for part in ("careful [not markup]", "It [failed]", "line 2", "do this", "[raw]"):
        assert part in text


def test_text_of_tools_is_not_taken_for_markup() -> None:
    it, out, _ = console()
    it.say_plain("module.a[bold]")
    assert out.getvalue() == "module.a[bold]\n"


@pytest.mark.parametrize("text", ["arn:aws:secretsmanager:eu-central-1:1:secret:name", "a:key:b"])
def test_what_looks_like_an_emoji_code_stays_as_it_is(text: str) -> None:
    it, out, _ = console()
    it.say(text)
    it.say_plain(text)
    assert out.getvalue() == f"{text}\n{text}\n"


def test_a_log_is_never_wrapped() -> None:
    it, out, _ = console()
    it.say("x" * 500)
    assert out.getvalue() == "x" * 500 + "\n"


@dataclass(frozen=True)
class Drawn(Fact):
    drawing: RenderableType = ""

    def __rich__(self) -> RenderableType:
        return self.drawing


def test_a_log_has_each_row_of_a_table_in_one_line_with_nothing_cut_off() -> None:
    address = "module.cloudfront_distribution.aws_cloudfront_response_headers_policy.this[0]"
    cells = (address, "what it changes, " * 10, "x" * 100)
    table = Table("Resource", "", "", box=None)
    table.add_row(*cells)
    for drawing in (table, Group("Plan", table)):
        it, out, _ = console()
        it.show(Drawn(drawing=drawing))
        row = out.getvalue().splitlines()[-1]
        assert [cell in row for cell in cells] == [True, True, True]


def test_what_fills_the_width_it_gets_is_no_wider_than_a_page_in_a_log() -> None:
    it, out, _ = console()
    it.show(Drawn(drawing=Panel("It failed.")))
    assert {len(line) for line in out.getvalue().splitlines()} == {120}


@pytest.mark.parametrize(
    ("answer", "yes"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_only_a_plain_yes_confirms(answer: str, yes: bool) -> None:
    stdin = Terminal(answer)
    assert Console(stdout=Terminal(), stdin=stdin).confirm("Go?") is yes


def test_the_flag_yes_answers_without_asking() -> None:
    it, out, _ = console(assume_yes=True)
    assert it.confirm("Go?")
    assert out.getvalue() == ""


def test_a_question_that_nobody_can_answer_is_an_error_that_names_the_flag() -> None:
    it, _, _ = console()
    with pytest.raises(DeployError, match="nobody is there") as failure:
        it.confirm("Go?")
    assert "--yes" in failure.value.next_step


def test_json_mode_never_asks() -> None:
    it = Console(stdout=Terminal(), stdin=Terminal("y\n"), json_lines=True)
    with pytest.raises(DeployError):
        it.confirm("Go?")


def test_every_event_has_the_moment_it_was_written() -> None:
    it, out, _ = console(json_lines=True)
    it.event("fact")
    moment = datetime.fromisoformat(json.loads(out.getvalue())["time"])
    assert moment.tzinfo is UTC and moment <= datetime.now(UTC)


def test_a_script_gets_the_value_it_asked_for_and_nothing_else() -> None:
    it, out, _ = console(value_only=True)
    it.say("for people")
    it.value("https://x.test")
    it.value(["a", 1])
    assert out.getvalue() == 'https://x.test\n["a", 1]\n'


def test_a_value_for_a_script_is_no_json_line() -> None:
    it, out, _ = console(json_lines=True)
    it.value("https://x.test")
    assert out.getvalue() == ""
