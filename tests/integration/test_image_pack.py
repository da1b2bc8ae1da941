"""The image without an engine: packed from the real sources, pushed to the embedded ECR, read back."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import re
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts import image
from scripts.errors import DeployError
from scripts.image import pack
from scripts.image.layer import Symlink, make_layer, sha256_digest
from scripts.image.registry import Repository
from scripts.settings import PROJECT_ROOT, Settings
from scripts.target import Target, local_target

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(default_settings: Settings) -> Settings:
    return default_settings


@pytest.fixture
def target(settings: Settings, emulator: Any) -> Target:
    return local_target(settings, emulator.credentials, endpoint=emulator.endpoint, base_url="")


@pytest.fixture
def repository_url(target: Target) -> Iterator[str]:
    ecr = target.aws.client("ecr")
    name = f"librechat-{uuid.uuid4().hex[:12]}"
    created = ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    yield created["repository"]["repositoryUri"]
    ecr.delete_repository(repositoryName=name, force=True)


def open_repository(target: Target, repository_url: str) -> Repository:
    host, _, name = repository_url.partition("/")
    token = target.aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return Repository(target.environment["AWS_ENDPOINT_URL"], host, name, f"Basic {token}")


def layers_of(settings: Settings) -> list[tarfile.TarFile]:
    built = image.build(settings)
    assert built.directory is not None
    packed = pack.PackedImage(built.directory, built.cached)
    blobs = [packed.blob(layer["digest"]) for layer in json.loads(packed.manifest)["layers"]]
    return [tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob.read_bytes()))) for blob in blobs]


def test_the_packed_image_holds_the_app_and_the_handler(settings: Settings) -> None:
    app, task = layers_of(settings)

    assert {"app/api/server/index.js", "app/client/dist/index.html"} <= set(app.getnames())
    assert {
        "var/task/package.json",
        "var/task/src/handler.mjs",
        "var/task/node_modules/aws-lambda-ric/bin/index.mjs",
    } <= set(task.getnames())


def test_every_place_that_librechat_writes_to_leads_into_tmp(settings: Settings) -> None:
    app, _ = layers_of(settings)

    links = {member.name: member.linkname for member in app.getmembers() if member.issym()}

    assert links == {
        "app/uploads": "/tmp/uploads",
        "app/client/public/images": "/tmp/images",
        "app/api/logs": "/tmp/logs",
        "app/api/data": "/tmp/data",
    }


def test_the_configuration_starts_the_runtime_interface_client(settings: Settings) -> None:
    built = image.build(settings)
    assert built.directory is not None
    packed = pack.PackedImage(built.directory, built.cached)
    content = json.loads(packed.blob(json.loads(packed.manifest)["config"]["digest"]).read_bytes())

    assert (content["os"], content["architecture"]) == ("linux", "amd64")
    assert content["config"]["Entrypoint"] == ["node", "/var/task/node_modules/aws-lambda-ric/bin/index.mjs"]
    assert content["config"]["Cmd"] == ["src/handler.handler"]
    assert content["config"]["WorkingDir"] == "/var/task"
    assert len(content["rootfs"]["diff_ids"]) == 2


def test_the_same_tree_makes_the_same_layer_whenever_and_wherever(tmp_path: Path) -> None:
    def written(name: str, mode: int) -> Path:
        file = tmp_path / name / "index.js"
        file.parent.mkdir()
        file.write_text("content")
        file.chmod(mode)
        return file

    one = make_layer({"/app/a.js": written("one", 0o600), "/app/logs": Symlink("/tmp/logs")})
    two = make_layer({"/app/logs": Symlink("/tmp/logs"), "/app/a.js": written("two", 0o664)})

    assert one.digest == two.digest
    assert one.diff_id == sha256_digest(gzip.decompress(one.blob))


def test_a_push_is_what_the_control_plane_then_knows(
    settings: Settings, target: Target, repository_url: str
) -> None:
    tag = image.image_tag(settings)

    pushed = image.push(settings, target, repository_url, tag)

    name = repository_url.partition("/")[2]
    (details,) = target.aws.client("ecr").describe_images(repositoryName=name)["imageDetails"]
    assert (pushed.uploaded_layers, pushed.skipped) == (3, False)
    assert details["imageDigest"] == pushed.digest
    assert details["imageTags"] == [tag]


def test_a_second_push_sends_nothing(settings: Settings, target: Target, repository_url: str) -> None:
    tag = image.image_tag(settings)
    first = image.push(settings, target, repository_url, tag)

    second = image.push(settings, target, repository_url, tag)

    assert (second.digest, second.uploaded_layers, second.skipped) == (first.digest, 0, True)


def test_layers_that_an_interrupted_push_left_are_not_sent_again(
    settings: Settings, target: Target, repository_url: str
) -> None:
    built = image.build(settings)
    assert built.directory is not None
    packed = pack.PackedImage(built.directory, built.cached)
    digest = json.loads(packed.manifest)["layers"][0]["digest"]
    with open_repository(target, repository_url) as repository:
        assert repository.upload(digest, packed.blob(digest)) is True

    pushed = image.push(settings, target, repository_url, image.image_tag(settings))

    assert pushed.uploaded_layers == 2


def test_a_tag_that_is_not_the_contents_own_is_refused(
    settings: Settings, target: Target, repository_url: str
) -> None:
    with pytest.raises(DeployError, match="not what Terraform planned"):
        image.push(settings, target, repository_url, "0123456789abcdef")


def test_an_image_that_is_there_is_not_compared_with_the_sources(
    settings: Settings, target: Target, repository_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollback asks for the image of an earlier release, whatever is checked out now."""
    tag = image.image_tag(settings)
    first = image.push(settings, target, repository_url, tag)
    monkeypatch.setattr("scripts.image.pusher.image_tag", lambda settings: "f" * 16)
    monkeypatch.setattr("scripts.image.pusher.build", lambda *_: pytest.fail("nothing is built"))

    again = image.push(settings, target, repository_url, tag)

    assert again.skipped
    assert again.digest == first.digest


