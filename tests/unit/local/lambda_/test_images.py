from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from scripts.aws import Aws
from scripts.local.lambda_.images import ImageError, ImageStore, unpack

HOST = "515966504419.dkr.ecr.eu-west-1.amazonaws.com"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    buffer.seek(0)
    return buffer


def file(name: str, content: bytes = b"", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.mode = mode
    return member, content


def link(name: str, target: str, type: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = type, target
    return member, b""


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


@dataclass
class Registry:
    """ECR as far as a pull needs it: GetAuthorizationToken and the registry protocol."""

    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    requests: list[web.Request] = field(default_factory=list)
    media_type: str = MANIFEST
    aws: Aws = field(init=False)

    def push(self, *layers: bytes) -> str:
        """Store an image; its URI by digest."""
        config = json.dumps(
            {
                "config": {
                    "Entrypoint": ["node"],
                    "Cmd": ["a.handler"],
                    "Env": ["A=b=c"],
                    "WorkingDir": "/var/task",
                }
            }
        ).encode()
        self.blobs |= {digest(blob): blob for blob in (config, *layers)}
        manifest = json.dumps(
            {"config": {"digest": digest(config)}, "layers": [{"digest": digest(layer)} for layer in layers]}
        ).encode()
        self.manifests |= {digest(manifest): manifest, "latest": manifest}
        return f"{HOST}/app@{digest(manifest)}"

    async def token(self, request: web.Request) -> web.Response:
        return web.json_response({"authorizationData": [{"authorizationToken": "QVdTOng="}]})

    async def manifest(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        content = self.manifests.get(request.match_info["reference"])
        if content is None:
            return web.json_response({"errors": [{"code": "MANIFEST_UNKNOWN"}]}, status=404)
        return web.Response(body=content, content_type=self.media_type)

    async def blob(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        return web.Response(body=self.blobs[request.match_info["digest"]])


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[Registry]:
    running = Registry()
    app = web.Application()
    app.router.add_post("/", running.token)
    app.router.add_get("/v2/app/manifests/{reference}", running.manifest)
    app.router.add_get("/v2/app/blobs/{digest}", running.blob)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    running.aws = Aws(
        region="eu-west-1",
        environment={
            "AWS_ACCESS_KEY_ID": "515966504419",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        },
    )
    yield running
    await runner.cleanup()


async def test_an_image_is_pulled_verified_and_unpacked(registry: Registry, tmp_path: Path) -> None:
    layer = archive(file("var/task/a.mjs", b"export"), file("app/run", mode=0o755)).read()
    image = await ImageStore(registry.aws, tmp_path / "images").get(registry.push(gzip.compress(layer)))

    assert (image.rootfs / "var/task/a.mjs").read_bytes() == b"export"
    assert (image.rootfs / "app/run").stat().st_mode & 0o777 == 0o755
    assert (image.entry_point, image.command) == (("node",), ("a.handler",))
    assert (image.working_directory, image.variables) == ("/var/task", (("A", "b=c"),))
    assert {request.headers["Host"] for request in registry.requests} == {HOST}
    assert {request.headers["Authorization"] for request in registry.requests} == {"Basic QVdTOng="}


async def test_an_image_is_pulled_once(registry: Registry, tmp_path: Path) -> None:
    uri = registry.push(archive(file("a")).read())
    await ImageStore(registry.aws, tmp_path).get(uri)
    asked = len(registry.requests)
    await ImageStore(registry.aws, tmp_path).get(uri)

    assert len(registry.requests) == asked


async def test_a_tag_is_resolved_by_the_registry(registry: Registry, tmp_path: Path) -> None:
    by_digest = registry.push(archive(file("a")).read())
    image = await ImageStore(registry.aws, tmp_path).get(f"{HOST}/app:latest")

    assert by_digest.endswith(image.digest)


async def test_a_layer_that_is_not_what_its_digest_says_is_refused(
    registry: Registry, tmp_path: Path
) -> None:
    layer = archive(file("a")).read()
    uri = registry.push(layer)
    registry.blobs[digest(layer)] = archive(file("evil")).read()

    with pytest.raises(ImageError, match="has the digest"):
        await ImageStore(registry.aws, tmp_path).get(uri)
    assert names(tmp_path) == []


async def test_a_manifest_that_is_not_what_its_digest_says_is_refused(
    registry: Registry, tmp_path: Path
) -> None:
    uri = registry.push(archive(file("a")).read())
    registry.manifests[uri.partition("@")[2]] = b"{}"

    with pytest.raises(ImageError, match="has the digest"):
        await ImageStore(registry.aws, tmp_path).get(uri)


async def test_an_index_with_attestations_is_refused_as_lambda_does(
    registry: Registry, tmp_path: Path
) -> None:
    registry.media_type = "application/vnd.oci.image.index.v1+json"
    with pytest.raises(ImageError, match=r"media type .* is not supported") as refused:
        await ImageStore(registry.aws, tmp_path).get(registry.push())
    assert refused.value.type == "InvalidImage"


async def test_an_image_that_is_gone_is_named(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="app/manifests/gone") as refused:
        await ImageStore(registry.aws, tmp_path).get(f"{HOST}/app:gone")
    assert refused.value.type == "ImageDeleted"


async def test_leftovers_of_an_interrupted_pull_are_removed(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / ".pull-x").mkdir()
    ImageStore(registry.aws, tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "members",
    [
        [file("../outside")],
        [file("/outside")],
        [link("out", "/"), file("out/etc/passwd")],
        [link("up", ".."), file("up/outside")],
        [link("hard", "../secret", tarfile.LNKTYPE)],
        [link("out", "/etc"), link("hard", "out/hostname", tarfile.LNKTYPE)],
        [file(".wh.")],
        [file(".wh..")],
        [file(".wh...")],
        [file("a/b"), file("a/.wh...")],
        [file("a/"), link("a/.wh...", "x")],
        [file("../.wh.secret")],
        [link("up", ".."), file("up/.wh.secret")],
        [link("up", ".."), file("up/.wh..wh..opq")],
        [link("hard", ".", tarfile.LNKTYPE)],
        [link("hard", "missing", tarfile.LNKTYPE)],
        [file("a"), link("a", "a", tarfile.LNKTYPE)],
        [file("a"), file("a/b")],
        [link("loop", "loop"), file("loop/a")],
        [file("x" * 300)],
    ],
)
def test_no_member_of_a_layer_leaves_the_image(
    members: list[tuple[tarfile.TarInfo, bytes]], tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    rootfs = tmp_path / "rootfs"
    rootfs.mkdir()
    with pytest.raises(ImageError):
        unpack(archive(*members), rootfs)
    assert {path.name for path in tmp_path.iterdir()} == {"rootfs", "secret"}


def test_links_out_of_the_image_are_kept_as_links(tmp_path: Path) -> None:
    unpack(archive(link("app/uploads", "/tmp/uploads")), tmp_path)
    assert str((tmp_path / "app/uploads").readlink()) == "/tmp/uploads"


def test_a_later_layer_replaces_and_removes_files_of_an_earlier_one(tmp_path: Path) -> None:
    unpack(archive(file("a/1", b"old"), file("a/2"), file("b/3"), file("b/4")), tmp_path)
    unpack(archive(file("a/1", b"new"), file("a/.wh.2"), file("b/.wh..wh..opq"), file("b/5")), tmp_path)

    assert (tmp_path / "a/1").read_bytes() == b"new"
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")} == {"a", "a/1", "b", "b/5"}


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"not a .* archive"):
        unpack(io.BytesIO(b"\x28\xb5\x2f\xfd zstd"), tmp_path)


def test_a_whiteout_of_two_dots_leaves_what_is_beside_the_image(tmp_path: Path) -> None:
    beside, rootfs = tmp_path / "beside", tmp_path / "images" / "rootfs"
    beside.mkdir()
    (rootfs / "app").mkdir(parents=True)
    (rootfs / "app/kept").touch()
    for name in (".wh...", "app/.wh..."):
        with pytest.raises(ImageError, match="outside the image"):
            unpack(archive(file(name)), rootfs)
    assert beside.is_dir()
    assert (rootfs / "app/kept").is_file()


def test_whiteouts_of_names_with_dots_and_the_bookkeeping_of_aufs_are_no_reason_to_refuse(
    tmp_path: Path,
) -> None:
    unpack(archive(file("..."), file(".env"), file("kept")), tmp_path)
    whiteouts = (".wh....", ".wh..env", ".wh..wh.plnk", ".wh..wh.aufs", "new/.wh..wh..opq")
    unpack(archive(*map(file, whiteouts)), tmp_path)
    assert names(tmp_path) == ["kept"]


def test_a_hard_link_to_a_link_is_that_link_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    rootfs = tmp_path / "rootfs"
    rootfs.mkdir()
    unpack(archive(link("soft", "../secret"), link("hard", "soft", tarfile.LNKTYPE)), rootfs)
    assert (rootfs / "hard").is_symlink()
    unpack(archive(file("hard", b"new", 0o777)), rootfs)
    assert (tmp_path / "secret").read_text() == "secret"


@pytest.mark.parametrize("type", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes_are_left_out(type: bytes, tmp_path: Path) -> None:
    unpack(archive(link("dev/sda", "", type)), tmp_path)
    assert not (tmp_path / "dev/sda").exists()


def test_a_file_that_claims_more_than_an_image_may_hold_is_refused_before_it_is_written(
    tmp_path: Path,
) -> None:
    # A sparse file: GNU tar's header for ten terabytes of nothing.
    member = tarfile.TarInfo("huge")
    member.size = 0
    member.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.name": "huge",
        "GNU.sparse.size": str(10 * 1024**4),
        "GNU.sparse.map": f"{10 * 1024**4},0",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member)
    buffer.seek(0)
    with pytest.raises(ImageError, match="larger than 10 GB"):
        unpack(buffer, tmp_path)
    assert names(tmp_path) == []


def test_a_layer_that_ends_early_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(archive(file("a", bytes(range(256)) * 400)).read())
    with pytest.raises(ImageError, match=r"not a .* archive|cannot be unpacked"):
        unpack(io.BytesIO(whole[: len(whole) // 2]), tmp_path)


async def test_a_mount_point_that_is_a_link_is_refused(registry: Registry, tmp_path: Path) -> None:
    uri = registry.push(archive(link("tmp", "/home")).read())
    with pytest.raises(ImageError, match="/tmp is a symbolic link"):
        await ImageStore(registry.aws, tmp_path).get(uri)
