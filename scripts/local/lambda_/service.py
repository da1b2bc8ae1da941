"""The Invoke API of Lambda: finds or starts an execution environment for each invocation.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html: one request at a time in each
environment, a new environment when all are busy, an end to those that stay idle.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterable
from pathlib import Path

from scripts.aws import Aws
from scripts.local.generation import Generation
from scripts.local.lambda_.container import Containers
from scripts.local.lambda_.environment import INIT_SECONDS, EnvironmentStatus, ExecutionEnvironment
from scripts.local.lambda_.function import FunctionConfiguration, FunctionDirectory
from scripts.local.lambda_.home import Environments, Homes, launch_in
from scripts.local.lambda_.images import Image, ImageStore
from scripts.local.lambda_.invocation import MAX_EVENT_BYTES, Invocation, InvokeError
from scripts.local.lambda_.logs import LogSink
from scripts.local.lambda_.sandbox import SandboxError
from scripts.local.lambda_.site import FunctionSite, assume_role
from scripts.local.lambda_.waiting import first_of
from scripts.local.network import VpcNetwork

__all__ = ["EnvironmentStatus", "Invocation", "InvokeError", "LambdaService"]

log = logging.getLogger("lambda")

ACCOUNT_CONCURRENCY = 1000
LOCAL_ENVIRONMENTS = 20
"""This machine's own limit; beyond it Lambda's answer to too much concurrency is given."""

IDLE_SECONDS = 300.0
MAX_AGE_SECONDS = 3000.0
"""An environment ends before its role's credentials do (one hour)."""

REAP_SECONDS = 5.0

SETTLE_SECONDS = 0.25
"""A runtime asks for its next event a moment after its response ended. On AWS that moment is shorter
than the caller's way back; here a caller in a loop would start an environment for every call."""


