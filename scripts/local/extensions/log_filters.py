"""FilterLogEvents filters as CloudWatch does, and goes on where a page ends.

MiniStack takes every JSON pattern for "all", ignores case, and drops what is beyond the limit. Restores
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html (terms, phrases,
``?``, ``-``, ``{ $.field … }``; other patterns are refused) and ``nextToken`` of
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html.
"""

from __future__ import annotations

import fnmatch
import json
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

from scripts.local.extensions import Context, Response, replace

_MOST_EVENTS = 10_000
"""Of one page, as AWS has it."""

Matcher = Callable[[str], bool]


def install(context: Context) -> None:
    """Replace the patterns, wrap the listing."""
    from ministack.services import cloudwatch_logs

    def paging(original: Any) -> Any:
        def filter_log_events(data: dict[str, Any]) -> Response:
            try:
                compile_pattern(data.get("filterPattern") or "")
                return _page(original, data)
            except ValueError as error:
                refused: Response = cloudwatch_logs.error_response_json(
                    "InvalidParameterException", f"Invalid filter pattern or token: {error}", 400
                )
                return refused

        return filter_log_events

    replace(cloudwatch_logs, "_compile_filter_pattern", lambda _: compile_pattern)
    replace(cloudwatch_logs, "_filter_log_events", paging)


def _page(original: Callable[[dict[str, Any]], Response], data: dict[str, Any]) -> Response:
    """One page. A token is where the next begins: a timestamp, and how many events of it have been given."""
    limit = min(data.get("limit") or _MOST_EVENTS, _MOST_EVENTS)
    given = 0
    if token := data.get("nextToken"):
        start, _, count = token.partition("/")
        data, given = {**data, "startTime": int(start)}, int(count)
    status, headers, body = original({**data, "limit": min(limit + given, _MOST_EVENTS)})
    if status != 200:
        return status, headers, body
    answer = json.loads(body)
    found = answer["events"]
    if len(found) >= min(limit + given, _MOST_EVENTS):
        last = found[-1]["timestamp"]
        answer["nextToken"] = f"{last}/{sum(event['timestamp'] == last for event in found)}"
    answer["events"] = found[given:]
    return status, headers, json.dumps(answer).encode()


def compile_pattern(pattern: str) -> Matcher:
    """Whether a message matches.

    Raises:
        ValueError: a pattern that CloudWatch refuses, or one that only this emulator does not know.
    """
    pattern = pattern.strip()
    if pattern.startswith("{"):
        return _json_pattern(pattern)
    if pattern.startswith("["):
        raise ValueError("patterns of space-delimited fields are not known to the embedded AWS")
    return _terms(pattern)


_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\w+))(?=\s|$)')


def _terms(pattern: str) -> Matcher:
    found: dict[str, list[str]] = {"": [], "?": [], "-": []}
    position = 0
    while position < len(pattern):
        match = _TERM.match(pattern, position)
        if match is None:
            raise ValueError(f"what is neither a word nor in double quotes: {pattern[position:].strip()}")
        found[match[1]].append(re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3])
        position = match.end()
    # Beside other terms CloudWatch ignores the ones with a question mark.
    either = found["?"] if not (found[""] or found["-"]) else []

    def matches(message: str) -> bool:
        return (
            all(term in message for term in found[""])
            and not any(term in message for term in found["-"])
            and (not either or any(term in message for term in either))
        )

    return matches


_TOKEN = re.compile(
    r'\s*(?:(\{|\}|\(|\)|&&|\|\||!=|<=|>=|=|<|>)|"((?:[^"\\]|\\.)*)"|(\$[\w.\[\]-]*)|([^\s(){}=<>!&|"$]+))'
)
_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_MISSING = object()
Condition = Callable[[Any], bool]


