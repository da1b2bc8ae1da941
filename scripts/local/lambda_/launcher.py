"""First program of an execution environment: gives it a network of its own, then becomes bubblewrap.

Run by `sandbox.py` as a script, isolated from site-packages; imports the standard library only.

Every environment is its own network namespace, as every Lambda environment is its own machine: two
environments may both listen on port 3080, and neither sees this host's servers. What it may reach
is exactly the list of listening sockets made here and handed back to the supervisor, which serves
the Runtime API, the AWS endpoint and the VPC's gate on them.

Protocol on the socket whose descriptor is the only argument: in, one JSON line with ``listen``
(pairs of host and port), ``options`` (of bubblewrap), ``identity`` (options that need a user
namespace) and ``command``; out, the listening sockets in the same order.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP_RUNNING = 0x1 | 0x40
PR_SET_PDEATHSIG = 1
SIGKILL = 9

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Read the order, build the namespace, hand the sockets over, become bubblewrap."""
    _libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    with socket.socket(fileno=int(sys.argv[1])) as supervisor:
        order = json.loads(supervisor.makefile().readline())
        in_user_namespace = enter_namespaces()
        raise_loopback()
        sockets = [listen(host, port) for host, port in order["listen"]]
        socket.send_fds(supervisor, [b"ready"], [each.fileno() for each in sockets])
    options = order["options"] + (order["identity"] if in_user_namespace else [])
    # Not on the command line: the options hold the function's environment variables.
    arguments = os.memfd_create("bwrap-options", 0)
    os.write(arguments, b"".join(option.encode() + b"\0" for option in options))
    os.lseek(arguments, 0, os.SEEK_SET)
    os.set_inheritable(arguments, True)
    os.execvp("bwrap", ["bwrap", "--args", str(arguments), "--", *order["command"]])


def enter_namespaces() -> bool:
    """A new network namespace, owned by a new user namespace where the kernel permits one."""
    user, group = os.geteuid(), os.getegid()
    if _libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        return True
    if user == 0 and _libc.unshare(CLONE_NEWNET) == 0:
        return False
    raise OSError(ctypes.get_errno(), "This kernel refuses network namespaces to this user (unshare)")


def raise_loopback() -> None:
    """The loopback interface of a new namespace is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP_RUNNING))


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket inside the namespace."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(128)
    return listening


if __name__ == "__main__":
    main()
