"""What surrounds one execution environment: its variables, its files, and where its network leads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from scripts.aws import Aws
from scripts.local.lambda_.environment import RUNTIME_API_ADDRESS
from scripts.local.lambda_.function import FunctionConfiguration
from scripts.local.lambda_.images import Image
from scripts.local.lambda_.invocation import InvokeError
from scripts.local.lambda_.logs import LogStream
from scripts.local.lambda_.sandbox import Address, Sandbox, SandboxSpec, search_path
from scripts.local.network import Endpoint, VpcNetwork, splice

TASK_ROOT = "/var/task"


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of the function's role."""

    access_key_id: str
    secret_access_key: str
    session_token: str


def assume_role(aws: Aws, configuration: FunctionConfiguration) -> Credentials:
    """The role's credentials, by way of STS, so that whatever the control plane enforces is enforced.

    Raises:
        InvokeError: when the role does not exist or does not trust Lambda.
    """
    try:
        answer = aws.client("sts").assume_role(
            RoleArn=configuration.role, RoleSessionName=configuration.name[:64]
        )["Credentials"]
    except Exception as error:
        raise InvokeError(
            403,
            "AccessDeniedException",
            f"The role defined for the function cannot be assumed by Lambda: {error}",
        ) from error
    return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])


class FunctionSite:
    """The surroundings of an environment of `configuration`."""

    def __init__(
        self,
        configuration: FunctionConfiguration,
        image: Image,
        credentials: Credentials,
        aws: Aws,
        network: VpcNetwork,
        endpoints: tuple[Endpoint, ...],
    ) -> None:
        self._configuration = configuration
        self._image = image
        self._credentials = credentials
        self._region = aws.region
        self._network = network
        self._endpoints = endpoints
        self._aws_url = str(aws.client("lambda").meta.endpoint_url)

    def sandbox(self, log: LogStream) -> SandboxSpec:
        """The sandbox: image and ImageConfig decide the command, as in a container."""
        configuration, image = self._configuration, self._image
        arguments = configuration.command or image.command
        command = (configuration.entry_point or image.entry_point) + arguments
        if not command:
            raise InvokeError(502, "Runtime.InvalidEntrypoint", "The image has neither ENTRYPOINT nor CMD")
        return SandboxSpec(
            rootfs=image.rootfs,
            command=command,
            working_directory=configuration.working_directory or image.working_directory,
            variables=self._variables(log, " ".join(arguments)),
            memory_mb=configuration.memory_mb,
            ephemeral_storage_mb=configuration.ephemeral_storage_mb,
            image=image.reference,
            listen=(
                RUNTIME_API_ADDRESS,
                self._aws_address,
                *((endpoint.host, endpoint.port) for endpoint in self._endpoints),
            ),
        )

    async def serve(self, sandbox: Sandbox) -> Callable[[], None]:
        """Serve the AWS endpoint and the VPC inside the sandbox; returns what stops that."""
        _, aws, *vpc = sandbox.sockets
        servers = [await asyncio.start_server(self._to_aws, sock=aws)]
        for endpoint, listening in zip(self._endpoints, vpc, strict=True):
            servers.append(await self._network.serve(endpoint, self._configuration.interface, listening))

        def stop() -> None:
            for server in servers:
                server.close()

        return stop

    @property
    def _aws_address(self) -> Address:
        url = urlsplit(self._aws_url)
        return ("127.0.0.1", url.port or 80)

    async def _to_aws(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            await splice(reader, writer, *await asyncio.open_connection(*self._aws_address))

    def _variables(self, log: LogStream, handler: str) -> Mapping[str, str]:
        """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html: reserved ones win."""
        configuration, credentials = self._configuration, self._credentials
        host, port = RUNTIME_API_ADDRESS
        reserved: dict[str, Any] = {
            "_HANDLER": handler,
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_LAMBDA_FUNCTION_NAME": configuration.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": configuration.memory_mb,
            "AWS_LAMBDA_FUNCTION_VERSION": configuration.version,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": log.group,
            "AWS_LAMBDA_LOG_STREAM_NAME": log.name,
            "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "AWS_SESSION_TOKEN": credentials.session_token,
            "LAMBDA_TASK_ROOT": TASK_ROOT,
            # The one difference to AWS: a standard variable of every SDK.
            "AWS_ENDPOINT_URL": f"http://{':'.join(map(str, self._aws_address))}",
        }
        return {
            "PATH": search_path(),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            **dict(self._image.variables),
            **dict(configuration.variables),
            **{name: str(value) for name, value in reserved.items()},
        }
