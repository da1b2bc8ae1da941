"""The usual failures of npm, provoked for real and recognised."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts import npm
from scripts.errors import DeployError
from scripts.npm_failures import CAUSES
from scripts.progress import ignored

pytestmark = pytest.mark.integration


def package(directory: Path, **content: object) -> None:
    (directory / "package.json").write_text(json.dumps({"name": "top", "version": "1.0.0", **content}))


def lock(directory: Path, packages: dict[str, object], **root: object) -> None:
    content = {"": {"name": "top", "version": "1.0.0", **root}, **packages}
    (directory / "package-lock.json").write_text(
        json.dumps({"name": "top", "version": "1.0.0", "lockfileVersion": 3, "packages": content})
    )


def failure_of(action: Callable[[], None]) -> tuple[str, DeployError]:
    """The name of the cause that was recognised, and the error."""
    with pytest.raises(DeployError) as failure:
        action()
    names = [cause.name for cause in CAUSES if cause.why == failure.value.why]
    return (names or ["unknown"])[0], failure.value


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("node --max-old-space-size=8 -e 'const a = []; for (;;) a.push({})'", "heap"),
        # What the kernel does to the largest process when memory is short.
        ("sh -c 'kill -KILL $$'", "memory"),
        ("exit 137", "memory"),
        ("cat package.json > /dev/full", "disk"),
        ("echo 'let = = 1' > broken.cjs && node broken.cjs", "syntax"),
        ("exit 3", "unknown"),
    ],
)
def test_what_ends_a_script_is_recognised(tmp_path: Path, script: str, cause: str) -> None:
    package(tmp_path, scripts={"build": script})

    found, error = failure_of(lambda: npm.run(tmp_path, "build", [], ignored))

    assert found == cause
    assert error.evidence


def test_the_cause_is_found_through_scripts_that_call_scripts(tmp_path: Path) -> None:
    package(tmp_path, scripts={"frontend": "npm run client && echo done", "client": "sh -c 'kill -KILL $$'"})

    assert failure_of(lambda: npm.run(tmp_path, "frontend", [], ignored))[0] == "memory"


def test_a_lock_file_of_another_package_json_is_recognised(tmp_path: Path) -> None:
    package(tmp_path, dependencies={"left-pad": "1.3.0"})
    lock(tmp_path, {})

    cause, error = failure_of(lambda: npm.install(tmp_path, ignored))

    assert cause == "lock"
    assert "left-pad" in error.evidence


def test_a_node_that_a_package_does_not_want_is_recognised(tmp_path: Path) -> None:
    (tmp_path / ".npmrc").write_text("engine-strict=true\n")
    (tmp_path / "picky").mkdir()
    package(tmp_path / "picky", engines={"node": ">=99"})
    package(tmp_path, dependencies={"picky": "file:picky"})
    picky = {"version": "1.0.0", "engines": {"node": ">=99"}}
    lock(
        tmp_path,
        {"picky": picky, "node_modules/picky": {"resolved": "picky", "link": True}},
        dependencies={"picky": "file:picky"},
    )

    assert failure_of(lambda: npm.install(tmp_path, ignored))[0] == "node"


@pytest.fixture
def registry() -> Iterator[tuple[str, Callable[[int], None]]]:
    """A registry without packages, and what sets the status that it answers with."""
    status = [404]

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Tests are quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", lambda number: status.__setitem__(0, number)
        server.shutdown()


def wanting(directory: Path, registry: str) -> Path:
    """A package that wants one from `registry`."""
    package(directory, dependencies={"left-pad": "1.3.0"})
    resolved = {"version": "1.3.0", "resolved": f"{registry}/left-pad/-/left-pad-1.3.0.tgz"}
    lock(directory, {"node_modules/left-pad": resolved}, dependencies={"left-pad": "1.3.0"})
    (directory / ".npmrc").write_text(
        f"registry={registry}\nfetch-retries=0\ncache={directory / 'cache'}\noffline=false\n"
    )
    return directory


@pytest.mark.parametrize(("status", "cause"), [(404, "registry"), (403, "access")])
def test_a_registry_that_does_not_give_a_package_is_recognised(
    tmp_path: Path, registry: tuple[str, Callable[[int], None]], status: int, cause: str
) -> None:
    url, answer = registry
    answer(status)

    assert failure_of(lambda: npm.install(wanting(tmp_path, url), ignored))[0] == cause


@pytest.mark.parametrize("host", ["127.0.0.1", "registry.invalid"])
def test_a_registry_that_is_not_reached_is_recognised(tmp_path: Path, host: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    cause, error = failure_of(lambda: npm.install(wanting(tmp_path, f"http://{host}:{port}"), ignored))

    assert cause == "network", error


def test_a_failed_installation_is_not_taken_for_a_finished_one(
    tmp_path: Path, registry: tuple[str, Callable[[int], None]]
) -> None:
    wanting(tmp_path, registry[0])

    failure_of(lambda: npm.install(tmp_path, ignored))

    assert not npm.is_installed(tmp_path)


def test_a_machine_that_is_set_up_for_production_installs_what_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tool").mkdir()
    package(tmp_path / "tool")
    package(tmp_path, devDependencies={"tool": "file:tool"})
    lock(
        tmp_path,
        {"tool": {"version": "1.0.0", "dev": True}, "node_modules/tool": {"resolved": "tool", "link": True}},
        devDependencies={"tool": "file:tool"},
    )
    monkeypatch.setenv("NODE_ENV", "production")

    npm.install(tmp_path, ignored)

    assert (tmp_path / "node_modules" / "tool" / "package.json").is_file()
