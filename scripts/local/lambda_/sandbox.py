"""The processes of one execution environment: isolated by bubblewrap, measured, frozen, ended.

Sees what a container of the image would see: a read-only tree with the image's files, a private
/tmp of the configured size, its own process ids and network (`launcher.py`), and no variable but
those given. An image without an operating system of its own (packed without an engine) borrows
/usr and the like from this machine, read-only. Knows nothing of invocations.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scripts.local.lambda_.process_tree import descendants, memory_mib, signal_descendants

Address = tuple[str, int]

MEMORY_SAMPLING_SECONDS = 0.2
_MIB = 1024 * 1024

_PROVIDED = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "etc", "proc", "dev", "tmp"}
# Enough of /etc for TLS, name look-ups and the dynamic linker; nothing that is this machine's own.
_ETC = (
    "alternatives",
    "ca-certificates",
    "hosts",
    "ld.so.cache",
    "localtime",
    "nsswitch.conf",
    # The public halves only: beside them lie private keys.
    "pki/ca-trust",
    "pki/tls/certs",
    "resolv.conf",
    "ssl/certs",
    "ssl/openssl.cnf",
)
_LAMBDA_USER, _LAMBDA_GROUP = "993", "990"  # sbx_user1051, as in the real service


class SandboxError(Exception):
    """The environment could not be built; the text says why."""


@dataclass(frozen=True)
class SandboxSpec:
    """What to run and where.

    Attributes:
        rootfs: The image's unpacked files.
        command: Entry point and its arguments.
        working_directory: Inside the sandbox.
        variables: The whole environment of the command.
        memory_mb: Limit of the resident memory of all its processes.
        ephemeral_storage_mb: Size of /tmp.
        listen: Addresses of its loopback that the supervisor serves.
        image: ``REPOSITORY@DIGEST`` of the image, for the home that starts it by name.
    """

    rootfs: Path
    command: tuple[str, ...]
    working_directory: str
    variables: Mapping[str, str]
    memory_mb: int
    ephemeral_storage_mb: int
    listen: tuple[Address, ...]
    image: str = ""


class Sandbox(Protocol):
    """The running processes of one environment, whatever holds them.

    Attributes:
        sockets: Listening sockets for `SandboxSpec.listen`, in the same order.
        exited: Set when the command ended, for whatever reason.
        peak_memory_mb: The most resident memory seen.
        out_of_memory: Whether it was killed for exceeding its limit.
    """

    sockets: Sequence[socket.socket]
    exited: asyncio.Event
    peak_memory_mb: int
    out_of_memory: bool

    @property
    def exit_reason(self) -> str:
        """How the command ended, in Lambda's words."""

    async def freeze(self) -> None:
        """Stop every process, as Lambda does between invocations."""

    async def thaw(self) -> None:
        """Let the processes go on."""

    async def flush(self) -> None:
        """Return when what was printed so far is in the output."""

    async def kill(self) -> None:
        """End every process at once and wait for their end."""

    def sample_memory(self) -> int:
        """Resident memory now, in MiB."""


class Launch(Protocol):
    """Starts a sandbox, its output going to a file descriptor."""

    async def __call__(self, spec: SandboxSpec, output: int) -> Sandbox:
        """Start it.

        Raises:
            SandboxError: when it cannot be built here.
        """


def bubblewrap_options(spec: SandboxSpec) -> list[str]:
    """The options of ``bwrap`` for `spec`."""
    options = ["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--new-session"]
    options += ["--cap-drop", "ALL", "--clearenv"]
    if (spec.rootfs / "usr").is_dir():
        options += _own_root(spec.rootfs)
    else:
        options += _borrowed_root() + _packed_files(spec.rootfs)
    options += ["--proc", "/proc", "--dev", "/dev"]
    options += ["--perms", "1777", "--size", str(spec.ephemeral_storage_mb * _MIB), "--tmpfs", "/tmp"]
    options += ["--remount-ro", "/", "--chdir", spec.working_directory]
    for name, value in spec.variables.items():
        options += ["--setenv", name, value]
    return options


