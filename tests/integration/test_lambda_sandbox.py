from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from scripts.local.lambda_.sandbox import Address, ProcessSandbox, SandboxSpec, bubblewrap_options
from tests.unit.local.lambda_.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    (tmp_path / "rootfs/var/task").mkdir(parents=True)
    (tmp_path / "rootfs/var/task/code").write_text("content of the image")
    return tmp_path / "rootfs"


def spec(rootfs: Path, script: str, *, memory_mb: int = 256, listen: tuple[Address, ...] = ()) -> SandboxSpec:
    return SandboxSpec(
        rootfs=rootfs,
        command=("sh", "-c", script),
        working_directory="/var/task",
        variables={"PATH": "/usr/bin:/bin", "GIVEN": "value"},
        memory_mb=memory_mb,
        ephemeral_storage_mb=8,
        listen=listen or (("127.0.0.1", 9001),),
    )


class Running:
    """Starts sandboxes and reads what they print."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.sandboxes: list[ProcessSandbox] = []

    async def start(self, spec: SandboxSpec) -> ProcessSandbox:
        with self.output.open("ab") as file:
            sandbox = await ProcessSandbox.start(spec, file.fileno())
        self.sandboxes.append(sandbox)
        return sandbox

    async def run(self, spec: SandboxSpec) -> str:
        async with asyncio.timeout(120):
            await (await self.start(spec)).exited.wait()
        return self.output.read_text()

    async def printed(self, text: str) -> None:
        await until(lambda: text in self.output.read_text())


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    (tmp_path / "output").touch()
    starter = Running(tmp_path / "output")
    yield starter
    for sandbox in starter.sandboxes:
        await sandbox.kill()
        for listening in sandbox.sockets:
            listening.close()


async def test_only_tmp_can_be_written(running: Running, rootfs: Path) -> None:
    places = "/var/task/x /x /usr/x /etc/x"
    printed = await running.run(
        spec(rootfs, f"for i in {places}; do touch $i; done; touch /tmp/x && echo fine")
    )

    assert printed.count("Read-only file system") == 4
    assert printed.endswith("fine\n")


async def test_tmp_is_private_and_of_the_configured_size(running: Running, rootfs: Path) -> None:
    await running.run(spec(rootfs, "echo secret > /tmp/left-behind"))
    printed = await running.run(spec(rootfs, "ls /tmp; head -c 9000000 /dev/zero > /tmp/big"))

    assert "left-behind" not in printed
    assert "No space left on device" in printed


async def test_the_environment_holds_only_what_was_given(
    running: Running, rootfs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-this-machine")
    printed = await running.run(spec(rootfs, "env"))

    assert set(printed.splitlines()) == {"PATH=/usr/bin:/bin", "GIVEN=value", "PWD=/var/task"}


async def test_variables_are_not_on_any_command_line(running: Running, rootfs: Path) -> None:
    await running.start(spec(rootfs, "echo up; sleep 60"))
    await running.printed("up")
    assert b"GIVEN" not in command_lines()


def command_lines() -> bytes:
    lines = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines += path.read_bytes()
    return lines


async def test_processes_of_this_machine_are_out_of_sight(running: Running, rootfs: Path) -> None:
    printed = await running.run(spec(rootfs, "ls -d /proc/[0-9]* | wc -l"))
    assert int(printed) < 10


async def test_it_runs_as_the_user_of_lambda(running: Running, rootfs: Path) -> None:
    assert await running.run(spec(rootfs, "id -u; id -g; cat code")) == "993\n990\ncontent of the image"


async def test_two_sandboxes_may_listen_on_the_same_port(running: Running, rootfs: Path) -> None:
    first = await running.start(spec(rootfs, "sleep 60"))
    second = await running.start(spec(rootfs, "sleep 60"))

    assert first.sockets[0].getsockname() == second.sockets[0].getsockname() == ("127.0.0.1", 9001)


async def test_what_is_not_served_is_out_of_reach(running: Running, rootfs: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    script = (
        f"""node -e 'require("net").connect({port}, "127.0.0.1").on("error", e => console.log(e.code))'"""
    )
    printed = await running.run(spec(rootfs, script))
    server.close()

    assert printed == "ECONNREFUSED\n"


async def test_a_frozen_sandbox_stands_still_and_goes_on(running: Running, rootfs: Path) -> None:
    sandbox = await running.start(spec(rootfs, "(while :; do echo child; sleep 0.02; done) & wait"))
    await running.printed("child")
    await sandbox.freeze()
    frozen_at = running.output.stat().st_size
    await asyncio.sleep(0.3)
    assert running.output.stat().st_size == frozen_at

    await sandbox.thaw()
    await until(lambda: running.output.stat().st_size > frozen_at)


async def test_a_frozen_sandbox_can_be_killed(running: Running, rootfs: Path) -> None:
    sandbox = await running.start(spec(rootfs, "echo up; sleep 60 & sleep 60"))
    await running.printed("up")
    await sandbox.freeze()
    async with asyncio.timeout(120):
        await sandbox.kill()
    assert sandbox.exit_reason == "signal: killed"


async def test_memory_over_the_limit_ends_it_also_in_a_child(running: Running, rootfs: Path) -> None:
    grow = "node -e 'const a = []; setInterval(() => a.push(Buffer.alloc(8 << 20, 1)), 10)'"
    sandbox = await running.start(spec(rootfs, f"{grow} & wait", memory_mb=128))
    async with asyncio.timeout(120):
        await sandbox.exited.wait()

    assert sandbox.out_of_memory
    assert sandbox.peak_memory_mb > 128
    assert sandbox.exit_reason == "signal: killed"


@pytest.mark.parametrize(
    ("script", "reason"),
    [("exit 0", "exit status 0"), ("exit 7", "exit status 7"), ("kill -9 $$", "signal: killed")],
)
async def test_the_end_is_told_in_the_words_of_lambda(
    running: Running, rootfs: Path, script: str, reason: str
) -> None:
    sandbox = await running.start(spec(rootfs, script))
    await sandbox.exited.wait()
    assert sandbox.exit_reason == reason


def test_an_image_with_a_system_of_its_own_borrows_nothing(rootfs: Path) -> None:
    assert "/usr" in bubblewrap_options(spec(rootfs, ""))
    (rootfs / "usr").mkdir()
    options = bubblewrap_options(spec(rootfs, ""))

    assert options[options.index("--ro-bind") + 1 :][:2] == [str(rootfs), "/"]
    assert "/usr" not in options
