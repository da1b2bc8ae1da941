"""Where the output of functions goes: CloudWatch Logs, and a file for people."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from scripts.aws import Aws, error_code
from scripts.local.lambda_.waiting import first_of

log = logging.getLogger("lambda")

FLUSH_SECONDS = 0.5
CLOSE_SECONDS = 3.0
MAX_EVENT_CHARACTERS = 256 * 1024
_MAX_BATCH_EVENTS = 1000
_MAX_PENDING_EVENTS = 50_000
_FILE_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class LogEvent:
    """One line. ``timestamp`` is in milliseconds since the epoch."""

    timestamp: int
    message: str


@dataclass
class LogStream:
    """The log stream of one execution environment."""

    group: str
    name: str
    _sink: LogSink = field(repr=False)
    pending: deque[LogEvent] = field(default_factory=lambda: deque(maxlen=_MAX_PENDING_EVENTS), repr=False)
    created: bool = False
    closed: bool = False

    def write(self, message: str) -> None:
        """Add a line."""
        event = LogEvent(time.time_ns() // 1_000_000, message[:MAX_EVENT_CHARACTERS])
        self.pending.append(event)
        self._sink.record(self, event)


class LogSink:
    """All log streams. Sends in batches; a control plane that is gone loses lines, never functions."""

    def __init__(self, aws: Aws, file: Path) -> None:
        self._aws = aws
        self._open: list[LogStream] = []
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = logging.handlers.RotatingFileHandler(
            file, maxBytes=_FILE_BYTES, backupCount=1, delay=True
        )
        self._flushing = asyncio.Lock()
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._flush_regularly())

    def open(self, group: str, version: str) -> LogStream:
        """A new stream, named as Lambda names them."""
        day = datetime.now(UTC).strftime("%Y/%m/%d")
        stream = LogStream(group, f"{day}/[{version}]{secrets.token_hex(16)}", self)
        self._open.append(stream)
        return stream

    def close_stream(self, stream: LogStream) -> None:
        """The environment ended: forget its stream once the last lines are sent."""
        stream.closed = True

    def record(self, stream: LogStream, event: LogEvent) -> None:
        """Write a line to the file."""
        moment = datetime.fromtimestamp(event.timestamp / 1000, UTC).isoformat(timespec="milliseconds")
        self._file.emit(logging.makeLogRecord({"msg": f"{moment} {stream.name[-8:]} {event.message}"}))

    async def flush(self) -> None:
        """Send what is pending."""
        async with self._flushing:
            for stream in tuple(self._open):
                if stream.pending:
                    await asyncio.to_thread(self._send, stream)
                if stream.closed and not stream.pending:
                    self._open.remove(stream)

    async def close(self) -> None:
        """Send the rest, unless the control plane is gone as well, and stop."""
        self._closing.set()
        # Never cancelled: a batch on its way to the control plane would be sent twice.
        await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
        self._file.close()

    async def _flush_regularly(self) -> None:
        last = False
        while not last:
            await first_of(self._closing.wait(), seconds=FLUSH_SECONDS)
            last = self._closing.is_set()
            await self.flush()

    def _send(self, stream: LogStream) -> None:
        try:
            if not stream.created:
                self._create(stream)
            while stream.pending:
                batch = [stream.pending[i] for i in range(min(len(stream.pending), _MAX_BATCH_EVENTS))]
                self._put(stream, batch)
                for _ in batch:
                    stream.pending.popleft()
        except Exception as error:
            # The group may be gone with its function (destroy): never bring it back to life.
            log.warning("%d log lines of %s were lost: %s", len(stream.pending), stream.group, error)
            stream.pending.clear()

    def _put(self, stream: LogStream, batch: list[LogEvent]) -> None:
        events = [{"timestamp": event.timestamp, "message": event.message or " "} for event in batch]
        self._aws.client("logs").put_log_events(
            logGroupName=stream.group, logStreamName=stream.name, logEvents=events
        )

    def _create(self, stream: LogStream) -> None:
        logs = self._aws.client("logs")
        for create, names in (
            (logs.create_log_group, {"logGroupName": stream.group}),
            (logs.create_log_stream, {"logGroupName": stream.group, "logStreamName": stream.name}),
        ):
            try:
                create(**names)
            except Exception as error:
                if error_code(error) != "ResourceAlreadyExistsException":
                    raise
        stream.created = True


class OutputPipe:
    """Standard output and error of an environment, line by line into its log stream.

    One pipe for both, read without blocking, so that `drain` can take all that was written before
    an invocation ended and the END line comes after the function's own last line.
    """

    def __init__(self, stream: LogStream) -> None:
        self._stream = stream
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._partial = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._reader, self.drain)

    @property
    def writer(self) -> int:
        """The descriptor to give to the process; `release_writer` once it has it."""
        return self._writer

    def release_writer(self) -> None:
        """Close our copy, so that the pipe ends with the process."""
        os.close(self._writer)

    def drain(self) -> None:
        """Read everything that is there."""
        while True:
            try:
                data = os.read(self._reader, 65536)
            except BlockingIOError:
                return
            if not data:
                self._loop.remove_reader(self._reader)
                return
            *lines, self._partial = (self._partial + data).split(b"\n")
            for line in lines:
                self._write(line)
            if len(self._partial) > MAX_EVENT_CHARACTERS:
                self._write(self._partial)
                self._partial = b""

    def close(self) -> None:
        """Read the rest and close."""
        self.drain()
        self._loop.remove_reader(self._reader)
        if self._partial:
            self._write(self._partial)
        os.close(self._reader)

    def _write(self, line: bytes) -> None:
        # aws-lambda-ric writes the line breaks inside one message as \r, one event a message.
        self._stream.write(line.decode(errors="replace").replace("\r", "\n"))
