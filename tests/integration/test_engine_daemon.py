"""The tests' own Docker engine, on a machine that never had one."""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parent.parent.parent
START = """
import pathlib, sys, psutil
from tests.engine.daemon import daemon

assert "docker0" not in psutil.net_if_addrs()
with daemon(pathlib.Path(sys.argv[1])) as (_host, address):
    print(address)
    assert address in [each.address for each in psutil.net_if_addrs()["docker0"]]
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("dockerd"), reason="needs dockerd, as root")
def test_the_engine_says_its_address_on_a_machine_without_docker0() -> None:
    """A network namespace is such a machine, whatever an earlier engine has left in this one."""
    # Not pytest's own directory: containerd's sockets need a path of at most 107 characters.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        done = subprocess.run(
            ["unshare", "--net", sys.executable, "-c", START, directory],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert ipaddress.ip_address(done.stdout.strip()).is_private
