"""Just enough HCL to hold modules to their contracts: blocks, and expressions that are literal.

Not an evaluator: whatever is not a literal (references, operators, most functions) stays `Opaque`.
Grammar: https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Token = str

_TOKEN = re.compile(
    r"""
      (?P<skip> [ \t\r]+ | \#[^\n]* | //[^\n]* | /\*.*?\*/ )
    | <<-?(?P<marker> \w+)\n.*?\n[ \t]*(?P=marker)(?=\n)
    | [A-Za-z_][\w-]* | \d+(?:\.\d+)? | \n | => | [=!<>]= | && | \|\| | \.\.\. | [^\s"]
    """,
    re.VERBOSE | re.DOTALL,
)
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True)
class Opaque:
    """An expression that is not a literal, as its tokens."""

    tokens: tuple[Token, ...]


@dataclass(frozen=True)
class Call:
    """A function call or a type constructor: ``optional(string, "x")``, ``map(string)``."""

    name: str
    arguments: tuple[Any, ...]


@dataclass
class Block:
    """A block: ``module "redis" { … }`` has the type ``module`` and the labels ``("redis",)``."""

    type: str
    labels: tuple[str, ...] = ()
    attributes: dict[str, list[Token]] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)


def read_module(folder: Path) -> list[Block]:
    """The top-level blocks of every .tf file in a folder."""
    return [block for path in sorted(folder.glob("*.tf")) for block in parse(path.read_text()).blocks]


def parse(text: str) -> Block:
    """The file as one nameless block."""
    tokens = list(tokenise(text))
    body, end = _body(tokens, 0, Block(""))
    assert end == len(tokens), f"unbalanced braces near {tokens[end - 5 : end + 5]}"
    return body


def tokenise(text: str) -> Iterator[Token]:
    """Tokens, newlines included, comments not. A string is one token, interpolation and all."""
    position = 0
    while position < len(text):
        if text[position] == '"':
            end = _end_of_string(text, position)
            yield text[position:end]
            position = end
            continue
        match = _TOKEN.match(text, position)
        assert match, f"no HCL: {text[position : position + 40]!r}"
        if match.lastgroup != "skip":
            yield match.group()
        position = match.end()


def same(left: list[Token], right: list[Token]) -> bool:
    """Whether two expressions differ in layout only: line breaks and commas separate alike."""
    return [t for t in left if t not in ("\n", ",")] == [t for t in right if t not in ("\n", ",")]


def value(tokens: list[Token]) -> Any:
    """An expression as Python values: dict, list, str, number, bool, None, `Call` or `Opaque`.

    A ``for`` expression that makes a list is a list of its one item.
    """
    tokens = _trim(tokens)
    match tokens:
        case ["null"]:
            return None
        case ["true" | "false" as word]:
            return word == "true"
        case [number] if re.fullmatch(r"\d+(\.\d+)?", number):
            return float(number) if "." in number else int(number)
        case ["-", number] if number.isdecimal():
            return -int(number)
        case [text] if text.startswith('"') and "${" not in text:
            return text[1:-1]
        case ["[", "for", *_, "]"]:
            body = tokens[_find(tokens, ":", depth=1) + 1 : -1]
            return [value(body)]
        case ["[", *inner, "]"] if _wraps(tokens):
            return [value(item) for item in _items(inner)]
        case ["{", *inner, "}"] if _wraps(tokens) and _trim(inner)[:1] != ["for"]:
            return {_key(item): value(item[_find(item, "=", ":") + 1 :]) for item in _items(inner)}
        case [name, "(", *inner, ")"] if re.fullmatch(r"[a-z]\w*", name) and _wraps(tokens[1:]):
            return Call(name, tuple(value(item) for item in _items(inner)))
        case _:
            return Opaque(tuple(tokens))


def _body(tokens: list[Token], position: int, block: Block) -> tuple[Block, int]:
    while position < len(tokens) and tokens[position] != "}":
        if tokens[position] == "\n":
            position += 1
        elif tokens[position + 1] == "=":
            end = _end_of_expression(tokens, position + 2)
            block.attributes[tokens[position]] = tokens[position + 2 : end]
            position = end
        else:
            opening = tokens.index("{", position)
            labels = tuple(label.strip('"') for label in tokens[position + 1 : opening])
            inner, position = _body(tokens, opening + 1, Block(tokens[position], labels))
            block.blocks.append(inner)
            position += 1
    return block, position


def _end_of_expression(tokens: list[Token], position: int) -> int:
    """Where an attribute ends: at the line's end, or at the brace that closes its block."""
    depth = 0
    for index in range(position, len(tokens)):
        token = tokens[index]
        if depth == 0 and token in ("\n", "}"):
            return index
        depth += (token in _OPENING) - (token in _CLOSING)
    return len(tokens)


def _end_of_string(text: str, start: int) -> int:
    """Index after the closing quote; quotes inside ``${…}`` open strings of their own."""
    position, depth = start + 1, 0
    while position < len(text):
        if text.startswith("\\", position):
            position += 2
        elif text.startswith(("${", "%{"), position):
            depth, position = depth + 1, position + 2
        elif text[position] == "}" and depth:
            depth, position = depth - 1, position + 1
        elif text[position] == '"':
            if not depth:
                return position + 1
            position = _end_of_string(text, position)
        else:
            position += 1
    raise AssertionError(f"unterminated string: {text[start : start + 40]!r}")


def _items(tokens: list[Token]) -> list[list[Token]]:
    """Elements between brackets, separated by commas or line breaks."""
    items: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token in _OPENING) - (token in _CLOSING)
        if depth == 0 and token in (",", "\n"):
            items.append([])
        else:
            items[-1].append(token)
    return [item for item in items if item]


def _key(item: list[Token]) -> str:
    """Key of an object element. ``(local.x)`` is a computed key and stays as written."""
    return "".join(item[: _find(item, "=", ":")]).strip('"')


def _find(tokens: list[Token], *wanted: Token, depth: int = 0) -> int:
    level = 0
    for index, token in enumerate(tokens):
        if level == depth and token in wanted:
            return index
        level += (token in _OPENING) - (token in _CLOSING)
    raise AssertionError(f"no {' or '.join(wanted)} in {' '.join(tokens)}")


def _wraps(tokens: list[Token]) -> bool:
    """Whether the first bracket closes with the last token."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token in _OPENING) - (token in _CLOSING)
        if depth == 0:
            return index == len(tokens) - 1
    return False


def _trim(tokens: list[Token]) -> list[Token]:
    start, end = 0, len(tokens)
    while start < end and tokens[start] == "\n":
        start += 1
    while end > start and tokens[end - 1] == "\n":
        end -= 1
    return tokens[start:end]
