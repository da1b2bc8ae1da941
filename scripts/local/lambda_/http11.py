"""A small HTTP/1.1 server: request heads, bodies as they arrive, and request trailers.

For the Runtime API only. It exists because the runtime reports late failures in the *trailers* of
its POST, which aiohttp's server discards, and because an idle connection must never be closed:
aws-lambda-ric 3.3.0 dies of it. The protocol itself is h11's; this is the asyncio around it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import h11

_READ_SIZE = 65536
_RECEIVE_BUFFER = 4 * _READ_SIZE
"""Of the kernel, for each connection. By itself it grows to what the machine allows (32 MB on some): a
function would be done with a whole response before its reader has begun."""


class Disconnected(Exception):
    """The client went away before the exchange was over."""


@dataclass(frozen=True)
class Request:
    """A request head. Header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]


Handler = Callable[[Request, "Exchange"], Awaitable[None]]


class Exchange:
    """One request and its response on a connection."""

    def __init__(self, protocol: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._protocol = protocol
        self._reader = reader
        self._writer = writer
        self.trailers: Mapping[str, str] = {}
        """Trailers of the request; complete once `body` is exhausted. Names are lower-case."""

    async def body(self) -> AsyncIterator[bytes]:
        """The request's body in the pieces in which it arrives.

        Nothing is read ahead: a caller that pauses makes the client's own writes block.

        Raises:
            Disconnected: when the client closes before the end of the body.
        """
        if self._protocol.they_are_waiting_for_100_continue:  # libcurl, for a body over 1 MiB
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        while True:
            event = await self._next_event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                assert isinstance(event, h11.EndOfMessage), event
                self.trailers = _decode(event.headers)
                return

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([chunk async for chunk in self.body()])

    async def respond(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """A complete response."""
        await self.start(status, {**(headers or {}), "Content-Length": str(len(body))})
        if body:
            await self.write(body)
        await self.finish()

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of a response; chunked when it names no Content-Length."""
        await self._send(h11.Response(status_code=status, headers=list(headers.items())))

    async def write(self, chunk: bytes) -> None:
        """A piece of the body; returns when the client has room for more."""
        await self._send(h11.Data(data=chunk))

    async def finish(self) -> None:
        """The end of the response."""
        await self._send(h11.EndOfMessage())

    async def disconnected(self) -> None:
        """Return when the client closes the connection. For use while a response is held back."""
        while data := await self._reader.read(_READ_SIZE):
            self._protocol.receive_data(data)
        self._protocol.receive_data(b"")

    async def _next_event(self) -> h11.Event:
        while True:
            try:
                event = self._protocol.next_event()
            except h11.RemoteProtocolError as error:
                raise Disconnected(str(error)) from error
            if event is h11.NEED_DATA:
                self._protocol.receive_data(await self._reader.read(_READ_SIZE))
            elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                raise Disconnected("connection closed")
            else:
                assert isinstance(event, h11.Event), event
                return event

    async def _send(self, event: h11.Event) -> None:
        try:
            if data := self._protocol.send(event):
                self._writer.write(data)
                await self._writer.drain()
        except (ConnectionError, h11.LocalProtocolError) as error:
            raise Disconnected(str(error)) from error


class HttpServer:
    """Serves `handler` on a loopback address, or on a listening socket made elsewhere."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def start(self, listening: socket.socket | None = None) -> str:
        """Listen and return ``host:port``."""
        if listening is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        else:
            self._server = await asyncio.start_server(self._serve, sock=listening)
        listener = self._server.sockets[0]
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)  # of what it accepts, too
        host, port = listener.getsockname()[:2]
        return f"{host}:{port}"

    async def close(self) -> None:
        """Stop listening and cut the open connections."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._connections):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            with contextlib.suppress(Disconnected, ConnectionError):
                await self._serve_connection(reader, writer)
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A chunk must leave when it is written, not when the kernel has gathered a full segment.
        connected: socket.socket = writer.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        protocol = h11.Connection(h11.SERVER)
        while True:
            exchange = Exchange(protocol, reader, writer)
            event = await exchange._next_event()
            assert isinstance(event, h11.Request), event
            request = Request(event.method.decode(), event.target.decode(), _decode(event.headers))
            await self._handler(request, exchange)
            if protocol.their_state is h11.SEND_BODY:
                with contextlib.suppress(Disconnected):
                    await exchange.read()
            if protocol.our_state is not h11.DONE or protocol.their_state is not h11.DONE:
                return
            protocol.start_next_cycle()


def _decode(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode().lower(): value.decode("latin-1") for name, value in headers}