def test_a_missing_repository_is_named_and_who_makes_it(settings: Settings, target: Target) -> None:
    url = "515966504419.dkr.ecr.eu-west-1.amazonaws.com/not-there"

    with pytest.raises(DeployError, match="/v2/not-there/") as failure:
        image.push(settings, target, url, image.image_tag(settings))

    assert "inv deploy" in failure.value.next_step


def put_under_our_tag(
    target: Target, repository_url: str, tag: str, config: dict[str, Any], tmp: Path
) -> None:
    """Push an image of somebody else's making."""
    content = tmp / "config.json"
    content.write_text(json.dumps(config))
    digest = sha256_digest(content.read_bytes())
    manifest = {
        "schemaVersion": 2,
        "mediaType": pack.MANIFEST_TYPE,
        "config": {"digest": digest, "size": content.stat().st_size},
        "layers": [],
    }
    with open_repository(target, repository_url) as repository:
        repository.upload(digest, content)
        repository.put_manifest(tag, json.dumps(manifest).encode(), pack.MANIFEST_TYPE)


def test_a_foreign_image_under_our_tag_is_a_clash_with_a_way_out(
    settings: Settings, target: Target, repository_url: str, tmp_path: Path
) -> None:
    tag = image.image_tag(settings)
    put_under_our_tag(target, repository_url, tag, {"os": "linux", "architecture": "amd64"}, tmp_path)

    with pytest.raises(DeployError, match="Another image") as failure:
        image.push(settings, target, repository_url, tag)

    assert "batch-delete-image" in failure.value.next_step


def test_an_image_index_is_recognised_before_lambda_refuses_it(
    settings: Settings, target: Target, repository_url: str
) -> None:
    tag = image.image_tag(settings)
    index = "application/vnd.oci.image.index.v1+json"
    with open_repository(target, repository_url) as repository:
        content = {"schemaVersion": 2, "mediaType": index, "manifests": []}
        repository.put_manifest(tag, json.dumps(content).encode(), index)

    with pytest.raises(DeployError, match="image index") as failure:
        image.push(settings, target, repository_url, tag)

    assert "--provenance=false" in failure.value.next_step


def test_an_image_for_another_platform_is_refused(
    settings: Settings, target: Target, repository_url: str, tmp_path: Path
) -> None:
    tag = image.image_tag(settings)
    config = {"os": "linux", "architecture": "arm64", "config": {"Labels": {pack.TAG_LABEL: tag}}}
    put_under_our_tag(target, repository_url, tag, config, tmp_path)

    with pytest.raises(DeployError, match="another platform"):
        image.push(settings, target, repository_url, tag)


@pytest.mark.skipif(shutil.which("terraform") is None, reason="Terraform computes the other side")
def test_terraform_computes_the_same_tag(settings: Settings, tmp_path: Path) -> None:
    backend = (PROJECT_ROOT / "infrastructure/terraform/modules/backend/main.tf").read_text()
    rule = re.search(r"^  container\s*=.*?^  image_tag\s*=[^\n]*$", backend, re.DOTALL | re.MULTILINE)
    assert rule, "the backend module computes the tag in a locals block"
    (tmp_path / "main.tf").write_text(
        f'variable "context" {{}}\nvariable "image" {{}}\nlocals {{\n{rule.group()}\n}}\n'
    )
    variables = {
        "context": {"project_root": str(PROJECT_ROOT)},
        "image": {"base": image.base_image(settings), "platform": settings.image.platform, "tag": None},
    }
    (tmp_path / "terraform.tfvars.json").write_text(json.dumps(variables))

    answer = subprocess.run(
        ["terraform", "console"],
        input="local.image_tag",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(answer.stdout) == image.image_tag(settings)


def test_a_changed_stand_in_is_another_image(settings: Settings, tmp_path: Path) -> None:
    app = tmp_path / "scripts/local/app"
    shutil.copytree(PROJECT_ROOT / "scripts/local/app", app, ignore=shutil.ignore_patterns("node_modules"))
    copy = dataclasses.replace(settings, project_root=tmp_path)
    before = image.base_image(copy)

    (app / "server/src/app.js").write_text("// changed")

    assert image.base_image(copy) != before
