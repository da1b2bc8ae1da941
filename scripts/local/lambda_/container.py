"""The container of one execution environment: started from the image's digest by the Docker engine.

The same promises as `sandbox.py`, kept by the engine: a read-only root, a private /tmp of the
configured size, a memory limit, a loopback of its own (`namespace.py`), frozen between invocations.
Knows nothing of invocations.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from scripts.local.lambda_.engine import Attachment, Engine, EngineError
from scripts.local.lambda_.namespace import listen_in_namespace
from scripts.local.lambda_.process_tree import descendants, memory_mib
from scripts.local.lambda_.sandbox import (
    MEMORY_SAMPLING_SECONDS,
    Sandbox,
    SandboxError,
    SandboxSpec,
    exit_reason,
)

OWNER_LABEL = "org.librechat-lambda.owner"
"""Label of every container: the directory of the embedded AWS that started it."""

# Lambda's own quota of processes and threads:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_PROCESSES = 1024
_MIB = 1024 * 1024
_LAMBDA_USER = "993:990"

# The image's command must not run before its network is there, and the namespace exists only once
# something runs in it: so a shell holds the place, and becomes the command at a line on its input.
_GATE = ["/bin/sh", "-c", 'read -r _ && exec "$@" </dev/null', "gate"]

_QUIET_SECONDS = 0.005

Credentials = Callable[[], Awaitable[tuple[str, str]]]


class Containers:
    """The engine as a home of environments.

    Args:
        engine: Of this machine.
        registry: ``HOST:PORT`` of the embedded ECR.
        credentials: Gives the registry's user and password.
        owner: Directory of the embedded AWS.
    """

    def __init__(self, engine: Engine, registry: str, credentials: Credentials, owner: Path) -> None:
        self._engine = engine
        self._registry = registry
        self._credentials = credentials
        self._owner = str(owner)
        self._pulling = asyncio.Lock()

    async def open(self) -> None:
        """Check the engine and remove what a killed predecessor left.

        Raises:
            SandboxError: when no container can be started here.
        """
        if os.geteuid() != 0:
            raise SandboxError("only root may enter a container's network namespace")
        try:
            filters = f'{{"label":["{OWNER_LABEL}={self._owner}"]}}'
            for left in await self._engine.call("GET", "/containers/json", all="1", filters=filters):
                await remove(self._engine, left["Id"])
        except EngineError as error:
            raise SandboxError(f"the Docker engine does not answer: {error}") from error

    async def close(self) -> None:
        """Leave the engine; the environments end themselves."""
        await self._engine.close()

    async def start(self, spec: SandboxSpec, output: int) -> Sandbox:
        """Start a container, its output going to the file descriptor `output`.

        Raises:
            SandboxError: when the engine refuses.
        """
        reference = f"{self._registry}/{spec.image}"
        id = ""
        try:
            await self._pull(reference)
            name = f"librechat-lambda-{uuid.uuid4().hex[:12]}"
            definition = container_definition(spec, reference, self._owner)
            id = (await self._engine.call("POST", "/containers/create", definition, name=name))["Id"]
            streams = await self._engine.attach(id)
            await self._engine.call("POST", f"/containers/{id}/start")
            pid = (await self._engine.call("GET", f"/containers/{id}/json"))["State"]["Pid"]
            sockets = await listen_in_namespace(pid, spec.listen)
            streams.writer.write(b"go\n")
        except BaseException as error:
            if id:
                await remove(self._engine, id)
            if isinstance(error, EngineError | OSError):
                raise SandboxError(f"The execution environment could not be started: {error}") from error
            raise
        return ContainerSandbox(self._engine, id, pid, streams, sockets, os.dup(output), spec.memory_mb)

    async def _pull(self, reference: str) -> None:
        async with self._pulling:
            try:
                await self._engine.call("GET", f"/images/{reference}/json")
            except EngineError as error:
                if error.status != 404:
                    raise
                await self._engine.pull(reference, *await self._credentials())


def container_definition(spec: SandboxSpec, reference: str, owner: str) -> dict[str, Any]:
    """The body of ``POST /containers/create`` for `spec`."""
    memory = (spec.memory_mb + spec.ephemeral_storage_mb) * _MIB
    return {
        "Image": reference,
        "Entrypoint": _GATE,
        "Cmd": list(spec.command),
        "WorkingDir": spec.working_directory,
        "User": _LAMBDA_USER,
        "Env": [f"{name}={value}" for name, value in spec.variables.items()],
        "Labels": {OWNER_LABEL: owner},
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": {
            "NetworkMode": "none",
            "ReadonlyRootfs": True,
            "Tmpfs": {"/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={spec.ephemeral_storage_mb}m"},
            # The kernel counts /tmp as memory and Lambda does not: the exact limit is kept by
            # looking at the processes, this one is the wall behind it.
            "Memory": memory,
            "MemorySwap": memory,
            "PidsLimit": _PROCESSES,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "LogConfig": {"Type": "none"},
        },
    }


async def remove(engine: Engine, id: str) -> None:
    """End and remove a container, in whatever state it is."""
    with contextlib.suppress(EngineError):  # it is gone already, or the engine is
        await engine.call("DELETE", f"/containers/{id}", force="1", v="1")


class ContainerSandbox:
    """A running container; see `sandbox.Sandbox`."""

    def __init__(
        self,
        engine: Engine,
        id: str,
        pid: int,
        streams: Attachment,
        sockets: Sequence[socket.socket],
        output: int,
        memory_mb: int,
    ) -> None:
        self.sockets = sockets
        self.exited = asyncio.Event()
        self.peak_memory_mb = 0
        self.out_of_memory = False
        self._engine = engine
        self._id = id
        self._pid = pid
        self._streams = streams
        self._memory_mb = memory_mb
        self._frozen = False
        self._status: int | None = None
        self._printed = 0
        self._output = asyncio.create_task(self._pass_output(output))
        self._tasks = [asyncio.create_task(self._wait()), asyncio.create_task(self._watch_memory())]

    @property
    def exit_reason(self) -> str:
        """How the command ended, in Lambda's words."""
        return "still running" if self._status is None else exit_reason(self._status)

    async def freeze(self) -> None:
        """Stop every process, as Lambda does between invocations."""
        self._frozen = True
        await self._control("pause")

    async def thaw(self) -> None:
        """Let the processes go on."""
        await self._control("unpause")
        self._frozen = False

    async def flush(self) -> None:
        """Return when what was printed so far has come through the engine."""
        seen = -1
        while seen != self._printed and not self._output.done():
            seen = self._printed
            await asyncio.sleep(_QUIET_SECONDS)

    async def kill(self) -> None:
        """End every process at once, remove the container, and wait for both."""
        await remove(self._engine, self._id)
        await self.exited.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._output
        self._streams.writer.close()
        for task in self._tasks:
            task.cancel()

    def sample_memory(self) -> int:
        """Resident memory now, in MiB."""
        used = memory_mib([self._pid, *descendants(self._pid)])
        self.peak_memory_mb = max(self.peak_memory_mb, used)
        return used

    async def _control(self, verb: str) -> None:
        try:
            await self._engine.call("POST", f"/containers/{self._id}/{verb}")
        except EngineError:
            # It ended meanwhile, which `exited` tells; anything else the next call will meet.
            if not self.exited.is_set():
                await remove(self._engine, self._id)

    async def _wait(self) -> None:
        try:
            answer = await self._engine.call("POST", f"/containers/{self._id}/wait", seconds=None)
            self._status = int(answer["StatusCode"])
            state = (await self._engine.call("GET", f"/containers/{self._id}/json"))["State"]
            if state["OOMKilled"]:  # the kernel was quicker than our look
                self.out_of_memory = True
                self.peak_memory_mb = max(self.peak_memory_mb, self._memory_mb)
        except EngineError:  # it was removed meanwhile
            self._status = 137 if self._status is None else self._status
        self.exited.set()

    async def _watch_memory(self) -> None:
        """Lambda ends an environment that outgrows its memory; so do we, by looking at it."""
        while not self.exited.is_set():
            if not self._frozen and self.sample_memory() > self._memory_mb:
                self.out_of_memory = True
                with contextlib.suppress(EngineError):
                    await self._engine.call("POST", f"/containers/{self._id}/kill")
            await asyncio.sleep(MEMORY_SAMPLING_SECONDS)

    async def _pass_output(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        try:
            async for piece in self._streams.output():
                self._printed += len(piece)
                rest = memoryview(piece)
                while rest:
                    try:
                        rest = rest[os.write(descriptor, rest) :]
                    except BlockingIOError:  # the reader is on this very loop
                        await asyncio.sleep(0)
        finally:
            os.close(descriptor)
