"""What the control plane says about a function, as far as running it depends on it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.aws import Aws, error_code
from scripts.local.generation import Generation
from scripts.local.lambda_.invocation import InvokeError

_ARN = re.compile(r"arn:[^:]+:lambda:[^:]+:\d{12}:function:(?P<name>[^:]+)(:(?P<qualifier>[^:]+))?")


@dataclass(frozen=True)
class NetworkInterface:
    """A function's place in the VPC; without subnets it is outside."""

    subnet_ids: frozenset[str] = frozenset()
    security_group_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class FunctionConfiguration:
    """A function's configuration. Environments live as long as theirs stays equal.

    ``revision`` changes with every update of code or configuration, ``timeout`` is in seconds,
    ``variables`` are sorted pairs. ``reserved_concurrency`` is None without a reservation.
    """

    name: str
    arn: str
    version: str
    image_uri: str
    revision: str
    role: str
    memory_mb: int
    timeout: int
    ephemeral_storage_mb: int
    variables: tuple[tuple[str, str], ...]
    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    working_directory: str
    interface: NetworkInterface
    log_group: str
    reserved_concurrency: int | None

    @classmethod
    def from_get_function(cls, response: Mapping[str, Any]) -> FunctionConfiguration:
        """From the answer of lambda:GetFunction."""
        configuration, code = response["Configuration"], response["Code"]
        vpc = configuration.get("VpcConfig") or {}
        image = (configuration.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
        name = configuration["FunctionName"]
        return cls(
            name=name,
            arn=configuration["FunctionArn"],
            version=configuration.get("Version", "$LATEST"),
            image_uri=code.get("ResolvedImageUri") or code.get("ImageUri", ""),
            revision=f"{configuration.get('CodeSha256', '')} {configuration.get('LastModified', '')}",
            role=configuration["Role"],
            memory_mb=int(configuration.get("MemorySize", 128)),
            timeout=int(configuration.get("Timeout", 3)),
            ephemeral_storage_mb=int((configuration.get("EphemeralStorage") or {}).get("Size", 512)),
            variables=tuple(sorted((configuration.get("Environment") or {}).get("Variables", {}).items())),
            entry_point=tuple(image.get("EntryPoint") or ()),
            command=tuple(image.get("Command") or ()),
            working_directory=image.get("WorkingDirectory") or "",
            interface=NetworkInterface(
                frozenset(vpc.get("SubnetIds") or ()), frozenset(vpc.get("SecurityGroupIds") or ())
            ),
            log_group=(configuration.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}",
            reserved_concurrency=(response.get("Concurrency") or {}).get("ReservedConcurrentExecutions"),
        )


class FunctionDirectory:
    """Looks functions up, once per generation of the control plane."""

    def __init__(self, aws: Aws, generation: Generation) -> None:
        self._aws = aws
        self._generation = generation
        self._read_at = -1
        self._known: dict[str, FunctionConfiguration] = {}

    async def get(self, function: str) -> FunctionConfiguration:
        """The configuration of a function, given its name or ARN.

        Raises:
            InvokeError: ResourceNotFoundException, or ResourceConflictException while it is not Active.
        """
        generation = self._generation.current()
        if generation != self._read_at:
            self._known.clear()
            self._read_at = generation
        if function not in self._known:
            configuration = await asyncio.to_thread(self._read, function)
            # A change during the read leaves an answer of unknown age: use it, do not keep it.
            if self._generation.current() == generation == self._read_at:
                self._known[function] = configuration
            return configuration
        return self._known[function]

    def _read(self, function: str) -> FunctionConfiguration:
        match = _ARN.fullmatch(function)
        name, qualifier = (match["name"], match["qualifier"]) if match else (function, None)
        request = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
        try:
            response = self._aws.client("lambda").get_function(**request)
        except Exception as error:
            if error_code(error) == "ResourceNotFoundException":
                message = f"Function not found: {function}"
                raise InvokeError(404, "ResourceNotFoundException", message) from error
            raise
        state = response["Configuration"].get("State", "Active")
        if state != "Active":
            raise InvokeError(
                409,
                "ResourceConflictException",
                "The operation cannot be performed at this time. "
                f"The function is currently in the following state: {state}",
            )
        return FunctionConfiguration.from_get_function(response)
