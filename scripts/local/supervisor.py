"""The background process of the embedded AWS: starts its parts, watches them, ends them together.

The control plane is a child process of its own, because it works synchronously for tens of
milliseconds at a time and would disturb the timing of streams that pass through the edge.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, get_args

from aiohttp import web

from scripts.local import seed
from scripts.local.credentials import read_or_make
from scripts.local.edge import SERVER_OPTIONS as EDGE_OPTIONS
from scripts.local.edge import make_app as make_edge
from scripts.local.generation import Generation
from scripts.local.lambda_.home import Environments
from scripts.local.lambda_.service import LambdaService
from scripts.local.network import VpcNetwork
from scripts.local.process import Running
from scripts.local.registry import make_app as make_registry

log = logging.getLogger("local")

MODULES = Path(__file__).parent / "modules"
LOG_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Options:
    """Command line of the process; see `scripts.local.process`, which is its only caller."""

    directory: Path
    port: int
    control_port: int
    region: str
    account_id: str
    tfvars: Path
    environments: Environments
    ready_fd: int | None


def main() -> None:
    """Run until SIGTERM. Exit status 1 when a part died, with its last words in the log."""
    parser = argparse.ArgumentParser(prog="python -m scripts.local", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control-port", type=int, required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--account-id", required=True)
    parser.add_argument("--tfvars", type=Path, required=True)
    parser.add_argument("--environments", choices=get_args(Environments), required=True)
    parser.add_argument("--ready-fd", type=int)
    options = Options(**vars(parser.parse_args()))
    # What this process and its parts write is its user's alone.
    os.umask(0o077)
    # A file that cannot grow for ever; what Python itself prints goes to the same one (`process.py`).
    logs = RotatingFileHandler(options.directory / "logs" / "local.log", maxBytes=LOG_BYTES, backupCount=1)
    line = "%(asctime)s %(name)-8s %(levelname)-7s %(message)s"
    logging.basicConfig(level=logging.INFO, format=line, handlers=[logs])
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    sys.exit(asyncio.run(run(options)))


async def run(options: Options) -> int:
    """Serve until SIGTERM, or until a part has died. Returns the exit status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(_serve(options))
    stopping = asyncio.create_task(stop.wait())
    # Either may come at any time: also a start that hangs must end when it is asked to.
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        stopping.cancel()
        # The record stays: by it the next command knows that this was no orderly end.
        await serving
        return 1
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    _record(options).unlink(missing_ok=True)
    log.info("stopped")
    return 0


async def _serve(options: Options) -> None:
    """Start everything, say so, and serve until the control plane ends, which it should not."""
    async with AsyncExitStack() as parts:
        emulator, control_port = await parts.enter_async_context(_emulator(options))
        running = await _start(options, control_port, parts)
        _record(options).write_text(json.dumps(running.to_json()))
        log.info("ready: %s (AWS API on %s)", running.url, running.endpoint)
        if options.ready_fd is not None:
            os.write(options.ready_fd, json.dumps(running.to_json()).encode() + b"\n")
            os.close(options.ready_fd)
        await emulator.wait()
        status, tail = emulator.returncode, _tail(_emulator_log(options))
        log.error("the control plane ended with status %s, its last lines:\n%s", status, tail or "(none)")


def _record(options: Options) -> Path:
    return options.directory / "run.json"


def _emulator_log(options: Options) -> Path:
    return options.directory / "logs" / "emulator.log"


def _tail(path: Path) -> str:
    return path.read_text(errors="replace")[-4000:].strip()


async def _start(options: Options, control_port: int, parts: AsyncExitStack) -> Running:
    import psutil

    endpoint = f"http://127.0.0.1:{control_port}"
    aws = read_or_make(options.directory).clients(endpoint, options.region)
    await asyncio.to_thread(seed.seed, aws, json.loads(options.tfvars.read_text()))
    generation = Generation(options.directory / "generation")
    network = VpcNetwork(aws, generation)
    await network.start()
    parts.push_async_callback(network.close)
    functions = LambdaService(aws, network, options.directory, generation, environments=options.environments)
    parts.push_async_callback(functions.close)
    registry_port = await parts.enter_async_context(_serving(make_registry(MODULES), 0))
    edge = make_edge(aws, functions, generation, endpoint)
    port = await parts.enter_async_context(_serving(edge, options.port, **EDGE_OPTIONS))
    return Running(
        pid=os.getpid(),
        created=psutil.Process().create_time(),
        url=f"http://localhost:{port}",
        endpoint=endpoint,
        registry_url=f"http://127.0.0.1:{registry_port}",
    )


@asynccontextmanager
async def _emulator(options: Options) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """The control plane's process and its port; ended, with its state saved, on the way out."""
    with _emulator_log(options).open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scripts.local.emulator",
            "--port", str(options.control_port),
            "--state", str(options.directory / "state"),
            "--generation", str(options.directory / "generation"),
            "--region", options.region,
            "--account-id", options.account_id,
            "--credentials", str(options.directory),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise RuntimeError(f"the control plane did not start:\n{_tail(_emulator_log(options))}")
        # Whatever it prints later must not fill the pipe and block it.
        drain = asyncio.create_task(process.stdout.read())
        yield process, int(json.loads(line)["port"])
        drain.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def _serving(app: web.Application, port: int, **server_options: Any) -> AsyncIterator[int]:
    """Serve an application on loopback; yields its port."""
    # An open stream must not hold up the end of the process; aiohttp waits twice for this long.
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=False, shutdown_timeout=0.5, **server_options
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
