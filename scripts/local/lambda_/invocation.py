"""One invocation: the event on its way in, the response stream on its way out.

The Runtime API writes into it, the caller iterates over it. Between them stands a buffer of a fixed
size, so that a slow reader slows the function's writes down, as TCP does in the real service.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

BUFFER_BYTES = 65536
"""How far a function may write ahead of its reader."""

MAX_EVENT_BYTES = 6 * 1024 * 1024
MAX_BUFFERED_RESPONSE_BYTES = 6 * 1024 * 1024
MAX_STREAMED_RESPONSE_BYTES = 200 * 1024 * 1024
"""Quotas: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


@dataclass(frozen=True)
class FunctionError:
    """A failure of the function or its runtime, as Lambda reports it.

    Attributes:
        type: For example ``Runtime.ExitError``, or the class of an exception of the handler.
        message: The text for people.
        payload: The JSON that Lambda would return as the invocation's payload.
    """

    type: str
    message: str
    payload: bytes = b""

    @classmethod
    def make(cls, type: str, message: str) -> FunctionError:
        """An error found by the service itself."""
        return cls(type, message, json.dumps({"errorType": type, "errorMessage": message}).encode())

    @classmethod
    def parse(cls, type: str, payload: bytes) -> FunctionError:
        """An error posted by the runtime: a JSON object with errorType and errorMessage."""
        try:
            document = json.loads(payload)
            message, named = str(document["errorMessage"]), str(document.get("errorType", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            message, named = payload.decode(errors="replace"), ""
        return cls(type or named or "Unhandled", message, payload)

    def __str__(self) -> str:
        return f"{self.type}: {self.message}"


class InvokeError(Exception):
    """The Invoke API refused or could not start an invocation.

    Attributes:
        status: HTTP status of the API.
        type: Error code, for example ``TooManyRequestsException``.
        message: The text for people.
    """

    def __init__(self, status: int, type: str, message: str) -> None:
        super().__init__(f"{type}: {message}")
        self.status = status
        self.type = type
        self.message = message


class ResponseTooLarge(Exception):
    """The runtime posted more than Lambda returns."""


class Invocation:
    """An invocation as its caller sees it: iterate over the body, then look at `error`.

    The body is what the runtime posted, byte for byte; the prelude of a streamed HTTP response is
    part of it. A function that failed before its first byte has an empty body and an `error`. Its
    timeout runs `clock` times as fast as configured (`scripts.local.clock`).
    """

    def __init__(
        self, function_arn: str, event: bytes, *, request_id: str = "", trace_id: str = "", clock: int = 1
    ) -> None:
        self.function_arn = function_arn
        self.event = event
        self.request_id = request_id or str(uuid.uuid4())
        self.trace_id = trace_id or f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=0"
        self.clock = clock
        self.content_type = ""
        self.streamed = False
        self.error: FunctionError | None = None
        self._output = _Output()
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body, chunk by chunk, as soon as each arrives."""
        return self._output.read()

    async def abandon(self) -> None:
        """The caller is gone. The function goes on; what it still writes is thrown away."""
        self._output.discard()

    # What follows is for the service and the Runtime API.

    async def started(self) -> None:
        """Return once the response began or the invocation failed.

        Raises:
            InvokeError: when no environment could take the invocation.
        """
        await asyncio.shield(self._started)

    def begin(self, content_type: str, *, streamed: bool) -> None:
        """The runtime started its response."""
        self.content_type = content_type
        self.streamed = streamed
        self._output.limit = MAX_STREAMED_RESPONSE_BYTES if streamed else MAX_BUFFERED_RESPONSE_BYTES
        self._start()

    async def write(self, chunk: bytes) -> None:
        """A chunk of the response; waits until the reader has room.

        Raises:
            ResponseTooLarge: when the response exceeds Lambda's quota.
        """
        await self._output.write(chunk)

    def finish(self, error: FunctionError | None = None) -> None:
        """The end of the response. The first end counts."""
        if not self.finished:
            self.error = error
            self._output.close()
        self._start()

    def refuse(self, error: InvokeError) -> None:
        """No environment could take the invocation."""
        if not self._started.done():
            self._started.set_exception(error)
            self._started.exception()  # a caller that left will not ask for it
        self._output.close()

    @property
    def finished(self) -> bool:
        """Whether the response is complete, in success or failure."""
        return self._output.closed

    def _start(self) -> None:
        if not self._started.done():
            self._started.set_result(None)


@dataclass
class _Output:
    """A bounded buffer between one writer and one reader."""

    limit: int = MAX_STREAMED_RESPONSE_BYTES
    closed: bool = False
    _chunks: deque[bytes] = field(default_factory=deque)
    _buffered: int = 0
    _total: int = 0
    _discarding: bool = False
    _readable: asyncio.Event = field(default_factory=asyncio.Event)
    _writable: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, chunk: bytes) -> None:
        self._total += len(chunk)
        if self._total > self.limit:
            raise ResponseTooLarge(f"response payload size exceeded maximum allowed ({self.limit} bytes)")
        if self._discarding or self.closed or not chunk:
            return
        self._chunks.append(chunk)
        self._buffered += len(chunk)
        self._readable.set()
        while self._buffered >= BUFFER_BYTES and not self._discarding and not self.closed:
            self._writable.clear()
            await self._writable.wait()

    async def read(self) -> AsyncIterator[bytes]:
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._buffered -= len(chunk)
                self._writable.set()
                yield chunk
            if self.closed:
                return
            self._readable.clear()
            await self._readable.wait()

    def discard(self) -> None:
        self._discarding = True
        self._chunks.clear()
        self._buffered = 0
        self._writable.set()

    def close(self) -> None:
        self.closed = True
        self._readable.set()
        self._writable.set()
