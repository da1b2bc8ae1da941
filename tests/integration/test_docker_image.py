"""The image with a real engine: built, pushed to a registry that wants a password, read back."""

from __future__ import annotations

import base64
import dataclasses
import json
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from scripts import image
from scripts.aws import Aws
from scripts.errors import DeployError, ExitStatus
from scripts.image import buildx
from scripts.image.layer import sha256_digest
from scripts.image.registry import Repository
from scripts.settings import Settings
from scripts.target import Target
from tests.engine import engine_environment

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery staple"
HTPASSWD = "AWS:$2b$04$Bw7o65UX6MMG7njGGy3aMe6JD//FYSbfc5zTjtzDwTlVpH08yOHUO"
"""The line of an htpasswd file for it (bcrypt)."""

NAME = "librechat-lambda-api-dev"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Every test here uses the tests' engine, or is skipped with the reason."""
    environment = engine_environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.fixture
def settings(default_settings: Settings) -> Settings:
    return dataclasses.replace(default_settings, target="aws")


@pytest.fixture
def built(settings: Settings) -> image.Built:
    """The real Dockerfile, built on the stand-in of LibreChat's image; compiled once per engine."""
    return image.build(settings)


@dataclasses.dataclass
class Registry:
    """A docker-registry with a password."""

    address: str
    directory: Path

    def target(self, password: str = PASSWORD) -> Target:
        """An account whose ECR hands out `password` and lives at this registry."""
        token = base64.b64encode(f"AWS:{password}".encode()).decode()
        answer = json.dumps({"authorizationData": [{"authorizationToken": token}]}).encode()
        endpoint = serve_forever(answer)
        keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_ENDPOINT_URL": endpoint}
        aws = Aws(region="eu-west-1", environment=keys)
        return Target("aws", {"AWS_ENDPOINT_URL": f"http://{self.address}"}, aws)

    def repository(self) -> Repository:
        token = base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()
        return Repository(f"http://{self.address}", self.address, NAME, f"Basic {token}")

    @property
    def blobs(self) -> set[str]:
        """The digests of what it has stored."""
        return {path.parent.name for path in self.directory.glob("data/**/sha256/*/*/data")}

    def forget_manifests_and_largest_layer(self) -> None:
        """What an interruption leaves: some layers, and no manifest that names them."""
        store = self.directory / "data/docker/registry/v2"
        largest = max(store.glob("blobs/sha256/*/*/data"), key=lambda path: path.stat().st_size).parent
        shutil.rmtree(largest)
        shutil.rmtree(store / "repositories" / NAME / "_layers" / "sha256" / largest.name)
        shutil.rmtree(store / "repositories" / NAME / "_manifests")


def serve_forever(answer: bytes) -> str:
    class Ecr(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ecr)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def running_registry(directory: Path, *, readonly: bool = False) -> Iterator[Registry]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (directory / "htpasswd").write_text(HTPASSWD + "\n")
    (directory / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory / 'data'}}}, "
        f"maintenance: {{readonly: {{enabled: {str(readonly).lower()}}}}}}}\n"
        f"http: {{addr: '{address}'}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {directory / 'htpasswd'}}}}}\n"
    )
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(directory / "config.yml")], stdout=log, stderr=log
        )
    try:
        while not _answers(f"http://{address}/v2/"):
            assert process.poll() is None, (directory / "log").read_text()
            time.sleep(0.05)
        yield Registry(address, directory)
    finally:
        process.terminate()
        process.wait(120)


def _answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=60)
    except httpx.ConnectError:
        return False
    return True


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    if shutil.which("docker-registry") is None:
        pytest.skip("docker-registry is not installed (apt-get install docker-registry)")
    with running_registry(tmp_path) as running:
        yield running


