"""Functions in the shared control plane, and Lambda services that run them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from scripts.local.lambda_.service import LambdaService
from scripts.local.network import VpcNetwork
from tests.integration.lambda_functions import Deployment
from tests.integration.lambda_service.calls import MakeService


@pytest.fixture(scope="session")
def deployment(emulator: Any) -> Iterator[Deployment]:
    deployed = Deployment(emulator.aws, emulator.endpoint)
    yield deployed
    deployed.remove()


@pytest.fixture(scope="session")
def image(deployment: Deployment) -> str:
    return deployment.image()


@pytest.fixture(scope="session")
def function(deployment: Deployment, image: str) -> str:
    return deployment.function(image, variables={"OVERRIDDEN": "function"})


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lambda")


@pytest_asyncio.fixture
async def make_service(emulator: Any, state: Path) -> AsyncIterator[MakeService]:
    network = VpcNetwork(emulator.aws, emulator.generation)
    services: list[LambdaService] = []

    async def make(**options: Any) -> LambdaService:
        services.append(LambdaService(emulator.aws, network, state, emulator.generation, **options))
        return services[-1]

    yield make
    for service in services:
        await service.close()
    await network.close()


@pytest_asyncio.fixture
async def service(make_service: MakeService) -> LambdaService:
    return await make_service()


@pytest.fixture
def log_lines(state: Path) -> Callable[[], list[str]]:
    """What the functions have logged since the test began, a message each."""
    file = state / "logs" / "lambda.log"
    begin = file.stat().st_size if file.exists() else 0

    def read() -> list[str]:
        text = file.read_bytes()[begin:].decode() if file.exists() else ""
        # A message may hold line breaks; each begins with its time and its stream.
        _, *messages = re.split(r"^\d{4}-\S+ \S{8} ", text, flags=re.MULTILINE)
        return [message.removesuffix("\n") for message in messages]

    return read
