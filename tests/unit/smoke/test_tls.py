"""TLS versions and the redirect, against TLS servers on loopback."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scripts.smoke.checks import access
from scripts.smoke.client import Client
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
    certificate: Path, oldest: ssl.TLSVersion, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> AsyncIterator[Site]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = oldest, newest

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listener = await asyncio.start_server(close, "127.0.0.1", 0, ssl=context)
    port = listener.sockets[0].getsockname()[1]
    try:
        async with Client(f"https://localhost:{port}", timeout=60) as client:
            yield Site(client, SETTINGS, OUTPUTS)
    finally:
        listener.close()
        await listener.wait_closed()


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
