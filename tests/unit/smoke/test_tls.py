"""TLS versions and the redirect, against TLS servers on loopback."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scripts.smoke.checks import access
from scripts.smoke.client import Client
from scripts.smoke.model import NotCheckedError
from scripts.smoke.site import Site
from tests.unit.smoke.server import OUTPUTS, SETTINGS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path)]
    out = ["-subj", "/CN=localhost", "-days", "2", "-out", str(path) + ".crt"]
    subprocess.run(["openssl", "req", "-x509", *key, *out], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(str(path) + ".crt").read_text())
    return path


@asynccontextmanager
async def tls_site(
    certificate: Path,
    oldest: ssl.TLSVersion,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    *,
    most: int = 2,
) -> AsyncIterator[Site]:
    """A server that shakes hands `most` times, and hangs up after that.

    A thread, for asyncio's server hangs up instead of sending its alert.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = oldest, newest
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for number in itertools.count():
            connection, _ = listener.accept()
            with connection:
                if not stopping.is_set() and number < most:
                    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True):
                        pass
            if stopping.is_set():
                return

    stopping = threading.Event()
    serving = threading.Thread(target=serve)
    serving.start()
    address = listener.getsockname()
    try:
        async with Client(f"https://localhost:{address[1]}", timeout=60) as client:
            yield Site(client, SETTINGS, OUTPUTS)
    finally:
        stopping.set()
        socket.create_connection(address).close()
        serving.join()
        listener.close()


async def test_a_server_that_refuses_tls_1_1_passes(certificate: Path) -> None:
    async with tls_site(certificate, ssl.TLSVersion.TLSv1_2) as site:
        result = await access.tls_version(site)
    assert result.ok, result
    assert result.measured == "TLSv1.3, 1.1 refused"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_a_server_that_accepts_tls_1_1_is_found(certificate: Path) -> None:
    async with tls_site(certificate, ssl.TLSVersion.TLSv1_1) as site:
        result = await access.tls_version(site)
    assert "minimum_protocol_version" in result.reason
    assert result.measured == "TLSv1.3, but also TLSv1.1"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_a_server_that_speaks_only_old_versions_is_found(certificate: Path) -> None:
    async with tls_site(certificate, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1) as site:
        assert (await access.tls_version(site)).measured == "no handshake"


@pytest.mark.parametrize(("most", "of"), [(0, "anything"), (1, "TLS 1.1")])
async def test_a_server_that_hangs_up_has_not_refused(certificate: Path, most: int, of: str) -> None:
    """A proxy's network has no other way out, and a busy server may do it for any version."""
    async with tls_site(certificate, ssl.TLSVersion.TLSv1_2, most=most) as site:
        with pytest.raises(NotCheckedError, match="no TLS"):
            await access.tls_version(site)
