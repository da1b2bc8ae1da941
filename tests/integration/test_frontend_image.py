"""The client taken out of LibreChat's image, with a real engine."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import tarfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from scripts import frontend
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from tests.engine import engine_environment

pytestmark = pytest.mark.integration

CLIENT: dict[str, bytes] = {
    "index.html": b'<base href="/"><script type="module" src="assets/index.CDeaw5C5.js"></script>',
    "assets/index.CDeaw5C5.js": b"document.title = 'from the image'",
    "assets/index.CDeaw5C5.js.gz": b"\x1f\x8b compressed",
    "assets/fonts/Inter.woff2": bytes(range(256)) * 1000,
    "robots.txt": b"",
}
REVISION = "5bfebc7c9dd687373c17e34695db6471decd4a48"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' engine, or a skip with the reason."""
    for name, value in engine_environment().items():
        monkeypatch.setenv(name, value)


def archive(files: Mapping[str, bytes], links: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(f"app/client/dist/{name}")
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
        for name, target in links.items():
            member = tarfile.TarInfo(f"app/client/dist/{name}")
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
        member = tarfile.TarInfo("etc/os-release")
        tar.addfile(member)
    return content.getvalue()


class Images:
    """Small images in the engine, removed at the end."""

    def __init__(self) -> None:
        self.references: list[str] = []

    def make(self, files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> str:
        reference = f"localhost/librechat-api-of-a-test:{uuid.uuid4().hex}"
        self.tag(reference, files, links)
        self.references.append(reference)
        return reference

    def tag(self, reference: str, files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> None:
        label = f"LABEL org.opencontainers.image.revision={REVISION}"
        command = ["docker", "import", "--change", label, "-", reference]
        subprocess.run(command, input=archive(files, links or {}), check=True, capture_output=True)


@pytest.fixture
def images(engine: None) -> Iterator[Images]:
    made = Images()
    yield made
    if made.references:
        subprocess.run(["docker", "rmi", "--force", *made.references], check=True, capture_output=True)


def settings_of(default: Settings, reference: str, project_root: Path) -> Settings:
    return dataclasses.replace(
        default,
        target="aws",
        librechat=dataclasses.replace(default.librechat, base_image=reference),
        frontend=dataclasses.replace(default.frontend, from_image=True),
        project_root=project_root,
    )


def containers() -> str:
    return subprocess.check_output(["docker", "ps", "--all", "--quiet"], text=True)


def test_the_client_is_copied_out_as_it_is_once_and_no_container_stays(
    default_settings: Settings, images: Images, tmp_path: Path
) -> None:
    reference = images.make(CLIENT)
    settings = settings_of(default_settings, reference, tmp_path)
    before = containers()

    first = frontend.build(settings)
    second = frontend.build(settings)

    assert {str(path.relative_to(first.path)): path.read_bytes() for path in first.files} == CLIENT
    assert (first.cached, second.cached) == (False, True)
    assert first.content_hash == second.content_hash == frontend.source_hash(settings)
    assert (first.kind, first.name, first.commit) == ("image", reference, REVISION)
    assert containers() == before


def test_another_image_under_the_same_name_is_another_content(
    default_settings: Settings, images: Images, tmp_path: Path
) -> None:
    reference = images.make(CLIENT)
    settings = settings_of(default_settings, reference, tmp_path)
    before = frontend.source_hash(settings)

    images.tag(reference, CLIENT | {"robots.txt": b"User-agent: *"})

    assert frontend.source_hash(settings) != before


def test_variables_of_this_machine_and_its_node_do_not_count(
    default_settings: Settings, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(default_settings, images.make(CLIENT), tmp_path)
    before = frontend.source_hash(settings)

    monkeypatch.setenv("VITE_ENABLE_LOGGER", "true")

    assert frontend.source_hash(settings) == before


def test_a_link_in_the_image_leads_nowhere(
    default_settings: Settings, images: Images, tmp_path: Path
) -> None:
    reference = images.make(CLIENT, links={"passwords.txt": "/etc/passwd"})

    dist = frontend.build(settings_of(default_settings, reference, tmp_path))

    assert not (dist.path / "passwords.txt").is_symlink()
    assert {str(path.relative_to(dist.path)) for path in dist.files} == set(CLIENT)


def test_an_image_without_a_client_is_named_and_no_container_stays(
    default_settings: Settings, images: Images, tmp_path: Path
) -> None:
    reference = images.make({})
    before = containers()

    with pytest.raises(DeployError, match="has no client") as failure:
        frontend.build(settings_of(default_settings, reference, tmp_path))

    assert "/app/client/dist" in failure.value.why
    assert containers() == before


def test_half_a_client_is_refused(default_settings: Settings, images: Images, tmp_path: Path) -> None:
    files = {name: body for name, body in CLIENT.items() if name != "assets/index.CDeaw5C5.js"}

    with pytest.raises(DeployError, match="not whole"):
        frontend.build(settings_of(default_settings, images.make(files), tmp_path))


@pytest.mark.usefixtures("engine")
def test_an_image_that_cannot_be_pulled_is_named_before_anything_is_touched(
    default_settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(DeployError, match=r"could not pull 127\.0\.0\.1:9/nobody") as failure:
        frontend.source_hash(settings_of(default_settings, "127.0.0.1:9/nobody/nothing:v1", tmp_path))

    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED
    assert "INVOKE_FRONTEND_FROM_IMAGE=no" in failure.value.next_step


def test_without_an_engine_the_way_around_is_named(
    default_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")

    with pytest.raises(DeployError, match="needs a Docker engine") as failure:
        frontend.build(settings_of(default_settings, "librechat-api:v1", tmp_path))

    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED
    assert "INVOKE_FRONTEND_FROM_IMAGE=no" in failure.value.next_step
