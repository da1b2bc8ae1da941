"""The parser against the rules and the examples of the HTML standard, section 9.2.6."""

from __future__ import annotations

import pytest

from scripts.smoke.sse import Event, Parser


def parse(*chunks: bytes) -> list[Event]:
    parser = Parser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def data_of(*chunks: bytes) -> list[str]:
    return [event.data for event in parse(*chunks)]


def test_an_event_is_named_message_unless_it_says_otherwise() -> None:
    assert parse(b"data: a\n\nevent: chunk\ndata: b\n\ndata: c\n\n") == [
        Event("message", "a"),
        Event("chunk", "b"),
        Event("message", "c"),
    ]


def test_an_event_without_data_is_not_dispatched_and_does_not_name_the_next_one() -> None:
    assert parse(b"event: ping\n\ndata: x\n\n") == [Event("message", "x")]


def test_several_data_lines_become_one_text() -> None:
    # The standard's example of a stock ticker.
    assert data_of(b"data: YHOO\ndata: +2\ndata: 10\n\n") == ["YHOO\n+2\n10"]


def test_the_standards_example_of_empty_data_lines() -> None:
    # "data" alone: an event with empty data; twice: one line feed; the last block is never finished.
    assert data_of(b"data\n\ndata\ndata\n\ndata:") == ["", "\n"]


def test_the_standards_example_of_one_space_after_the_colon() -> None:
    assert data_of(b"data:test\n\ndata: test\n\ndata:  test\n\n") == ["test", "test", " test"]


def test_the_standards_example_of_four_blocks() -> None:
    stream = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
    assert parse(stream) == [
        Event("message", "first event", "1"),
        Event("message", "second event", ""),
        Event("message", " third event", ""),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_ending_is_understood(end: bytes) -> None:
    stream = b"event: a" + end + b"data: 1" + end + end + b"data: 2" + end + b"data: 3" + end + end
    assert parse(stream) == [Event("a", "1"), Event("message", "2\n3")]


def test_mixed_line_endings_are_understood() -> None:
    assert data_of(b"data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r") == ["1", "2", "3"]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_the_cut_between_two_reads_changes_nothing(end: bytes) -> None:
    stream = end.join(["\ufeffid: 7".encode(), "data: þæö 🙂".encode(), b": note", b"data: x", b"", b""])
    whole = parse(stream)
    assert whole == [Event("message", "þæö 🙂\nx", "7")]
    for cut in range(len(stream) + 1):
        assert parse(stream[:cut], stream[cut:]) == whole
    assert parse(*(stream[i : i + 1] for i in range(len(stream)))) == whole


def test_a_carriage_return_dispatches_without_waiting_for_the_next_byte() -> None:
    parser = Parser()
    assert parser.feed(b"data: now\r\n\r") == [Event("message", "now")]
    assert parser.feed(b"\n") == []
    assert not parser.unfinished


def test_one_byte_order_mark_at_the_start_is_ignored_and_no_other() -> None:
    assert data_of("\ufeffdata: a\n\n".encode()) == ["a"]
    assert data_of("\ufeff\ufeffdata: a\n\n".encode()) == []
    assert data_of("data: \ufeffa\n\n".encode()) == ["\ufeffa"]


def test_comments_are_counted_and_carry_nothing() -> None:
    parser = Parser()
    assert parser.feed(b": ping\n\n:\ndata: x\n:y\n\n") == [Event("message", "x")]
    assert parser.comments == 3


def test_the_id_stays_until_another_replaces_it() -> None:
    assert [event.id for event in parse(b"id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n")] == [
        "1",
        "1",
        "2",
    ]


def test_an_id_with_a_nul_is_ignored() -> None:
    assert parse(b"id: 1\ndata: a\n\nid: 2\x003\ndata: b\n\n")[1].id == "1"


def test_an_id_without_data_is_remembered_without_an_event() -> None:
    parser = Parser()
    assert parser.feed(b"id: 9\n\n") == []
    assert parser.last_event_id == "9"


def test_retry_takes_ascii_digits_only() -> None:
    parser = Parser()
    parser.feed("retry: 1500\n\nretry: -1\nretry: 1.5\nretry: ٣\nretry:\n\n".encode())
    assert parser.retry == 1500


def test_unknown_fields_and_near_misses_are_ignored() -> None:
    assert data_of(b"Data: no\n data: no\ndatas: no\ndata : no\ndata: yes\n\n") == ["yes"]


def test_only_cr_and_lf_end_a_line() -> None:
    text = "a\u2028b\u0085c\x0bd\x0ce"
    assert data_of(f"data: {text}\n\n".encode()) == [text]


def test_a_colon_inside_the_value_is_kept() -> None:
    assert data_of(b'data: {"a": "b:c"}\n\n') == ['{"a": "b:c"}']


def test_broken_utf8_becomes_replacement_characters() -> None:
    assert data_of(b"data: a\xffb\n\n") == ["a\ufffdb"]


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
