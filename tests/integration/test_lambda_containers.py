"""Execution environments as containers: what they see, what they may use, how they stand still and end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from scripts.local.lambda_.container import Containers, ContainerSandbox
from scripts.local.lambda_.engine import Engine
from scripts.local.lambda_.sandbox import SandboxError, SandboxSpec
from tests.engine import engine_environment

pytestmark = pytest.mark.integration

BASE = "ghcr.io/danny-avila/librechat-api:v0.8.2-rc1"


def spec(script: str, *, memory_mb: int = 128, listen: tuple[tuple[str, int], ...] = ()) -> SandboxSpec:
    return SandboxSpec(
        rootfs=Path("/nowhere"),
        command=("sh", "-c", script),
        working_directory="/app",
        variables={"PATH": "/usr/local/bin:/bin", "GIVEN": "value"},
        memory_mb=memory_mb,
        ephemeral_storage_mb=8,
        listen=listen or (("127.0.0.1", 9001),),
        image="environment:test",
    )


class Home:
    """Starts containers and keeps what they print."""

    def __init__(self, containers: Containers, output: Path) -> None:
        self.containers = containers
        self.output = output
        self.started: list[ContainerSandbox] = []

    async def start(self, wanted: SandboxSpec) -> ContainerSandbox:
        with self.output.open("ab") as file:
            sandbox = await self.containers.start(wanted, file.fileno())
        assert isinstance(sandbox, ContainerSandbox)
        self.started.append(sandbox)
        return sandbox

    async def run(self, wanted: SandboxSpec) -> str:
        sandbox = await self.start(wanted)
        async with asyncio.timeout(120):
            await sandbox.exited.wait()
        await sandbox.kill()
        return self.output.read_text()


@pytest_asyncio.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    engine = Engine(Path(engine_environment()["DOCKER_HOST"].removeprefix("unix://")))
    await engine.call("POST", f"/images/{BASE}/tag", repo="localhost/environment", tag="test")

    async def no_credentials() -> tuple[str, str]:
        return "", ""

    containers = Containers(engine, "localhost", no_credentials, tmp_path)
    await containers.open()
    (tmp_path / "output").touch()
    started = Home(containers, tmp_path / "output")
    yield started
    for sandbox in started.started:
        await sandbox.kill()
        for listening in sandbox.sockets:
            listening.close()
    await containers.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 - it looks at a file
            await asyncio.sleep(0.01)


async def test_only_tmp_can_be_written_and_it_has_the_configured_size(home: Home) -> None:
    printed = await home.run(
        spec("touch /app/x /x; dd if=/dev/zero of=/tmp/x bs=1M count=9; ls -l /tmp/x | awk '{print $5}'")
    )

    assert printed.count("Read-only file system") == 2
    assert "No space left on device" in printed
    assert printed.endswith(f"{8 * 1024**2}\n")


async def test_the_command_gets_the_given_variables_and_lambdas_user(home: Home) -> None:
    printed = await home.run(spec('echo "$GIVEN $(id -u):$(id -g) $(pwd)"; env'))

    assert "value 993:990 /app" in printed
    assert "DOCKER" not in printed


async def test_the_runtime_api_is_there_before_the_command_begins(home: Home) -> None:
    sandbox = await home.start(spec("wget -q -O - http://127.0.0.1:9001/"))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nfrom the runtime API\n")
        writer.close()

    async with await asyncio.start_server(answer, sock=sandbox.sockets[0]):
        await until(lambda: "from the runtime API" in home.output.read_text())


async def test_two_containers_may_listen_on_the_same_port_and_reach_nothing_else(home: Home) -> None:
    connect = "until nc 127.0.0.1 3080 </dev/null; do sleep 0.1; done"
    script = f"(echo hello | nc -l -p 3080) & {connect}; ip route; echo end"

    await asyncio.gather(home.run(spec(script)), home.run(spec(script)))

    assert home.output.read_text().count("hello") == 2
    assert "default" not in home.output.read_text()


async def test_a_frozen_container_stands_still_and_goes_on(home: Home) -> None:
    sandbox = await home.start(spec("while :; do echo tick; sleep 0.01; done"))
    await until(lambda: home.output.stat().st_size > 50)

    await sandbox.freeze()
    await sandbox.flush()
    before = home.output.stat().st_size
    await asyncio.sleep(0.2)
    assert home.output.stat().st_size == before

    await sandbox.thaw()
    await until(lambda: home.output.stat().st_size > before)


async def test_a_container_that_outgrows_its_memory_is_killed(home: Home) -> None:
    sandbox = await home.start(spec("node -e 'const a=[]; for(;;) a.push(Buffer.alloc(1e6, 1))'"))

    async with asyncio.timeout(120):
        await sandbox.exited.wait()

    assert sandbox.exit_reason == "signal: killed"
    assert sandbox.out_of_memory
    assert sandbox.peak_memory_mb >= 128


async def test_a_killed_container_is_gone_even_when_it_was_frozen(home: Home) -> None:
    sandbox = await home.start(spec("sleep 60"))
    await sandbox.freeze()

    await sandbox.kill()

    assert sandbox.exited.is_set()
    left = await home.containers._engine.call("GET", "/containers/json", all="1")
    assert sandbox._id not in {container["Id"] for container in left}


async def test_what_a_killed_supervisor_left_is_removed_at_the_next_start(home: Home) -> None:
    left = await home.start(spec("sleep 60"))

    await home.containers.open()

    async with asyncio.timeout(120):
        await left.exited.wait()


async def test_an_image_that_is_not_there_is_named(home: Home) -> None:
    wanted = spec("true")
    object.__setattr__(wanted, "image", "not-there@sha256:" + "0" * 64)

    with pytest.raises(SandboxError, match="could not be started"):
        await home.start(wanted)


async def test_an_engine_that_is_away_is_no_home(tmp_path: Path) -> None:
    async def no_credentials() -> tuple[str, str]:
        return "", ""

    containers = Containers(Engine(tmp_path / "docker.sock"), "localhost", no_credentials, tmp_path)

    with pytest.raises(SandboxError):
        await containers.open()
    await containers.close()
