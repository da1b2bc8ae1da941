"""The stand-in app as it is packed, on this machine, and a Redis beside it."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from scripts import image
from scripts.image import pack
from scripts.local.network import redis_binary
from scripts.settings import Settings
from tests.integration.standin.app import App, Start, launch


@pytest.fixture
def root(default_settings: Settings, tmp_path: Path) -> Path:
    """/app of the packed image, with its writable places below the test's own directory."""
    built = image.build(default_settings)
    assert built.directory is not None
    packed = pack.PackedImage(built.directory, built.cached)
    blob = packed.blob(json.loads(packed.manifest)["layers"][0]["digest"])
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob.read_bytes()))) as archive:
        for member in archive.getmembers():
            if member.issym():
                member.linkname = member.linkname.replace("/tmp", str(tmp_path / "tmp"))
            archive.extract(member, tmp_path)
    return tmp_path / "app"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a deployment sets; the handler makes the directories before it starts LibreChat."""
    for name in ("uploads", "images", "logs", "data"):
        (tmp_path / "tmp" / name).mkdir(parents=True)
    path = os.environ["PATH"]
    return {"PATH": path, "MONGO_URI": "mongodb://unused", "PORT": "0", "HOST": "127.0.0.1"}


@pytest.fixture
def start(root: Path, environment: dict[str, str]) -> Start:
    @contextmanager
    def started(**more: str) -> Iterator[App]:
        process = launch(root, environment | more)
        try:
            assert process.stdout is not None
            address = next(line.split()[-1] for line in process.stdout if "listening at" in line)
            with httpx.Client(base_url=address, timeout=120) as http:
                yield App(process, http)
        finally:
            process.kill()
            process.communicate()

    return started


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis on a socket, as REDIS_URI; clients try again until it listens."""
    address = tmp_path_factory.mktemp("redis") / "socket"
    command = [redis_binary(), "--port", "0", "--unixsocket", str(address), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        yield str(address)
        server.terminate()
