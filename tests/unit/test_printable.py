"""Text from outside drives neither the terminal nor a CI system, whichever way it gets there."""

from __future__ import annotations

import io
import json
import random
import unicodedata
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scripts.console import Console
from scripts.errors import DeployError
from scripts.printable import printable
from scripts.state.lock import Lock, locked

NASTY = (
    "a\x1b[2Jb\x1b]0;title\x07c\x1b]8;;https://evil.example\x1b\\d\x9b5ne\x1bcf\x08g\x7fh\r"
    "i\u202ej\u2066k\u200fl\u061cm\u200en\u2028o\ud800p[red]q[/red]r[link=https://evil.example]s"
)


def is_harmless(text: str) -> bool:
    """Whether it holds no character that does something, but for line feeds."""
    return all(character == "\n" or unicodedata.category(character)[0] != "C" for character in text)


@dataclass(frozen=True)
class Foreign:
    """An outcome that draws text from outside in every way that rich has."""

    type: str = "foreign"

    def to_json(self) -> dict[str, Any]:
        return {"text": NASTY.replace("\ud800", "")}

    def __rich__(self) -> RenderableType:
        table = Table(NASTY, title=NASTY)
        table.add_row(NASTY)
        return Group(Text(NASTY), NASTY, table, Panel(NASTY, title=Text(NASTY)))


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_control_characters_are_written_out_and_text_stays() -> None:
    assert printable("a\x1b[2Jb\tc\nd") == "a\\x1b[2Jb\tc\nd"
    assert printable("\x1b[1;31mred\x1b[0m") == "red"
    assert printable("one\r\ntwo\rthree") == "one\ntwo\\rthree"
    assert printable("admin\u202etxt.exe") == "admin\\u202etxt.exe"
    plain = "Grüße, 日本語, 🦜, ✓ … arn:aws:iam::123:role/x ::1 a::b"
    assert printable(plain) == plain


def test_it_is_harmless_whatever_it_was() -> None:
    choose = random.Random(14)
    signs = [
        *map(chr, range(0x20)),
        *map(chr, range(0x7F, 0xA0)),
        "[",
        "m",
        "]",
        "8",
        ";",
        "a",
        "é",
        "\u202e",
        "\ud801",
    ]
    for _ in range(3000):
        text = "".join(choose.choices(signs, k=choose.randrange(1, 20)))
        once = printable(text)
        assert is_harmless(once.replace("\t", "")), repr(text)
        assert printable(once) == once


def test_every_way_to_the_terminal_is_harmless() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(stdout=out, stderr=err)
    console.say_plain(NASTY)
    console.show(Foreign())
    console.warn(NASTY)
    console.error(DeployError(NASTY, NASTY, NASTY, evidence=NASTY))
    console.rich.print(Foreign())
    with Live(Foreign(), console=console.rich):
        pass
    for text in (out.getvalue(), err.getvalue()):
        assert is_harmless(text)
        assert "[red]q[/red]" in text
        assert "\\x1b[2J" in text


def test_the_holder_of_a_lock_cannot_write_on_the_terminal() -> None:
    err = io.StringIO()
    lock = Lock.parse(json.dumps({"ID": "1\x1b[8m", "Who": NASTY, "Created": "", "Operation": "x"}).encode())
    assert lock is not None
    Console(stderr=err).error(locked(lock, "inv unlock"))
    assert is_harmless(err.getvalue())


def test_a_value_stays_what_it_is_in_a_file_and_is_harmless_on_a_terminal() -> None:
    file, terminal = io.StringIO(), Terminal()
    Console(stdout=file, value_only=True).value("a\x1b[2J")
    Console(stdout=terminal, value_only=True).value("a\x1b[2J")
    assert (file.getvalue(), terminal.getvalue()) == ("a\x1b[2J\n", "a\\x1b[2J\n")


@pytest.mark.parametrize(
    "line",
    [
        "::error::x",
        "  ::set-output name=a::b",
        "::add-mask::x",
        "a ##[error]x",
        "::stop-commands::t",
        "::debug ::x",
    ],
)
def test_no_line_is_a_command_to_a_ci_system(line: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(stdout=out, stderr=err)
    console.say_plain(f"first\n{line}")
    console.error(DeployError("It failed", f"first\n{line}", evidence=f"first\n{line}"))
    for shown in (*out.getvalue().splitlines(), *err.getvalue().splitlines()):
        assert not shown.strip().startswith("::")
        assert "##[" not in shown


def test_for_programs_everything_is_escaped_and_means_the_same() -> None:
    out = io.StringIO()
    Console(stdout=out, json_lines=True).event("x", text=NASTY, command="##[error]x")
    assert is_harmless(out.getvalue())
    assert "##[" not in out.getvalue()
    event = json.loads(out.getvalue())
    assert (event["text"], event["command"]) == (NASTY, "##[error]x")


def test_an_error_and_a_warning_show_no_secret() -> None:
    out, err = io.StringIO(), io.StringIO()
    for console in (Console(stderr=err), Console(stdout=out, json_lines=True)):
        console.warn("MONGO_URI=mongodb://u:hunter2@host/db")
        console.error(DeployError("CREDS_KEY=hunter2", "password=hunter2", evidence='"CREDS_IV": "hunter2"'))
    assert "hunter2" not in out.getvalue() + err.getvalue()
