"""Which home the local target's environments get, asked of a small engine on a Unix socket."""

from __future__ import annotations

import dataclasses
import json
import os
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from scripts import image
from scripts.errors import DeployError, ExitStatus
from scripts.image import base, builder, engine
from scripts.settings import Settings

pytestmark = pytest.mark.integration

BASE = "ghcr.io/danny-avila/librechat-api:v0.8.2-rc1"
StartEngine = Callable[..., None]
OLD, NEW = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"


@pytest.fixture
def start_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartEngine]:
    """Starts an engine that holds the given images."""
    servers: list[socketserver.ThreadingUnixStreamServer] = []

    def start(images: list[str], registry: dict[str, str] | None = None) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                held = self.path == "/version" or any(f"/images/{name}/json" == self.path for name in images)
                answer = {"Version": "27.0", "Id": "sha256:1"}
                for name, digest in (registry or {}).items():
                    if self.path == f"/distribution/{name}/json":
                        held, answer = True, {"Descriptor": {"digest": digest}}  # type: ignore[dict-item]
                body = json.dumps(answer).encode()
                self.send_response(200 if held else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self) -> str:
                return "unix"

            def log_message(self, format: str, *arguments: object) -> None:
                """Tests are quiet."""

        server = socketserver.ThreadingUnixStreamServer(str(tmp_path / "docker.sock"), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
        monkeypatch.setattr(os, "geteuid", lambda: 0)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def with_environments(settings: Settings, wanted: str) -> Settings:
    local = dataclasses.replace(settings.local, environments=wanted)  # type: ignore[arg-type]
    return dataclasses.replace(settings, local=local)


def test_an_engine_that_holds_the_base_image_gets_containers(
    default_settings: Settings, start_engine: StartEngine
) -> None:
    start_engine([BASE])

    assert engine.home(default_settings).kind == "container"
    assert "containers: Docker engine 27.0" in str(engine.home(default_settings))
    assert builder.choose(default_settings) == "buildx"


def test_a_containers_base_is_the_stand_in_on_librechats_image(
    default_settings: Settings, start_engine: StartEngine
) -> None:
    start_engine([BASE])

    reference = image.base_image(default_settings)

    assert reference.startswith("localhost/librechat-standin:")
    assert reference.endswith("-on-librechat-api-v0.8.2-rc1")


def test_an_engine_without_the_base_image_leaves_processes_and_says_how_to_change_it(
    default_settings: Settings, start_engine: StartEngine
) -> None:
    start_engine([])

    found = engine.home(default_settings)

    assert found.kind == "process"
    assert "docker pull" in found.why


def test_without_an_engine_there_are_processes(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    assert engine.home(default_settings).kind == "process"
    assert "none.sock" in engine.home(default_settings).why


def test_an_engine_of_another_machine_is_no_home(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2375")

    assert "not on this machine" in engine.home(default_settings).why


def test_only_root_gets_containers(
    default_settings: Settings, start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_engine([BASE])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert "only root" in engine.home(default_settings).why


def test_the_setting_process_asks_no_engine(default_settings: Settings, start_engine: StartEngine) -> None:
    start_engine([BASE])

    assert engine.home(with_environments(default_settings, "process")).kind == "process"


def test_demanded_containers_without_an_engine_stop_the_run(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    with pytest.raises(DeployError, match="cannot be containers") as failure:
        image.image_tag(with_environments(default_settings, "container"))

    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED
    assert "INVOKE_LOCAL_ENVIRONMENTS=process" in failure.value.next_step


def test_the_engine_asks_the_registry_what_a_tag_stands_for_now(start_engine: StartEngine) -> None:
    start_engine([], {BASE: NEW})

    assert base.current_digest(BASE) == NEW
    assert base.current_digest("ghcr.io/danny-avila/unknown:v1") == ""


def test_a_pinned_base_stands_for_itself_and_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    assert base.current_digest(f"{BASE}@{OLD}") == OLD
    assert base.current_digest(BASE) == ""


def test_an_engine_that_answers_with_something_else_tells_no_digest(start_engine: StartEngine) -> None:
    start_engine([], {BASE: "latest; rm -rf /"})

    assert base.current_digest(BASE) == ""
