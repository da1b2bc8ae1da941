"""``inv smoke`` against deployments on loopback: its files, its watch, what it refuses before it begins."""

from __future__ import annotations

import asyncio
import fcntl
import io
import json
import os
import pty
import re
import signal
import socket
import struct
import sys
import termios
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from scripts import pipeline
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.pipeline.smoke_flags import Wanted
from scripts.session import Session
from scripts.settings import Settings
from tests.events import require_documented
from tests.unit.smoke import server
from tests.unit.smoke.server import Deployment, always, file, s3_denied

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
BROKEN = {"/chat/*": always(s3_denied)}


class Bench:
    """Runs the command as ``--json`` does, and keeps what it wrote."""

    def __init__(self, settings: Settings) -> None:
        self._settings = replace(settings, smoke=server.SETTINGS)
        self.out = io.StringIO()

    async def smoke(self, **wanted: Any) -> DeployError | None:
        """The error that it ended with, if it did."""
        session = Session(self._settings, Console(json_lines=True, stdout=self.out))
        try:
            await asyncio.to_thread(pipeline.smoke, session, Wanted(**wanted))
        except DeployError as error:
            return error
        return None

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.getvalue().splitlines()]


@pytest.fixture
def bench(default_settings: Settings) -> Bench:
    return Bench(default_settings)


def free_address() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def cases(path: Path) -> dict[str, str]:
    """The test cases of a JUnit file: ``passed``, or the name of the element that says otherwise."""
    return {
        str(case.get("name")): next((child.tag for child in case if child.tag != "system-out"), "passed")
        for case in ElementTree.parse(path).getroot().iter("testcase")
    }


async def test_an_address_is_all_that_it_needs(bench: Bench) -> None:
    async with Deployment().serve() as url:
        assert await bench.smoke(base_url=url, only=("US1.2,fr-014",)) is None
    require_documented(bench.events)
    assert [event["type"] for event in bench.events[-2:]] == ["step", "smoke"]
    assert "failed" not in bench.events[-2]
    ended = [event["id"] for event in bench.events if event["type"] == "smoke.check"]
    assert sorted(ended) == sorted(check["id"] for check in bench.events[-1]["checks"])
    assert bench.events[-1]["deployed"] is None
    assert bench.events[-1]["options"]["only"] == ["US1.2", "fr-014"]


async def test_the_files_are_written_when_a_check_failed_too(bench: Bench, tmp_path: Path) -> None:
    junit, page = tmp_path / "smoke.xml", tmp_path / "smoke.html"
    async with Deployment(BROKEN).serve() as url:
        error = await bench.smoke(base_url=url, only=("US1.2", "FR-021"), junit=str(junit), report=str(page))
    assert error is not None and error.status is ExitStatus.SMOKE_FAILED
    assert "run the same command again" in error.next_step
    assert [event["failed"] for event in bench.events if event["type"] == "step"] == [True]
    assert cases(junit)["US1.2 a deep link gives index.html"] == "failure"
    assert cases(junit)["FR-021 TLS 1.2 or newer"] == "skipped"
    assert "a deep link gives index.html" in page.read_text()
    assert names(tmp_path) == ["smoke.html", "smoke.xml"], "nothing is left of the writing"


async def test_a_run_that_proves_nothing_ends_with_4(bench: Bench) -> None:
    async with Deployment().serve() as url:
        error = await bench.smoke(base_url=url, only=("FR-021",))
    assert error is not None and error.status is ExitStatus.SMOKE_FAILED
    assert error.what == "Nothing was proven"


async def test_long_streams_on_another_machine_need_a_yes_that_nobody_can_give(bench: Bench) -> None:
    """Under pytest stdin is no terminal."""
    error = await bench.smoke(base_url="https://chat.example.invalid", long=True)
    assert error is not None and error.status is ExitStatus.PREFLIGHT_FAILED
    assert "nobody is there" in error.what and "throttled" in error.why and "--yes" in error.next_step
    assert not bench.events, "nothing was asked of it"


async def test_long_streams_on_the_real_account_need_a_yes_too(default_settings: Settings) -> None:
    error = await Bench(replace(default_settings, target="aws")).smoke(long=True)
    assert error is not None and error.status is ExitStatus.PREFLIGHT_FAILED
    assert "the real account, environment dev" in error.why


async def test_a_deployment_that_does_not_answer_leaves_its_files_too(bench: Bench, tmp_path: Path) -> None:
    junit, url = tmp_path / "smoke.xml", free_address()
    error = await bench.smoke(base_url=url, junit=str(junit))
    assert error is not None
    assert error.what == f"Nothing answers at {url}"
    assert error.next_step.startswith("Check the address")
    assert cases(junit) == {"US1.1 the address answers": "failure"}
    assert "Nothing answers at" in junit.read_text()


