"""The parser against the HTML standard, section 9.2.6: its rules one by one, and its own examples.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
Every stream is also fed cut in two at every byte, and byte by byte: how it is cut must change nothing.
"""

from __future__ import annotations

import pytest

from scripts.smoke.stream.sse import Event, Parser


def message(data: str) -> Event:
    return Event("message", data)


RULES: tuple[tuple[str, bytes, list[Event]], ...] = (
    # The standard's examples.
    ("example: several data lines become one text", b"data: YHOO\ndata: +2\ndata: 10\n\n",
     [message("YHOO\n+2\n10")]),
    ("example: a comment, two ids, a block without an end",
     b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event",
     [message("first event"), message("second event")]),
    ("example: empty data lines", b"data\n\ndata\ndata\n\ndata:", [message(""), message("\n")]),
    ("example: the space after the colon", b"data:test\n\ndata: test\n\n", [message("test")] * 2),
    # The byte stream.
    ("a byte order mark at the start is ignored", "\ufeffdata: a\n\n".encode(), [message("a")]),
    ("a second one is part of the field's name", "\ufeff\ufeffdata: a\n\n".encode(), []),
    ("a later one is data", "data: \ufeffa\n\n".encode(), [message("\ufeffa")]),
    ("invalid UTF-8 becomes replacement characters", b"data: a\xffb\n\n", [message("a\ufffdb")]),
    ("a character that the end of the line cuts becomes one, too", b"data: \xf0\x9f\ndata: b\n\n",
     [message("\ufffd\nb")]),
    ("characters of every length", "data: aþ‰🙂\n\n".encode(), [message("aþ‰🙂")]),
    # Lines.
    ("line feed", b"data: 1\ndata: 2\n\n", [message("1\n2")]),
    ("carriage return", b"data: 1\rdata: 2\r\r", [message("1\n2")]),
    ("both", b"data: 1\r\ndata: 2\r\n\r\n", [message("1\n2")]),
    ("mixed", b"data: 1\r\n\ndata: 2\n\r\ndata: 3\r\rdata: 4\n\r", [message(n) for n in "1234"]),
    ("no other character ends a line", "data: a\u2028b\u0085c\x0bd\x0ce\x1cf\n\n".encode(),
     [message("a\u2028b\u0085c\x0bd\x0ce\x1cf")]),
    ("empty lines dispatch nothing", b"\n\r\n\r\n\rdata: a\n\n\n\n", [message("a")]),
    # Fields.
    ("a line without a colon is a field with an empty value", b"data\nevent\ndata: x\n\n", [message("\nx")]),
    ("a colon first is a comment", b":data: a\n:\n: b\ndata: c\n\n", [message("c")]),
    ("only one space is dropped", b"data:  a\n\ndata: \ta\n\ndata:\ta\n\n",
     [message(" a"), message("\ta"), message("\ta")]),
    ("a space at the end stays", b"data: a \n\n", [message("a ")]),
    ("a colon in the value stays", b'data: {"a": "b:c"}\n\n', [message('{"a": "b:c"}')]),
    ("names are compared byte by byte", b"Data: 1\n data: 2\ndatas: 3\ndata : 4\n\xc2\xa0data: 5\n\n", []),
    ("unknown fields are ignored", b"retries: 1\nx\n\xc3\xbe: y\ndata: a\n\n", [message("a")]),
    ("so are those for a client that reconnects", b"id: 1\nretry: 9\ndata: a\n\nid: 2\n\n", [message("a")]),
    # event
    ("event names the type", b"event: chunk\ndata: a\n\n", [Event("chunk", "a")]),
    ("the last one counts", b"event: a\nevent: b\ndata: x\n\n", [Event("b", "x")]),
    ("an empty one is message", b"event: a\nevent:\ndata: x\n\n", [message("x")]),
    ("it holds for one event", b"event: a\ndata: x\n\ndata: y\n\n", [Event("a", "x"), message("y")]),
    ("without data nothing is dispatched, and the type is forgotten", b"event: a\n\ndata: x\n\n",
     [message("x")]),
    # data
    ("empty data is data", b"data\n\ndata:\n\ndata: \n\n", [message("")] * 3),
    ("one line feed at the end is dropped", b"data: a\ndata:\n\n", [message("a\n")]),
    ("NUL is data", b"data: a\0b\n\n", [message("a\0b")]),
    # The end.
    ("an event without its empty line is dropped", b"data: a\n\ndata: b\n", [message("a")]),
    ("so is a line without its end", b"data: a\n\ndata: b", [message("a")]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("stream", "expected"), [each[1:] for each in RULES], ids=[each[0] for each in RULES]
)
def test_a_rule_of_the_standard_holds_however_the_stream_is_cut(stream: bytes, expected: list[Event]) -> None:
    assert parse(stream) == expected
    for cut in range(len(stream) + 1):
        assert parse(stream[:cut], stream[cut:]) == expected, cut
    assert parse(*(stream[at : at + 1] for at in range(len(stream)))) == expected


def parse(*chunks: bytes) -> list[Event]:
    parser = Parser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def test_a_carriage_return_dispatches_without_waiting_for_the_next_byte() -> None:
    parser = Parser()
    assert parser.feed(b"data: now\r\n\r") == [message("now")]
    assert parser.feed(b"\n") == []
    assert not parser.unfinished


def test_comments_are_counted() -> None:
    parser = Parser()
    assert parser.feed(b": ping\n\n:\ndata: x\n:y\n\n") == [message("x")]
    assert parser.comments == 3


@pytest.mark.parametrize(
    "stream", [b"data: x", b"data: x\n", b"data: x\n\ndata", b"event: e\n", b"data: x\n\n: half a comm"]
)
def test_an_end_in_the_middle_of_an_event_is_noticed(stream: bytes) -> None:
    parser = Parser()
    parser.feed(stream)
    assert parser.unfinished


@pytest.mark.parametrize("stream", [b"", b"data: x\n\n", b"data: x\r\n\r\n", b"data: x\n\n: comment\n"])
def test_an_end_between_events_is_clean(stream: bytes) -> None:
    parser = Parser()
    parser.feed(stream)
    assert not parser.unfinished
