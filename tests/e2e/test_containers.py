"""A deployment whose Lambda environments are containers of a real Docker engine."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.stack import Stack, deployed
from tests.engine import engine_environment

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Deployed by ``inv deploy`` with the engine in sight: the settings are the default ones."""
    engine = engine_environment()
    with deployed(tmp_path_factory.mktemp("containers"), engine) as stack:
        yield stack


def docker(stack: Stack, *arguments: str) -> str:
    return subprocess.check_output(["docker", *arguments], env=stack.environment, text=True)


def environments(stack: Stack) -> list[dict[str, Any]]:
    """The containers of this stack, as the engine describes them."""
    label = f"label=org.librechat-lambda.owner={stack.environment['INVOKE_LOCAL_DIRECTORY']}"
    ids = docker(stack, "ps", "--quiet", "--filter", label).split()
    found: list[dict[str, Any]] = json.loads(docker(stack, "inspect", *ids)) if ids else []
    return found


def test_the_run_says_that_the_environments_are_containers(containers: Stack) -> None:
    assert "Lambda environments are containers" in containers.deployed.stdout
    assert containers.deployed.last("smoke")["ok"]


def test_an_environment_is_a_container_of_exactly_the_deployed_digest(containers: Stack) -> None:
    httpx.get(f"{containers.url}/api/health", timeout=60)

    image_uri = json.loads(containers.terraform_output_of("output", "-json"))["image_uri"]["value"]

    found = environments(containers)
    assert found
    assert {each["Config"]["Image"].partition("@")[2] for each in found} == {image_uri.partition("@")[2]}


def test_a_container_has_what_lambda_gives_and_no_more(containers: Stack) -> None:
    httpx.get(f"{containers.url}/api/health", timeout=60)
    host = environments(containers)[0]["HostConfig"]

    assert host["ReadonlyRootfs"]
    assert "size=512m" in host["Tmpfs"]["/tmp"]
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"]
    assert host["Memory"] == (2048 + 512) * 1024**2


def test_containers_are_frozen_between_requests_and_work_one_at_a_time(containers: Stack) -> None:
    url = f"{containers.url}/api/health/stream?chunks=20&interval_ms=500"
    headers = containers.diagnostic_headers()
    running: list[int] = []
    both_stream = threading.Barrier(2, timeout=60)

    def read() -> None:
        with httpx.stream("GET", url, headers=headers, timeout=60) as response:
            next(response.iter_lines())
            both_stream.wait()
            states = [each["State"] for each in environments(containers)]
            running.append(sum(not state["Paused"] for state in states))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    # Two streams at the same time, two containers at work.
    assert max(running) == 2
    deadline = time.monotonic() + 120
    while not all(each["State"]["Paused"] for each in environments(containers)):
        assert time.monotonic() < deadline, "an environment is not frozen after its invocation"
        time.sleep(0.5)


def test_the_node_in_the_container_is_the_images_own(containers: Stack) -> None:
    (first, *_) = environments(containers)
    pid = first["State"]["Pid"]
    # What the process has mapped tells its C library without running anything in the frozen container.
    mapped = Path(f"/proc/{pid}/maps").read_text()

    assert "ld-musl-x86_64.so.1" in mapped
    assert "rapid-client.node" in mapped


def test_a_deploy_without_changes_builds_and_pushes_nothing(containers: Stack) -> None:
    again = containers.inv("deploy", "--json")

    assert again.status == 0
    assert again.last("plan")["empty"]


def test_no_container_outlives_the_embedded_aws(containers: Stack) -> None:
    assert environments(containers)

    assert containers.inv("local.down").status == 0

    assert environments(containers) == []
