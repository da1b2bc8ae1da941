"""A control plane with a distribution, an API and a function in it, and the servers that are measured."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks.cpu import cpu_seconds
from tests.benchmarks.edge.client import Address
from tests.benchmarks.edge_servers import ASSET, JSON_BODY
from tests.benchmarks.machine import ROOT
from tests.integration.conftest import REGION, Emulator
from tests.integration.edge_stack import Stack
from tests.integration.lambda_functions import Deployment

LIMIT, EDGE, FUNCTION, CHAIN = (
    "aiohttp alone (limit)",
    "the edge, a function that takes no time",
    "the function alone",
    "the edge and the function",
)
KINDS = {LIMIT: "bare", EDGE: "edge", FUNCTION: "function", CHAIN: "chain"}
_SOURCE = Path(__file__).with_name("function.mjs")


class _Deployed(Stack):
    """The deployment of the edge's tests, with a function of ours in it."""

    def _function(self) -> None:
        lambdas = Deployment(self.emulator.aws, self.emulator.endpoint)
        image = lambdas.image({"/var/task/behaviours.mjs": _SOURCE})  # the name that its command says
        self.function_arn = lambdas.function(
            image, name=self.name, variables={"JSON_BODY": JSON_BODY.decode()}
        )


@dataclass(frozen=True)
class Server:
    """One measured server; `pid` is of the process that holds the connections."""

    address: Address
    pid: int

    @property
    def memory_mb(self) -> float:
        """Resident memory of that process, now."""
        return psutil.Process(self.pid).memory_info().rss / 2**20

    @property
    def cpu_ms(self) -> float:
        """What that process has used of the CPU so far."""
        return cpu_seconds(psutil.Process(self.pid)) * 1000


@dataclass(frozen=True)
class World:
    """The control plane and what is deployed in it."""

    emulator: Emulator
    deployed: Stack

    @contextmanager
    def server(self, candidate: str) -> Iterator[Server]:
        """A candidate, started for the length of the block."""
        command = [
            sys.executable, "-m", "tests.benchmarks.edge_servers", KINDS[candidate],
            "--endpoint", self.emulator.endpoint,
            "--state", str(self.emulator.state),
            "--function", self.deployed.function_arn,
            "--region", REGION,
        ]  # fmt: skip
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            port = json.loads(process.stdout.readline())["port"]
            yield Server(Address(port, self.deployed.domain_name), process.pid)
        finally:
            process.stdin.close()
            process.stdout.close()
            process.wait()


@contextmanager
def world() -> Iterator[World]:
    """The world, gone afterwards with everything in it."""
    with tempfile.TemporaryDirectory(prefix="llb-") as directory:  # short, because sockets lie below it
        emulator = Emulator(Path(directory))
        emulator.start()
        try:
            deployed = _Deployed(emulator)
            deployed.create()
            emulator.aws.client("s3").put_object(
                Bucket=deployed.name, Key="assets/app.js", Body=ASSET, ContentType="text/javascript"
            )
            yield World(emulator, deployed)
        finally:
            emulator.stop()