class LambdaService:
    """All execution environments of the embedded AWS.

    Args:
        aws: The control plane.
        network: The VPC of the functions.
        state_directory: Holds ``images/`` and ``logs/lambda.log``.
        generation: Tells when the control plane has changed.
        idle_seconds: After which an idle environment ends.
        init_seconds: Limit of the init phase.
        max_environments: Limit for this machine.
        environments: Where they live, as the setting ``local.environments`` says.
    """

    def __init__(
        self,
        aws: Aws,
        network: VpcNetwork,
        state_directory: Path,
        generation: Generation,
        *,
        idle_seconds: float = IDLE_SECONDS,
        init_seconds: float = INIT_SECONDS,
        max_environments: int = LOCAL_ENVIRONMENTS,
        environments: Environments = "process",
    ) -> None:
        self._aws = aws
        self._network = network
        self._idle_seconds = idle_seconds
        self._init_seconds = init_seconds
        self._max_environments = max_environments
        self._directory = FunctionDirectory(aws, generation)
        self._images = ImageStore(aws, state_directory / "images")
        self._homes = Homes(environments, aws, state_directory)
        self._logs = LogSink(aws, state_directory / "logs" / "lambda.log")
        self._environments: list[ExecutionEnvironment] = []
        self._starting: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._reaper = asyncio.create_task(self._reap_regularly())

    async def invoke(self, function: str, event: bytes, /, *, clock: int = 1) -> Invocation:
        """Invoke a function, given its name or ARN; returns when its response begins.

        Its timeout runs `clock` times as fast as configured (`scripts.local.clock`).

        Raises:
            InvokeError: when Lambda refuses the request, with the API's status and error code.
        """
        if len(event) > MAX_EVENT_BYTES:
            raise InvokeError(
                413,
                "RequestTooLargeException",
                f"Request must be smaller than {MAX_EVENT_BYTES} bytes for the InvokeFunction operation",
            )
        try:
            json.loads(event)
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            raise InvokeError(400, "InvalidRequestContentException", message) from error
        configuration = await self._directory.get(function)
        invocation = Invocation(configuration.arn, event, clock=clock)
        task = asyncio.create_task(self._run(configuration, invocation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await invocation.started()
        except asyncio.CancelledError:
            await invocation.abandon()  # the caller left; the function does not notice
            raise
        return invocation

    async def status(self) -> list[EnvironmentStatus]:
        """Every environment that lives."""
        return [environment.status for environment in self._environments]

    async def close(self) -> None:
        """End every environment, running invocations included, and send the last log lines."""
        self._reaper.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(self._reaper, *self._tasks, return_exceptions=True)
        await self._end(tuple(self._environments))
        await self._homes.close()
        await self._logs.close()

    async def _run(self, configuration: FunctionConfiguration, invocation: Invocation) -> None:
        try:
            environment = await self._obtain(configuration)
            await environment.invoke(invocation)
        except InvokeError as error:
            invocation.refuse(error)
        except Exception as error:
            log.exception("an invocation of %s failed in the service", configuration.name)
            invocation.refuse(InvokeError(500, "ServiceException", f"{type(error).__name__}: {error}"))
        finally:
            self._environments = [each for each in self._environments if each.state != "ended"]

    async def _obtain(self, configuration: FunctionConfiguration) -> ExecutionEnvironment:
        await self._end(self._superseded(configuration))
        if environment := await self._idle(configuration):
            return environment
        await self._make_room(configuration)
        self._starting.append(configuration.name)
        try:
            environment = await self._create(configuration)
        finally:
            self._starting.remove(configuration.name)
        self._environments.append(environment)
        return environment

    def _superseded(self, configuration: FunctionConfiguration) -> list[ExecutionEnvironment]:
        """Idle environments of an older configuration of a function."""
        return [
            each
            for each in self._environments
            if each.state == "idle"
            and each.configuration.arn == configuration.arn
            and each.configuration != configuration
        ]

    async def _idle(self, configuration: FunctionConfiguration) -> ExecutionEnvironment | None:
        """An idle environment, reserved for the caller; waits for one that is about to be idle."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            mine = [each for each in self._environments if each.configuration == configuration]
            for environment in reversed(mine):  # the last used is the warmest
                if environment.reserve():
                    return environment
            settling = [each for each in mine if each.settling]
            left = deadline - time.monotonic()
            if not settling or left <= 0:
                return None
            await first_of(*(each.settled() for each in settling), seconds=left)

    async def _create(self, configuration: FunctionConfiguration) -> ExecutionEnvironment:
        (image, containers), credentials, topology = await asyncio.gather(
            self._home(configuration.image_uri),
            asyncio.to_thread(assume_role, self._aws, configuration),
            self._network.topology(),
        )
        endpoints = topology.endpoints if configuration.interface.subnet_ids else ()
        site = FunctionSite(configuration, image, credentials, self._aws, self._network, endpoints)
        return ExecutionEnvironment(
            configuration,
            site,
            self._logs,
            init_seconds=self._init_seconds,
            launch=launch_in(containers),
        )

    async def _home(self, image_uri: str) -> tuple[Image, Containers | None]:
        """The image and where it runs; what runs as processes is unpacked."""
        image = await self._images.inspect(image_uri)
        try:
            containers = await self._homes.containers(image)
        except SandboxError as error:
            raise InvokeError(500, "ServiceException", str(error)) from error
        return (image if containers else await self._images.get(image_uri)), containers

    async def _make_room(self, configuration: FunctionConfiguration) -> None:
        """Check the limits of concurrency; an idle environment of another function yields.

        Raises:
            InvokeError: TooManyRequestsException.
        """
        names = [each.configuration.name for each in self._environments] + self._starting
        reserved = configuration.reserved_concurrency
        if reserved is not None and names.count(configuration.name) >= reserved:
            raise InvokeError(429, "TooManyRequestsException", "Rate Exceeded (reserved concurrency)")
        if len(names) >= min(ACCOUNT_CONCURRENCY, self._max_environments):
            idle = [each for each in self._environments if each.state == "idle"]
            if not idle:
                raise InvokeError(429, "TooManyRequestsException", "Rate Exceeded")
            await self._end([min(idle, key=lambda each: each.idle_since)])

    async def _reap_regularly(self) -> None:
        while True:
            await asyncio.sleep(min(REAP_SECONDS, self._idle_seconds / 4))
            try:
                await self._end(each for each in self._environments if self._outlived(each.status))
                for arn in {each.configuration.arn for each in self._environments if each.state == "idle"}:
                    await self._end(await self._retired(arn))
            except Exception as error:  # the control plane may be busy or gone: try again later
                log.warning("environments could not be compared with their functions: %s", error)

    async def _retired(self, arn: str) -> list[ExecutionEnvironment]:
        """Idle environments of a function that was deleted or has changed."""
        try:
            return self._superseded(await self._directory.get(arn))
        except InvokeError as error:
            gone = error.type == "ResourceNotFoundException"
            return [
                each
                for each in self._environments
                if gone and each.state == "idle" and each.configuration.arn == arn
            ]

    def _outlived(self, status: EnvironmentStatus) -> bool:
        return status.state == "idle" and (status.idle > self._idle_seconds or status.age > MAX_AGE_SECONDS)

    async def _end(self, environments: Iterable[ExecutionEnvironment]) -> None:
        ending = [environment.close() for environment in environments]
        await asyncio.gather(*ending)
        self._environments = [each for each in self._environments if each.state != "ended"]
