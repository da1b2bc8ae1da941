"""Where execution environments live: containers of a Docker engine, or processes of this machine.

A packed image has no operating system of its own and always runs as processes. A built one runs as
containers where an engine of this machine answers, unless the setting `local.environments` says
otherwise.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from scripts.aws import Aws
from scripts.image.engine import NoEngine, engine_socket
from scripts.local.lambda_.container import Containers
from scripts.local.lambda_.engine import Engine
from scripts.local.lambda_.images import Image, registry_token
from scripts.local.lambda_.sandbox import Launch, ProcessSandbox, SandboxError

log = logging.getLogger("lambda")

Environments = Literal["auto", "process", "container"]


class Homes:
    """Chooses the home of an image's environments.

    Args:
        environments: The setting ``local.environments``.
        aws: The control plane, whose endpoint is also the registry.
        owner: Directory of the embedded AWS.
    """

    def __init__(self, environments: Environments, aws: Aws, owner: Path) -> None:
        self._environments = environments
        self._aws = aws
        self._owner = owner
        self._containers: Containers | None = None
        self._opening = asyncio.Lock()

    async def containers(self, image: Image) -> Containers | None:
        """The engine that `image` runs in; None: it runs as processes.

        Raises:
            SandboxError: when it has to be containers and cannot.
        """
        if self._environments == "process" or (image.packed and self._environments == "auto"):
            return None
        if image.packed:
            raise SandboxError(
                "local.environments is container, and the function's image is a packed one: inv deploy"
            )
        try:
            return await self._open()
        except SandboxError as error:
            if self._environments == "container":
                raise
            log.warning("%s runs as processes: %s", image.reference, error)
            return None

    async def close(self) -> None:
        """Leave the engine."""
        if self._containers is not None:
            await self._containers.close()

    async def _open(self) -> Containers:
        async with self._opening:
            if self._containers is None:
                try:
                    engine = Engine(engine_socket())
                except NoEngine as error:
                    raise SandboxError(str(error)) from error
                registry = urlsplit(str(self._aws.client("ecr").meta.endpoint_url)).netloc
                containers = Containers(engine, registry, self._credentials, self._owner)
                try:
                    await containers.open()
                except SandboxError:
                    await containers.close()
                    raise
                self._containers = containers
            return self._containers

    async def _credentials(self) -> tuple[str, str]:
        token = await asyncio.to_thread(registry_token, self._aws)
        user, _, password = base64.b64decode(token).decode().partition(":")
        return user, password


def launch_in(containers: Containers | None) -> Launch:
    """What starts a sandbox there."""
    return ProcessSandbox.start if containers is None else containers.start