@pytest.mark.parametrize(
    "wrong",
    [
        {"only": ("SC-9",)},
        {"only": ("",)},
        {"base_url": ""},
        {"only": ("US1",), "skip": ("US",)},
        {"junit": "no/such/directory/smoke.xml"},
        {"report": "."},
        {"watch": "soon"},
        {"until_failed": True},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    bench: Bench, wrong: dict[str, Any]
) -> None:
    deployment = Deployment()
    async with deployment.serve() as url:
        error = await bench.smoke(**{"base_url": url, **wrong})
    assert error is not None and error.status is ExitStatus.PREFLIGHT_FAILED
    assert not deployment.requests and not bench.events


async def test_a_watch_ends_at_the_first_failure_and_its_files_are_of_the_last_run(
    bench: Bench, tmp_path: Path
) -> None:
    junit, asked = tmp_path / "smoke.xml", 0

    async def breaks(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return file("/index.html") if asked < 3 else s3_denied()

    async with Deployment({"/chat/*": breaks}).serve() as url:
        error = await bench.smoke(
            base_url=url, only=("US1.2",), watch="0.01", until_failed=True, junit=str(junit)
        )
    assert error is not None and error.status is ExitStatus.SMOKE_FAILED
    assert cases(junit) == {"US1.2 a deep link gives index.html": "failure"}
    require_documented(bench.events)
    assert [event["type"] for event in bench.events] == ["smoke.run"] * 3 + ["smoke.watch"]
    [change] = bench.events[2]["changes"]
    assert (change["id"], change["before"], change["status"]) == ("US1.2", "passed", "failed")


async def test_a_watch_outlasts_a_deployment_that_is_away(bench: Bench) -> None:
    host, port = free_address().removeprefix("http://").split(":")
    seen: list[list[dict[str, Any]]] = []

    class Away(Exception):
        """Ends the watch of the test as Ctrl-C would, from within its thread."""

    class Told(io.StringIO):
        """Starts the deployment when a run has failed, and ends the watch when one has passed."""

        def write(self, text: str) -> int:
            event = json.loads(text)
            seen.append(event["changes"])
            if event["ok"]:
                raise Away
            asyncio.run_coroutine_threadsafe(begin(), loop).result()
            return len(text)

    async def begin() -> None:
        if not runner.sites:
            await web.TCPSite(runner, host, int(port)).start()

    loop = asyncio.get_running_loop()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", Deployment().handle)
    runner = web.AppRunner(app)
    await runner.setup()
    bench.out = Told()
    try:
        with pytest.raises(Away):
            await bench.smoke(base_url=f"http://{host}:{port}", only=("US1.2",), watch="0.01")
    finally:
        await runner.cleanup()
    changes = [(change["title"], change["status"]) for run in seen for change in run]
    assert changes == [("the address answers", "failed"), ("the address answers", "passed")]


class Terminal:
    """A pseudo terminal in which `inv` runs.

    Attributes:
        raw: All that was written.
        text: The same without colours.
    """

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.raw = ""

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;]*m", "", self.raw)

    def read(self) -> bool:
        """Take in what there is; False at the end."""
        try:
            self.raw += os.read(self._ours, 65536).decode(errors="replace")
        except OSError:  # EIO: nobody holds the other side any more
            os.close(self._ours)
            return False
        return True


async def test_a_watch_in_a_terminal_draws_its_table_and_ctrl_c_leaves_the_cursor_on() -> None:
    terminal = Terminal()
    async with Deployment().serve() as url:
        flags = ["--base-url", url, "--only", "US1.2", "--watch", "0.1"]
        watching = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "inv"), "smoke", *flags,
            cwd=ROOT, env={**os.environ, "TERM": "xterm", "PYTHONUNBUFFERED": "1"},
            stdin=terminal.theirs, stdout=terminal.theirs, stderr=terminal.theirs,
        )  # fmt: skip
        os.close(terminal.theirs)
        try:
            async with asyncio.timeout(120):
                while "▪▪" not in terminal.text:
                    assert await asyncio.to_thread(terminal.read), terminal.text
                watching.send_signal(signal.SIGINT)
                while await asyncio.to_thread(terminal.read):
                    pass
                assert await watching.wait() == 0, terminal.text
        finally:
            if watching.returncode is None:
                watching.kill()
                await watching.wait()
    assert "US1.2" in terminal.text and "ended" in terminal.text
    assert terminal.raw.rindex("\x1b[?25h") > terminal.raw.rindex("\x1b[?25l")
    assert "Traceback" not in terminal.text and "0 failed" in terminal.text.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_run_ends_with_130_and_shows_no_traceback(number: signal.Signals) -> None:
    asked = asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with Deployment({"/api/health": silent}).serve() as url:
        running = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "inv"), "smoke", "--base-url", url, "--only", "SC-003",
            cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(120):
                await asked.wait()
                running.send_signal(number)
                output, _ = await running.communicate()
        finally:
            if running.returncode is None:
                running.kill()
                await running.wait()
    assert running.returncode == ExitStatus.INTERRUPTED, output
    assert b"Interrupted" in output and b"Traceback" not in output


async def test_an_interrupted_run_shows_what_it_had_found(tmp_path: Path) -> None:
    asked, junit = asyncio.Event(), tmp_path / "smoke.xml"

    async def silent(request: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with Deployment({"/api/health": silent}).serve() as url:
        flags = ["--base-url", url, "--only", "SC-003,US1.2", "--json", "--junit", str(junit)]
        running = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "inv"), "smoke", *flags,
            cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert running.stdout is not None
        try:
            async with asyncio.timeout(120):
                found = json.loads(await running.stdout.readline())
                await asked.wait()
                running.send_signal(signal.SIGINT)
                rest, _ = await running.communicate()
        finally:
            if running.returncode is None:
                running.kill()
                await running.wait()
    events = [found, *map(json.loads, rest.splitlines())]
    require_documented(events)
    assert running.returncode == ExitStatus.INTERRUPTED
    [report] = [event for event in events if event["type"] == "smoke"]
    assert [(check["id"], check["status"]) for check in report["checks"]] == [
        ("US1.2", "passed"),
        ("SC-003", "not checked"),
    ]
    assert cases(junit)["SC-003 /api/health answers OK"] == "skipped"
