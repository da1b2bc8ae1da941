"""Builds the image without a container engine: the stand-in app and the handler, in two layers.

A rehearsal's image. It has no base image: `node` and its libraries come from the machine that runs it.
Configuration and paths are those of container/Dockerfile, so the handler sees the same home.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts import npm
from scripts.content import KEPT_BUILDS, build_once, content_lines, files_below, sha256_text
from scripts.errors import DeployError
from scripts.frontend.builder import standin_client
from scripts.image.layer import Layer, Symlink, make_layer, sha256_digest, tree
from scripts.npm import Progress
from scripts.settings import Settings

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
_LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"

TAG_LABEL = "org.librechat-lambda.content-tag"
"""Label of every image of ours, packed or built: the content tag it was made for."""

PACKED_LABEL = "org.librechat-lambda.packed"
"""Label of a packed image: it has no operating system and only runs as processes of a machine."""

_ENTRY_POINTS = (
    "src/handler.mjs",
    "node_modules/aws-lambda-ric/bin/index.mjs",
    "node_modules/aws-lambda-ric/dist/rapid-client.node",
)

# Only /tmp is writable in Lambda; LibreChat writes to all of these.
_WRITABLE = {
    "/app/uploads": Symlink("/tmp/uploads"),
    "/app/client/public/images": Symlink("/tmp/images"),
    "/app/api/logs": Symlink("/tmp/logs"),
    "/app/api/data": Symlink("/tmp/data"),
}


@dataclass(frozen=True)
class PackedImage:
    """A packed image: `directory` holds manifest.json and its blobs, named by digest."""

    directory: Path
    cached: bool

    @property
    def manifest(self) -> bytes:
        """The manifest, byte for byte as it is pushed."""
        return (self.directory / "manifest.json").read_bytes()

    @property
    def digest(self) -> str:
        """The image's digest."""
        return sha256_digest(self.manifest)

    def blob(self, digest: str) -> Path:
        """The file of a blob that the manifest names."""
        return self.directory / "blobs" / digest.removeprefix("sha256:")


def standin_image(project_root: Path) -> str:
    """The reference that stands for the base image: what a packed image has below /app, by content."""
    app, rules = project_root / "scripts" / "local" / "app", Path(__file__).parent
    content = [
        npm.node_version(),
        *content_lines(app, files_below(app, skip={"node_modules", "dist"})),
        # This package decides the layout: a change of it is a change of the image.
        *content_lines(rules, files_below(rules, skip={"__pycache__"})),
    ]
    return f"localhost/librechat-standin:{sha256_text(content)[:16]}"


def pack(settings: Settings, tag: str, progress: Progress) -> PackedImage:
    """Pack the image, or find it packed.

    Raises:
        DeployError: when npm fails.
    """
    directory = settings.project_root / ".build" / "image" / tag
    cached = build_once(
        directory, lambda unfinished: _make(unfinished, settings, tag, progress), keep=KEPT_BUILDS
    )
    return PackedImage(directory, cached)


def _make(directory: Path, settings: Settings, tag: str, progress: Progress) -> None:
    with TemporaryDirectory(prefix="librechat-lambda-") as scratch:
        layers = [
            app_layer(settings.project_root, Path(scratch), progress),
            _task_layer(settings.project_root / "container", Path(scratch), progress),
        ]
    config = json.dumps(_config(layers, tag, settings.image.platform), indent=1).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": _CONFIG_TYPE, "size": len(config), "digest": sha256_digest(config)},
        "layers": [
            {"mediaType": _LAYER_TYPE, "size": len(layer.blob), "digest": layer.digest} for layer in layers
        ],
    }
    (directory / "blobs").mkdir()
    for blob in (config, *(layer.blob for layer in layers)):
        (directory / "blobs" / sha256_digest(blob).removeprefix("sha256:")).write_bytes(blob)
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=1))


def app_layer(project_root: Path, scratch: Path, progress: Progress) -> Layer:
    """/app: the stand-in server where LibreChat has its own, and the client it serves."""
    server = project_root / "scripts" / "local" / "app" / "server"
    bundle = scratch / "index.js"
    npm.install(server, progress)
    npm.run(server, "build", [f"--outfile={bundle}"], progress)
    client = standin_client(project_root, progress)
    return make_layer(
        {"/app/api/server/index.js": bundle, **tree(client.path, "/app/client/dist"), **_WRITABLE}
    )


def _task_layer(container: Path, scratch: Path, progress: Progress) -> Layer:
    """/var/task: the handler and what it needs at run time."""
    task = scratch / "task"
    npm.install(container, progress)
    npm.run(container, "bundle", [str(task)], progress)
    missing = [name for name in _ENTRY_POINTS if not (task / name).is_file()]
    if missing:
        raise DeployError(
            "The handler's files are not complete",
            f"`npm run bundle` left out {', '.join(missing)}. aws-lambda-ric compiles its client when it "
            "is installed; npm may have been told to ignore install scripts.",
            f"Install again: rm -r {container / 'node_modules'} && ./bootstrap inv image.build",
        )
    return make_layer(tree(task, "/var/task"))


def _config(layers: list[Layer], tag: str, platform: str) -> dict[str, Any]:
    system, architecture = platform.split("/")
    return {
        "architecture": architecture,
        "os": system,
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Entrypoint": ["node", "/var/task/node_modules/aws-lambda-ric/bin/index.mjs"],
            "Cmd": ["src/handler.handler"],
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "WorkingDir": "/var/task",
            "Labels": {TAG_LABEL: tag, PACKED_LABEL: "true"},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [
            {"created": "1970-01-01T00:00:00Z", "created_by": "stand-in app (/app)"},
            {"created": "1970-01-01T00:00:00Z", "created_by": "handler (/var/task)"},
        ],
    }
