"""The control plane of the embedded AWS: MiniStack with our extensions, as one process.

``python -m scripts.local.emulator --port P --state DIR --generation FILE`` serves the AWS API on
127.0.0.1, says so with one JSON line on stdout, keeps everything under DIR, and on SIGTERM saves it
and exits with 0. What AWS does and MiniStack does not is in `scripts.local.extensions`; the streaming
data plane (edge, Lambda runtime, VPC network) is not here.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.local.credentials import Credentials, read_or_make
from scripts.local.extensions import AsgiApp, Message, Receive, Send

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Options:
    """Command line of the process.

    Attributes:
        port: TCP port on 127.0.0.1; 0 for any free one, which the ready line then names.
        state: Directory of everything that survives a restart.
        generation: File that is touched after every change to the deployed architecture.
        seed: A tfvars file whose referenced resources are made before the ready line; None for none.
        credentials: Directory of the account's credentials, which are made when it holds none.
    """

    port: int
    state: Path
    generation: Path
    region: str
    account_id: str
    seed: Path | None
    credentials: Path


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or the death of the parent. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.local.emulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--generation", type=Path, required=True)
    parser.add_argument("--region", default="eu-west-1")
    parser.add_argument("--account-id", default="515966504419")
    parser.add_argument("--seed", type=Path)
    parser.add_argument("--credentials", type=Path)
    given = vars(parser.parse_args(arguments))
    options = Options(**given | {"credentials": given["credentials"] or given["state"]})
    # What this process writes is its user's alone: secrets of SSM are among it.
    os.umask(0o077)

    _end_with_parent()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", options.port))
    except OSError as error:
        print(f"The AWS API cannot listen on 127.0.0.1:{options.port}: {error.strerror}.", file=sys.stderr)
        return 1
    # From here on a client is queued, not refused, until MiniStack is up.
    listener.listen(1024)
    options.state.mkdir(parents=True, exist_ok=True)
    root = read_or_make(options.credentials)
    # MiniStack reads its configuration when it is imported.
    _configure(options, root, listener.getsockname()[1])
    asyncio.run(_serve(options, root, listener))
    return 0


def _end_with_parent() -> None:
    """Ask the kernel for a SIGTERM when the supervisor dies, however it dies.

    "Parent" is the thread that started us: it must be one that lives as long as its process.
    """
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(0)


def _configure(options: Options, root: Credentials, port: int) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_REGION": options.region,
        "MINISTACK_ACCOUNT_ID": options.account_id,
        "AWS_ACCESS_KEY_ID": root.access_key_id,
        "AWS_SECRET_ACCESS_KEY": root.secret_access_key,
        # Signatures and session tokens of roles, IAM policies, bucket policies and the refusal of
        # anonymous S3 requests are all behind this one switch.
        "AUTH": "true",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(options.state / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(options.state / "s3"),
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        # No listener but ours, and nothing that starts containers: that is the Lambda service's job.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{options.state}/no-docker.sock",
    }


async def _serve(options: Options, root: Credentials, listener: socket.socket) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    from scripts.local import extensions
    from scripts.local.admission import Admission

    extensions.install(extensions.Context(options.state, options.generation, root))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    port = listener.getsockname()[1]
    tasks: set[asyncio.Task[None]] = set()

    def started() -> None:
        tasks.add(asyncio.create_task(_announce(options, root, port, stop)))

    config = Config()
    # Hypercorn closes the descriptor it was given; the socket object must not close it again.
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    # Hypercorn types ASGI messages one by one, MiniStack as plain dictionaries.
    served: Any = _with_startup(Admission(app, root, options.account_id), started)
    await serve(served, config, shutdown_trigger=stop.wait)
    for task in tasks:
        # A failed seeding must not look like a clean end.
        await task


async def _announce(options: Options, root: Credentials, port: int, stop: asyncio.Event) -> None:
    try:
        if options.seed:
            from scripts.local.seed import seed

            tfvars = json.loads(options.seed.read_text())
            account = root.clients(f"http://127.0.0.1:{port}", options.region)
            await asyncio.to_thread(seed, account, tfvars)
    except BaseException:
        stop.set()
        raise
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps({"ready": True, "port": port}), flush=True)


def _with_startup(app: AsgiApp, started: Callable[[], None]) -> AsgiApp:
    """The application, with a call once its ASGI startup is complete."""

    async def wrapped(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        async def watched(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                started()

        await app(scope, receive, watched if scope["type"] == "lifespan" else send)

    return wrapped


if __name__ == "__main__":
    sys.exit(main())