def _json_pattern(pattern: str) -> Matcher:
    tokens = _Tokens(pattern)
    tokens.take("{")
    condition = _either(tokens)
    tokens.take("}")
    if tokens.peek() != ("", ""):
        raise ValueError("something follows the closing brace")

    def matches(message: str) -> bool:
        try:
            event = json.loads(message)
        except ValueError:
            return False
        return isinstance(event, dict) and condition(event)

    return matches


class _Tokens:
    """The tokens of a pattern: kind (``mark``, ``text``, ``field``, ``word``) and text."""

    def __init__(self, pattern: str) -> None:
        self._left = list(self._split(pattern))

    @staticmethod
    def _split(pattern: str) -> Iterator[tuple[str, str]]:
        position = 0
        while position < len(pattern.rstrip()):
            match = _TOKEN.match(pattern, position)
            if match is None:
                raise ValueError(pattern[position:].strip())
            kind = next(n for n in (1, 2, 3, 4) if match[n] is not None)
            yield ("mark", "text", "field", "word")[kind - 1], match[kind]
            position = match.end()

    def peek(self) -> tuple[str, str]:
        return self._left[0] if self._left else ("", "")

    def next(self, *kinds: str) -> tuple[str, str]:
        kind, text = self.peek()
        if kind not in kinds:
            raise ValueError(f"{text or 'the end'} where {' or '.join(kinds)} is expected")
        del self._left[0]
        return kind, text

    def take(self, mark: str) -> None:
        if self.next("mark")[1] != mark:
            raise ValueError(f"{mark} is missing")


def _either(tokens: _Tokens) -> Condition:
    conditions = [_all(tokens)]
    while tokens.peek() == ("mark", "||"):
        tokens.take("||")
        conditions.append(_all(tokens))
    return lambda event: any(condition(event) for condition in conditions)


def _all(tokens: _Tokens) -> Condition:
    conditions = [_one(tokens)]
    while tokens.peek() == ("mark", "&&"):
        tokens.take("&&")
        conditions.append(_one(tokens))
    return lambda event: all(condition(event) for condition in conditions)


def _one(tokens: _Tokens) -> Condition:
    if tokens.peek() == ("mark", "("):
        tokens.take("(")
        inner = _either(tokens)
        tokens.take(")")
        return inner
    field = tokens.next("field")[1]
    kind, comparison = tokens.next("mark", "word")
    if kind == "word":
        return _is(field, comparison.upper(), tokens.next("word")[1].upper())
    kind, wanted = tokens.next("text", "word")
    if comparison in _COMPARE:
        number, compare = float(wanted), _COMPARE[comparison]
        return lambda event: _is_number(_value(event, field)) and compare(_value(event, field), number)
    if comparison not in ("=", "!="):
        raise ValueError(f"{comparison} compares nothing")
    # A field that is not there equals nothing and differs from nothing: that is what NOT EXISTS is for.
    return lambda event: (
        _value(event, field) is not _MISSING and _equals(_value(event, field), wanted) is (comparison == "=")
    )


def _is(field: str, verb: str, word: str) -> Condition:
    match verb, word:
        case "NOT", "EXISTS":
            return lambda event: _value(event, field) is _MISSING
        case "IS", "TRUE" | "FALSE" | "NULL":
            wanted = {"TRUE": True, "FALSE": False, "NULL": None}[word]
            return lambda event: _value(event, field) is wanted
    raise ValueError(f"{verb} {word}")


def _value(event: Any, field: str) -> Any:
    for name, index in re.findall(r"\.([\w-]+)|\[(\d+)\]", field):
        if name and isinstance(event, dict):
            event = event.get(name, _MISSING)
        elif index and isinstance(event, list) and int(index) < len(event):
            event = event[int(index)]
        else:
            return _MISSING
    return event


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equals(value: Any, wanted: str) -> bool:
    if _is_number(value):
        try:
            return bool(value == float(wanted))
        except ValueError:
            return False
    return isinstance(value, str) and fnmatch.fnmatchcase(value, re.sub(r"([\[?])", r"[\1]", wanted))
