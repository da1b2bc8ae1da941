"""librechat.yaml as a tree with places: what stands where, for findings that name line and key.

Stricter than PyYAML where LibreChat's own parser (js-yaml) is: a key that is given twice is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import yaml

from scripts.errors import DeployError, ExitStatus

_MOST_SCALARS = 100_000
"""Aliases of aliases grow without end ("billion laughs"); LibreChat would not survive them either."""

_QUOTED = re.compile(r"'(?!<)[^']{2,}'|\"[^\"]{2,}\"")
"""What PyYAML's messages take from the file, such as the name of an alias; not its own ``'<scalar>'``."""

_FLAG = re.compile(r"--?([A-Za-z][\w-]*)")


@dataclass(frozen=True)
class Scalar:
    """One value of the file.

    Attributes:
        path: Where it belongs, for example ``endpoints.custom[0].apiKey``.
        names: The keys above it, from the outside in; a list adds none.
        value: The value as text, without quotes.
        literal: Whether it is text or a number, not a truth value or null.
        line: Where it begins, counted from 1.
        start: Where it begins in the text, in characters; `end` is where it ends.
    """

    path: str
    names: tuple[str, ...]
    value: str
    literal: bool
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Document:
    """A file that YAML can read.

    Attributes:
        content: What it says, as Python values.
        scalars: Every value with its place. A value that is used again by an alias is there again.
    """

    content: Any
    scalars: tuple[Scalar, ...]


def parse(text: str) -> Document:
    """Read the file.

    Raises:
        DeployError: naming the place, never the content.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            return Document(None, ())
        if doubled := list(_doubled(root, set())):
            raise invalid("\n".join(doubled))
        scalars = tuple(islice(_scalars(root, "", (), frozenset()), _MOST_SCALARS))
        if len(scalars) == _MOST_SCALARS:
            raise invalid(f"it has {_MOST_SCALARS} values or more, counting aliases")
        return Document(yaml.safe_load(text), scalars)
    # "from None": PyYAML's own messages quote the line, which a traceback (--debug) would show.
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise invalid(place + _QUOTED.sub("(not shown)", error.problem or "it is not YAML")) from None
    except yaml.YAMLError:
        raise invalid("it is not YAML") from None
    except (RecursionError, ValueError):  # nested without end; a date that does not exist
        raise invalid("it is not YAML that can be read") from None


def invalid(why: str) -> DeployError:
    """The refusal of a file that LibreChat could not read."""
    return DeployError(
        "librechat.yaml is not valid",
        why,
        "Correct the file; https://www.librechat.ai/docs/configuration/librechat_yaml lists its keys.",
        status=ExitStatus.PREFLIGHT_FAILED,
    )


def _doubled(node: yaml.Node, seen: set[int]) -> Iterator[str]:
    """Keys that are given twice in one mapping: PyYAML takes the last one, js-yaml refuses the file."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _doubled(item, seen)
    elif isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                if key.value in first:
                    yield f"line {line}: `{key.value}` is there already, in line {first[key.value]}"
                first.setdefault(key.value, line)
            yield from _doubled(value, seen)


def _scalars(node: yaml.Node, path: str, names: tuple[str, ...], above: frozenset[int]) -> Iterator[Scalar]:
    if isinstance(node, yaml.ScalarNode):
        literal = node.tag.rpartition(":")[2] not in ("bool", "null")
        start, end = node.start_mark, node.end_mark
        yield Scalar(path, names, node.value, literal, start.line + 1, start.index, end.index)
        return
    if id(node) in above:
        return  # an alias to something that it is a part of
    above |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            yield from _scalars(value, f"{path}.{name}".lstrip("."), (*names, name), above)
    else:
        flag = ""
        for number, item in enumerate(node.value):
            # In a list of arguments the value of `--api-key` is the next one.
            inner = (*names, flag) if flag else names
            yield from _scalars(item, f"{path}[{number}]", inner, above)
            named = _FLAG.fullmatch(item.value) if isinstance(item, yaml.ScalarNode) else None
            flag = named[1] if named else ""
