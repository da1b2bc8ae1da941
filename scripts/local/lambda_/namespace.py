"""Listening sockets inside the network namespace of another process.

A container without a network has a loopback of its own, as every Lambda environment has: two of them
may both listen on port 3080, and neither sees this host's servers. The Runtime API, the AWS endpoint
and the VPC's gate are served on sockets that are made in there, so only that environment reaches them.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from scripts.local.lambda_.launcher import CLONE_NEWNET, listen

Address = tuple[str, int]

_libc = ctypes.CDLL(None, use_errno=True)


async def listen_in_namespace(pid: int, addresses: Sequence[Address]) -> list[socket.socket]:
    """Sockets that listen on `addresses` of the namespace of process `pid`, in the same order.

    Raises:
        OSError: when this user may not enter the namespace (root may), or an address is taken.
    """
    # setns changes the calling thread alone (setns(2)): a thread of its own, which ends with the work.
    with ThreadPoolExecutor(1, "namespace") as thread:
        return await asyncio.get_running_loop().run_in_executor(thread, _listen, pid, addresses)


def _listen(pid: int, addresses: Sequence[Address]) -> list[socket.socket]:
    descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        if _libc.setns(descriptor, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"setns: {os.strerror(number)}")
    finally:
        os.close(descriptor)
    return [listen(host, port) for host, port in addresses]
