"""An incremental parser of server-sent events, by the letter of the HTML standard.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

It only parses: arrival times belong to `recorder`. Nobody reconnects here, so ``id`` and ``retry`` are passed
over like fields that are not known. Why not a library: httpx-sse takes lines and not reads, holds back a CR,
drops comments, and dispatches events without data, which are the very things to be measured.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

# Not str.splitlines(): that also ends lines at U+2028, U+0085 and form feeds, which are data here.
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Event:
    """A dispatched event.

    Attributes:
        type: The ``event`` field, ``message`` when it was not given.
        data: The ``data`` lines joined by line feeds.
    """

    type: str
    data: str


class Parser:
    """Turns a byte stream, cut anywhere, into events.

    Attributes:
        comments: Number of comment lines seen (lines that begin with a colon).
    """

    def __init__(self) -> None:
        self.comments = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._at_start = True
        self._after_cr = False
        self._line: list[str] = []
        self._type = ""
        self._data: list[str] = []

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
        if name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        return None

    def _dispatch(self) -> Event | None:
        type_, data = self._type, self._data
        self._type, self._data = "", []
        # The standard's data buffer holds "value\n" for each line, so one empty `data` line is a
        # buffer that is not empty and dispatches an event with empty data.
        return Event(type_ or "message", "\n".join(data)) if data else None