def isolated(*command: str, readable: Sequence[Path] = (), writable: Sequence[Path] = ()) -> list[str]:
    """A command of a program of this machine that needs neither network nor variables.

    Args:
        command: The program and its arguments.
        readable: Files and directories that it sees besides the system's.
        writable: Directories in which it may write.
    """
    options = ["--die-with-parent", "--unshare-all", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    options += [*_borrowed_root(), "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for option, paths in (("--ro-bind", readable), ("--bind", writable)):
        for path in paths:
            options += [option, str(path), str(path)]
    options += ["--remount-ro", "/", "--chdir", "/tmp", "--setenv", "PATH", search_path()]
    return ["bwrap", *options, *command]


def search_path() -> str:
    """PATH for an image that names none: the usual places, and this machine's node."""
    directories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    if prefix := _node_prefix():
        directories.insert(0, str(prefix / "bin"))
    return ":".join(directories)


def _own_root(rootfs: Path) -> list[str]:
    options = ["--ro-bind", str(rootfs), "/"]
    if (rootfs / "etc/resolv.conf").exists():
        options += ["--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"]
    return options


def _borrowed_root() -> list[str]:
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            options += ["--ro-bind", str(path), str(path)]
    options += ["--perms", "0755", "--dir", "/etc"]
    for name in _ETC:
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    if prefix := _node_prefix():
        options += ["--ro-bind", str(prefix), str(prefix)]
    return options


def _packed_files(rootfs: Path) -> list[str]:
    options = []
    for path in sorted(rootfs.iterdir()):
        if path.is_dir() and not path.is_symlink() and path.name not in _PROVIDED:
            options += ["--ro-bind", str(path), f"/{path.name}"]
    return options


def _node_prefix() -> Path | None:
    """Where node was installed, when that is outside /usr (nvm and the like)."""
    found = shutil.which("node")
    if found is None:
        return None
    prefix = Path(found).resolve().parent.parent
    return None if prefix.is_relative_to("/usr") or prefix == Path("/") else prefix


class ProcessSandbox:
    """A `Sandbox` of processes of this machine."""

    def __init__(
        self, process: asyncio.subprocess.Process, sockets: Sequence[socket.socket], memory_mb: int
    ) -> None:
        self.sockets = sockets
        self.exited = asyncio.Event()
        self.peak_memory_mb = 0
        self.out_of_memory = False
        self._process = process
        self._memory_mb = memory_mb
        self._frozen = False
        self._tasks = [asyncio.create_task(self._wait()), asyncio.create_task(self._watch_memory())]

    @classmethod
    async def start(cls, spec: SandboxSpec, output: int) -> ProcessSandbox:
        """Start the command, its output going to the file descriptor `output`.

        Raises:
            SandboxError: when bubblewrap is missing or the kernel refuses a namespace.
        """
        if shutil.which("bwrap") is None:
            raise SandboxError("bubblewrap is not installed (apt-get install bubblewrap)")
        ours, theirs = socket.socketpair()
        with ours, theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                str(Path(__file__).with_name("launcher.py")),
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                cwd="/",
            )
            theirs.close()
            try:
                sockets = await asyncio.to_thread(_order, ours, spec)
            except BaseException as error:
                _kill(process.pid)
                await process.wait()
                if isinstance(error, OSError | SandboxError):
                    why = f"The execution environment could not be isolated: {error}"
                    raise SandboxError(why) from error
                raise
        return cls(process, sockets, spec.memory_mb)

    @property
    def exit_reason(self) -> str:
        """How the command ended, in Lambda's words."""
        code = self._process.returncode
        if code is None:
            return "still running"
        return exit_reason(code)

    async def freeze(self) -> None:
        """Stop every process, as Lambda does between invocations."""
        self._frozen = True
        self._signal_all(signal.SIGSTOP)

    async def thaw(self) -> None:
        """Let the processes go on."""
        self._signal_all(signal.SIGCONT)
        self._frozen = False

    async def flush(self) -> None:
        """Nothing is between the processes and their output."""

    async def kill(self) -> None:
        """End every process at once and wait for their end."""
        self._kill_all()
        await self.exited.wait()
        for task in self._tasks:
            task.cancel()

    def sample_memory(self) -> int:
        """Resident memory now, in MiB."""
        used = memory_mib(descendants(self._process.pid))
        self.peak_memory_mb = max(self.peak_memory_mb, used)
        return used

    async def _wait(self) -> None:
        await self._process.wait()
        self.exited.set()

    async def _watch_memory(self) -> None:
        """Lambda ends an environment that outgrows its memory; so do we, by looking at it."""
        while not self.exited.is_set():
            if not self._frozen and self.sample_memory() > self._memory_mb:
                self.out_of_memory = True
                self._kill_all()
            await asyncio.sleep(MEMORY_SAMPLING_SECONDS)

    def _signal_all(self, number: signal.Signals) -> None:
        signal_descendants(self._process.pid, number)

    def _kill_all(self) -> None:
        # The first process of the namespace takes all others with it, also stopped ones.
        self._signal_all(signal.SIGKILL)
        if not self.exited.is_set():
            _kill(self._process.pid)


def _kill(pid: int) -> None:
    # Not Process.kill(): it polls first, and may take the exit status from asyncio's own waiter.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _order(supervisor: socket.socket, spec: SandboxSpec) -> list[socket.socket]:
    """Tell the launcher what to do; the listening sockets it made. Blocks."""
    order = {
        "listen": spec.listen,
        "options": bubblewrap_options(spec),
        "identity": ["--unshare-user", "--uid", _LAMBDA_USER, "--gid", _LAMBDA_GROUP],
        "command": spec.command,
    }
    supervisor.settimeout(10)
    supervisor.sendall(json.dumps(order).encode() + b"\n")
    _, descriptors, _, _ = socket.recv_fds(supervisor, 16, len(spec.listen))
    sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    if len(sockets) != len(spec.listen):
        raise SandboxError("the launcher ended early; its output says why")
    return sockets


def exit_reason(code: int) -> str:
    """An exit status in Lambda's words. bubblewrap and containers pass a signal on as 128 + number."""
    return _SIGNAL_NAMES.get(-code if code < 0 else code - 128, f"exit status {code}")


# Lambda writes the names of Go's syscall package.
_SIGNAL_NAMES: Mapping[int, str] = {
    signal.SIGKILL: "signal: killed",
    signal.SIGTERM: "signal: terminated",
    signal.SIGSEGV: "signal: segmentation fault",
    signal.SIGABRT: "signal: aborted",
}
