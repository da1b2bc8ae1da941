"""Run a command with a Docker engine for the tests: ``python -m tests.engine COMMAND…``.

The engine, its data and its socket are private and gone afterwards. Where it cannot be started the
command runs all the same, and the tests that need it say why they are skipped.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.engine import CONFIG_VARIABLE, HOST_VARIABLE, REASON_VARIABLE, base, packages, toolchain
from tests.engine.daemon import Unavailable, daemon, docker

_BASE_IMAGE = "ghcr.io/danny-avila/librechat-api:v0.8.2-rc1"
_CACHE = Path(".artifacts") / "engine"


def main(command: Sequence[str]) -> int:
    """Returns the command's exit status."""
    with contextlib.ExitStack() as parts:
        try:
            variables = parts.enter_context(_engine())
        except (Unavailable, OSError, subprocess.SubprocessError) as error:
            detail = (getattr(error, "stderr", "") or "").strip()
            variables = {REASON_VARIABLE: f"{error} {detail}".strip()}
            print(f"· No Docker engine for the tests: {variables[REASON_VARIABLE]}", file=sys.stderr)
        return subprocess.run(command, env={**os.environ, **variables}, check=False).returncode


@contextlib.contextmanager
def _engine() -> Iterator[dict[str, str]]:
    _CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="librechat-lambda-engine-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        plugins = directory / "docker-config" / "cli-plugins"
        plugins.mkdir(parents=True)
        packages.buildx(_CACHE, plugins / "docker-buildx")
        node_wheel = packages.musl_node(_CACHE)
        with daemon(directory) as (host, gateway):
            variables = {HOST_VARIABLE: host, CONFIG_VARIABLE: str(plugins.parent)}
            served = directory / "packages"
            served.mkdir()
            with _serving(served, gateway) as url:
                toolchain.write(
                    served / "toolchain.tar", packages.libraries(node_wheel, directory / "libraries")
                )
                base.write(
                    directory / "base.tar",
                    node_wheel=node_wheel,
                    musl_loader=packages.musl_loader(_CACHE),
                    busybox=Path("/bin/busybox"),
                    packages_url=f"{url}/toolchain.tar",
                )
                docker(host, "import", str(directory / "base.tar"), _BASE_IMAGE)
                (directory / "base.tar").unlink()
                yield variables


@contextlib.contextmanager
def _serving(directory: Path, address: str) -> Iterator[str]:
    """The packages of the stand-in's ``apk add``, where builds reach them."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer((address, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{address}:{server.server_address[1]}"
        finally:
            server.shutdown()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
