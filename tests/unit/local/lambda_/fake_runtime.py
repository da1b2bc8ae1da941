"""A runtime that speaks the Runtime API by hand: full control of chunks, trailers and disconnects."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

PREFIX = "/2018-06-01/runtime"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class FakeRuntime:
    """One keep-alive connection to a Runtime API."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def next(self) -> Answer:
        """The next event."""
        self.ask_next()
        return await self.answer()

    def ask_next(self) -> None:
        self.send(f"GET {PREFIX}/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """A POST with a Content-Length."""
        self.send(head(path, {"Content-Length": str(len(body)), **(headers or {})}) + body)
        return await self.answer()

    def begin(self, request_id: str, headers: Mapping[str, str] | None = None) -> None:
        """Start a streamed response."""
        self.send(
            head(
                f"/invocation/{request_id}/response",
                {
                    "Lambda-Runtime-Function-Response-Mode": "streaming",
                    "Transfer-Encoding": "chunked",
                    "Content-Type": "application/vnd.awslambda.http-integration-response",
                    **(headers or {}),
                },
            )
        )

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self, trailers: Mapping[str, str] | None = None) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in (trailers or {}).items())
        self.send(b"0\r\n" + lines.encode() + b"\r\n")

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> Answer:
        """Read one response."""
        status_line, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(status_line.split()[1]), headers, body)


def head(path: str, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {PREFIX}{path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()


@contextlib.asynccontextmanager
async def connect(address: str) -> AsyncIterator[FakeRuntime]:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield FakeRuntime(reader, writer)
    finally:
        writer.close()