def test_the_runtime_client_is_compiled_for_musl_and_loads_in_a_musl_node(built: image.Built) -> None:
    run = ["docker", "run", "--rm", "--network=none", "--read-only", "--tmpfs=/tmp", "--entrypoint=node"]
    script = (
        "require('/var/task/node_modules/aws-lambda-ric/dist/rapid-client.node');"
        "console.log(process.report.getReport().sharedObjects.join(' '))"
    )
    variable = ["--env", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001"]
    reference = f"{buildx.LOCAL_REPOSITORY}:{built.tag}"
    printed = subprocess.check_output([*run, *variable, reference, "-e", script], text=True)

    assert "/lib/ld-musl-x86_64.so.1" in printed
    assert "rapid-client.node" in printed
    assert "libc.so.6" not in printed


def test_a_second_build_finds_the_image_and_does_nothing(settings: Settings, built: image.Built) -> None:
    assert image.build(settings).cached


def test_the_image_holds_what_runs_and_nothing_that_builds(built: image.Built, settings: Settings) -> None:
    run = [
        "docker",
        "run",
        "--rm",
        "--network=none",
        "--entrypoint=sh",
        f"{buildx.LOCAL_REPOSITORY}:{built.tag}",
    ]
    files = subprocess.check_output([*run, "-c", "find /var/task /usr/bin /root -type f"], text=True).split()

    assert "/var/task/src/handler.mjs" in files
    assert not [
        name for name in files if name.endswith(("/g++", "/cc", "/cmake", ".tar.gz")) or ".npm" in name
    ]
    assert (image.inspect(settings).added_mb or 99) < 10


def test_inspecting_tells_base_platform_command_and_labels(settings: Settings, built: image.Built) -> None:
    found = image.inspect(settings)

    assert found.platform == "linux/amd64"
    assert found.base == settings.librechat.base_image
    assert found.entry_point[-1] == "src/handler.handler"
    assert found.labels["org.librechat-lambda.content-tag"] == built.tag
    assert len(found.labels["org.opencontainers.image.revision"]) >= 40


def test_a_push_signs_in_and_reads_back_one_single_image(
    settings: Settings, built: image.Built, registry: Registry
) -> None:
    assert httpx.get(f"http://{registry.address}/v2/").status_code == 401
    assert httpx.get(f"http://{registry.address}/v2/", auth=("AWS", PASSWORD)).status_code == 200

    pushed = image.push(settings, registry.target(), f"{registry.address}/{NAME}", built.tag)

    with registry.repository() as repository:
        stored = repository.manifest(built.tag)
    assert stored is not None
    assert stored.media_type == "application/vnd.docker.distribution.manifest.v2+json"
    assert pushed.digest == sha256_digest(stored.content)
    again = image.push(settings, registry.target(), f"{registry.address}/{NAME}", built.tag)
    assert (again.skipped, again.digest) == (True, pushed.digest)


def test_a_wrong_password_is_refused_and_not_shown(
    settings: Settings, built: image.Built, registry: Registry
) -> None:
    with pytest.raises(DeployError, match="refused") as failure:
        image.push(settings, registry.target("wrong-password"), f"{registry.address}/{NAME}", built.tag)

    assert "wrong-password" not in f"{failure.value} {failure.value.evidence}"


def test_an_interrupted_push_goes_on_where_it_stopped(
    settings: Settings, built: image.Built, registry: Registry
) -> None:
    reference = f"{registry.address}/{NAME}"
    image.push(settings, registry.target(), reference, built.tag)
    registry.forget_manifests_and_largest_layer()
    kept = registry.blobs
    written = {path: path.stat().st_mtime_ns for path in registry.directory.glob("data/**/sha256/*/*/data")}

    image.push(settings, registry.target(), reference, built.tag)

    assert kept
    assert kept < registry.blobs
    assert all(path.stat().st_mtime_ns == moment for path, moment in written.items())


def test_a_registry_that_fails_in_the_stream_is_an_error_with_its_words(
    settings: Settings, built: image.Built, tmp_path: Path
) -> None:
    with (
        running_registry(tmp_path, readonly=True) as registry,
        pytest.raises(DeployError, match="could not push") as failure,
    ):
        image.push(settings, registry.target(), f"{registry.address}/{NAME}", built.tag)

    assert failure.value.why


def test_an_index_is_refused_before_lambda_does_it(
    settings: Settings, built: image.Built, registry: Registry
) -> None:
    index_type = "application/vnd.oci.image.index.v1+json"
    index = json.dumps({"schemaVersion": 2, "mediaType": index_type, "manifests": []}).encode()
    with registry.repository() as repository:
        repository.put_manifest(built.tag, index, index_type)

    with pytest.raises(DeployError, match="image index") as failure:
        image.push(settings, registry.target(), f"{registry.address}/{NAME}", built.tag)

    assert "--provenance=false" in failure.value.next_step


def test_a_full_disk_is_named_with_the_way_to_make_room(
    settings: Settings, engine: dict[str, str], tmp_path: Path
) -> None:
    project = tmp_path / uuid.uuid4().hex
    (project / "container" / "src").mkdir(parents=True)
    (project / "container" / "package.json").write_text(uuid.uuid4().hex)
    (project / "container" / "Dockerfile").write_text(
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN cat /etc/passwd > /dev/full\n"
    )

    with pytest.raises(DeployError, match="could not be built") as failure:
        image.build(dataclasses.replace(settings, project_root=project))

    assert "disk is full" in failure.value.why
    assert "docker builder prune" in failure.value.next_step


def test_an_engine_without_buildx_is_told_where_to_get_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    try:
        buildx.check_engine()
    except DeployError as error:
        assert error.what == "Docker has no buildx plugin"
        assert "docker-buildx" in error.next_step
        assert error.status is ExitStatus.PREFLIGHT_FAILED
    else:
        pytest.skip("this machine's own Docker has buildx")


def test_an_engine_that_is_down_is_named_first(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    with pytest.raises(DeployError, match="engine does not answer"):
        image.build(settings)
