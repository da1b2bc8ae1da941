"""The Docker engine of this machine, spoken to over its Unix socket (Engine API).

https://docs.docker.com/reference/api/engine/. Only what the life of an execution environment needs;
building and pushing images is the business of `scripts.image`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass

_CALL_SECONDS = 60
_HEADER_BYTES = 8


class EngineError(Exception):
    """The engine refused, or does not answer; the text is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Attachment:
    """Standard input and output of a container."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def output(self) -> AsyncIterator[bytes]:
        """What the container prints, both streams in the order of their arrival.

        The engine puts a header of eight bytes before each piece: stream, three zeros, length.
        """
        try:
            while True:
                header = await self.reader.readexactly(_HEADER_BYTES)
                yield await self.reader.readexactly(int.from_bytes(header[4:]))
        except (asyncio.IncompleteReadError, ConnectionError):
            return


class Engine:
    """One engine.

    Args:
        path: Its Unix socket.
    """

    def __init__(self, path: Path) -> None:
        import aiohttp

        self.path = path
        self._http = aiohttp.ClientSession(
            "http://docker",
            connector=aiohttp.UnixConnector(str(path), limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        seconds: float | None = _CALL_SECONDS,
        **query: str,
    ) -> Any:
        """One request; its answer, parsed.

        Raises:
            EngineError: when the engine refuses, is away, or takes longer than `seconds`.
        """
        try:
            async with (
                asyncio.timeout(seconds),
                self._http.request(method, path, json=body, params=query) as response,
            ):
                content = await response.read()
        except (OSError, TimeoutError, self._client_error) as error:
            raise EngineError(0, f"{method} {path}: {error or type(error).__name__}") from error
        if response.status >= 400:
            raise EngineError(response.status, _message(content))
        return json.loads(content) if content and response.content_type == "application/json" else None

    async def pull(self, reference: str, user: str, password: str) -> None:
        """Pull an image.

        Raises:
            EngineError: also for what goes wrong after the first byte; the engine reports it in the stream.
        """
        credentials = json.dumps({"username": user, "password": password}).encode()
        headers = {"X-Registry-Auth": base64.urlsafe_b64encode(credentials).decode()}
        query = {"fromImage": reference}
        async with self._http.post("/images/create", params=query, headers=headers) as response:
            if response.status >= 400:
                raise EngineError(response.status, _message(await response.read()))
            async for line in response.content:
                if line.strip() and (error := json.loads(line).get("error")):
                    raise EngineError(500, str(error))

    async def attach(self, container: str) -> Attachment:
        """Take a container's standard streams; before its start nothing is missed.

        Raises:
            EngineError: when there is no such container.
        """
        # No HTTP client gives the connection out, which after the answer's header belongs to the streams.
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        query = urllib.parse.urlencode({"stream": 1, "stdin": 1, "stdout": 1, "stderr": 1})
        writer.write(
            f"POST /containers/{container}/attach?{query} HTTP/1.1\r\n"
            "Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n".encode()
        )
        header = await reader.readuntil(b"\r\n\r\n")
        status = int(header.split(b" ", 2)[1])
        if status not in (101, 200):
            writer.close()
            raise EngineError(status, header.decode(errors="replace").strip())
        return Attachment(reader, writer)

    @property
    def _client_error(self) -> type[Exception]:
        import aiohttp

        return aiohttp.ClientError


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace").strip()
