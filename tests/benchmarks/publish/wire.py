"""A TCP proxy in a thread: every byte arrives half a round trip later, and every request is counted."""

from __future__ import annotations

import asyncio
import re
import threading
from types import TracebackType

_REQUEST = re.compile(rb"(?:GET|HEAD|PUT|POST|DELETE) \S+ HTTP/1\.1\r\n")
_BUFFER = 256 * 1024


class Wire:
    """The way to a port of this machine, `delay` seconds there and back. Use it in a ``with``.

    Attributes:
        endpoint: Its near end, as a URL.
        requests: HTTP requests that have passed.
    """

    def __init__(self, port: int, delay: float) -> None:
        self.endpoint = ""
        self.requests = 0
        self._port = port
        self._delay = delay
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Wire:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0, limit=_BUFFER)
        self.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _pass_on(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._delay)  # the handshake
        far, on = await asyncio.open_connection("127.0.0.1", self._port, limit=_BUFFER)
        await asyncio.gather(self._carry(near, on, count=True), self._carry(far, back))

    async def _carry(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, count: bool = False
    ) -> None:
        """Read as soon as there is something; write it when its time has come."""
        way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = asyncio.create_task(self._deliver(way, to))
        chunk = b"."
        while chunk:
            try:
                chunk = await source.read(_BUFFER)
            except ConnectionError:
                chunk = b""
            if count:
                self.requests += len(_REQUEST.findall(chunk))
            way.put_nowait((self._loop.time() + self._delay / 2, chunk))
        await delivery

    async def _deliver(self, way: asyncio.Queue[tuple[float, bytes]], to: asyncio.StreamWriter) -> None:
        while True:
            due, chunk = await way.get()
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            if not chunk:
                to.close()
                return
            to.write(chunk)
