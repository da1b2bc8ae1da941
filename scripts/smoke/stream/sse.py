"""An incremental parser of server-sent events, by the letter of the HTML standard.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

It only parses: arrival times belong to `recorder`, reconnecting to nobody here. Why not a library: httpx-sse
takes lines and not reads, holds back a CR, drops comments, and dispatches events without data, which are
the very things to be measured.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

# Not str.splitlines(): that also ends lines at U+2028, U+0085 and form feeds, which are data here.
_LINE_END = re.compile(r"\r\n|\r|\n")
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Event:
    """A dispatched event.

    Attributes:
        type: The ``event`` field, ``message`` when it was not given.
        data: The ``data`` lines joined by line feeds.
        id: The last event id at the moment of the dispatch; it outlives the event that set it.
    """

    type: str
    data: str
    id: str = ""


class Parser:
    """Turns a byte stream, cut anywhere, into events.

    Attributes:
        comments: Number of comment lines seen (lines that begin with a colon).
        retry: The last valid reconnection time in milliseconds, None when there was none.
        last_event_id: What a client would send as ``Last-Event-ID``.
    """

    def __init__(self) -> None:
        self.comments = 0
        self.retry: int | None = None
        self.last_event_id = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._at_start = True
        self._after_cr = False
        self._line: list[str] = []
        self._type = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that these bytes complete, in order."""
        return [event for line in self._lines(self._decoder.decode(chunk)) if (event := self._take(line))]

    @property
    def unfinished(self) -> bool:
        """Whether the end of the stream now would drop something: an event without its blank line."""
        return bool(self._data or self._type or any(self._line))

    def _lines(self, text: str) -> Iterator[str]:
        if self._at_start and text:
            self._at_start = False
            text = text.removeprefix("\ufeff")
        # A lone CR ends a line at once, so that an event is never held back for one more byte;
        # the LF of a CRLF that was cut in two is then dropped here.
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        if not text:
            return
        self._after_cr = text.endswith("\r")
        first, *rest = _LINE_END.split(text)
        self._line.append(first)
        for following in rest:
            yield "".join(self._line)
            self._line = [following]

    def _take(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        if line.startswith(":"):
            self.comments += 1
            return None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._type = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if _DIGITS.fullmatch(value):
                self.retry = int(value)
        return None

    def _dispatch(self) -> Event | None:
        self.last_event_id = self._id
        type_, data = self._type, self._data
        self._type, self._data = "", []
        # The standard's data buffer holds "value\n" for each line, so one empty `data` line is a
        # buffer that is not empty and dispatches an event with empty data.
        return Event(type_ or "message", "\n".join(data), self._id) if data else None
