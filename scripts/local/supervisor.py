"""The background process of the embedded AWS: starts its parts, watches them, ends them together.

The control plane is a child process of its own, because it works synchronously for tens of
milliseconds at a time and would disturb the timing of streams that pass through the edge.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from scripts.aws import Aws
from scripts.local import seed
from scripts.local.edge import make_app as make_edge
from scripts.local.generation import Generation
from scripts.local.lambda_.service import LambdaService
from scripts.local.network import VpcNetwork
from scripts.local.process import Running
from scripts.local.registry import make_app as make_registry

log = logging.getLogger("local")

MODULES = Path(__file__).parent / "modules"


@dataclass(frozen=True)
class Options:
    """Command line of the process; see `scripts.local.process`, which is its only caller."""

    directory: Path
    port: int
    control_port: int
    region: str
    account_id: str
    tfvars: Path
    ready_fd: int | None


def main() -> None:
    """Run until SIGTERM. Exit status 1 when a part died, with its last words in the log."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)-8s %(levelname)-7s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    parser = argparse.ArgumentParser(prog="python -m scripts.local", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control-port", type=int, required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--account-id", required=True)
    parser.add_argument("--tfvars", type=Path, required=True)
    parser.add_argument("--ready-fd", type=int)
    sys.exit(asyncio.run(run(Options(**vars(parser.parse_args())))))


async def run(options: Options) -> int:
    """Start everything, say so, and wait for the end. Returns the exit status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    record = options.directory / "run.json"
    async with AsyncExitStack() as parts:
        emulator, control_port = await parts.enter_async_context(_emulator(options))
        ended = asyncio.create_task(emulator.wait())
        running = await _start(options, control_port, parts)
        record.write_text(json.dumps(running.to_json()))
        parts.callback(record.unlink, missing_ok=True)
        log.info("ready: %s (AWS API on %s)", running.url, running.endpoint)
        if options.ready_fd is not None:
            os.write(options.ready_fd, json.dumps(running.to_json()).encode() + b"\n")
            os.close(options.ready_fd)
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            log.error("the control plane ended with status %s; see emulator.log", emulator.returncode)
            return 1
    log.info("stopped")
    return 0


async def _start(options: Options, control_port: int, parts: AsyncExitStack) -> Running:
    import psutil

    endpoint = f"http://127.0.0.1:{control_port}"
    aws = control_plane(endpoint, options.region, options.account_id)
    await asyncio.to_thread(seed.seed, aws, json.loads(options.tfvars.read_text()))
    generation = Generation(options.directory / "generation")
    network = VpcNetwork(aws, generation)
    await network.start()
    parts.push_async_callback(network.close)
    functions = LambdaService(aws, network, options.directory, generation)
    parts.push_async_callback(functions.close)
    registry_port = await parts.enter_async_context(_serving(make_registry(MODULES), 0))
    edge = make_edge(aws, functions, generation, endpoint)
    port = await parts.enter_async_context(_serving(edge, options.port))
    return Running(
        pid=os.getpid(),
        created=psutil.Process().create_time(),
        url=f"http://localhost:{port}",
        endpoint=endpoint,
        registry_url=f"http://127.0.0.1:{registry_port}",
    )


def control_plane(endpoint: str, region: str, account_id: str) -> Aws:
    """The embedded AWS's own API, as the account that everything is deployed to."""
    return Aws(
        region=region,
        environment={
            "AWS_ACCESS_KEY_ID": account_id,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": "",
            "AWS_ENDPOINT_URL": endpoint,
        },
    )


@asynccontextmanager
async def _emulator(options: Options) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """The control plane's process and its port; ended, with its state saved, on the way out."""
    with (options.directory / "logs" / "emulator.log").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scripts.local.emulator",
            "--port", str(options.control_port),
            "--state", str(options.directory / "state"),
            "--generation", str(options.directory / "generation"),
            "--region", options.region,
            "--account-id", options.account_id,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            tail = (options.directory / "logs" / "emulator.log").read_text(errors="replace")
            raise RuntimeError(f"the control plane did not start:\n{tail[-4000:]}")
        # Whatever it prints later must not fill the pipe and block it.
        drain = asyncio.create_task(process.stdout.read())
        yield process, int(json.loads(line)["port"])
        drain.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def _serving(app: web.Application, port: int) -> AsyncIterator[int]:
    """Serve an application on loopback; yields its port."""
    # An open stream must not hold up the end of the process.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=False, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
