"""Brings a built image into its repository and reads back what Lambda will be given."""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from scripts.errors import DeployError
from scripts.image import buildx, pack
from scripts.image.builder import build, image_tag
from scripts.image.layer import sha256_digest
from scripts.image.registry import Repository, StoredManifest
from scripts.npm import Progress
from scripts.settings import Settings
from scripts.target import Target

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: uncompressed, so a compressed
# size above it is certainly too much.
_MAX_BYTES = 10 * 1024**3
_PAUSES = (1.0, 4.0)
"""Seconds before the second and the third attempt."""

_TRANSIENT = re.compile(
    r"\b50[0234]\b|internal server error|bad gateway|service unavailable|connection reset|broken pipe|"
    r"\bEOF\b|timeout",
    re.IGNORECASE,
)
_INDEX_TYPES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)


@dataclass(frozen=True)
class Pushed:
    """The image as the repository holds it.

    Attributes:
        digest: Of the manifest.
        uploaded_layers: Number of blobs that went over the wire.
        skipped: Whether the repository had the tag already, so that nothing was pushed.
        bytes: Compressed size of the layers.
    """

    digest: str
    uploaded_layers: int
    skipped: bool
    bytes: int
    type: str = "image.push"

    def to_json(self) -> dict[str, Any]:
        """The facts."""
        return {
            "digest": self.digest,
            "uploaded_layers": self.uploaded_layers,
            "skipped": self.skipped,
            "bytes": self.bytes,
        }

    def __rich__(self) -> str:
        did = (
            "already in the repository" if self.skipped else f"pushed, {self.uploaded_layers} layers uploaded"
        )
        return f"Image: {self.digest[:19]}… {did} ({self.bytes / 1e6:.1f} MB)"


def push(
    settings: Settings,
    target: Target,
    repository_url: str,
    tag: str,
    progress: Progress = lambda line: None,
) -> Pushed:
    """Push the image of the settings, building it if needed; nothing when the tag is there.

    A tag names a content, so what is there is not compared with the sources: a rollback asks for the tag
    of an earlier release, whatever is checked out.

    Args:
        repository_url: ``REGISTRY/NAME`` as ECR and Terraform give it.
        tag: The tag that Terraform expects.

    Raises:
        DeployError: when the tag is neither there nor the sources' own, the registry refuses, or what it
            holds under the tag is nothing that Lambda can run.
    """
    host, _, name = repository_url.partition("/")
    # The embedded registry answers on the emulator's endpoint under the registry's name.
    embedded = target.environment.get("AWS_ENDPOINT_URL", "")
    endpoint, authorization = embedded or f"https://{host}", f"Basic {_token(target)}"
    with Repository(endpoint, host, name, authorization, use_proxies=not embedded) as repository:
        if stored := repository.manifest(tag):
            return _read_back(repository, stored, settings, tag, uploaded=0, skipped=True)
        _refuse_another_content(settings, tag)
        built = build(settings, progress)
        if built.directory is None:
            # An engine reaches the embedded registry by its address: no name leads there.
            _push_from_engine(
                target, f"{urlsplit(embedded).netloc}/{name}" if embedded else repository_url, tag
            )
            uploaded = 0
        else:
            uploaded = _push_packed(repository, pack.PackedImage(built.directory, built.cached), tag)
        after = repository.manifest(tag)
        if after is None:
            raise DeployError(
                f"The registry took the image and does not give it out: {repository_url}:{tag}",
                next_step="Run the same command again.",
            )
        return _read_back(repository, after, settings, tag, uploaded=uploaded, skipped=False)


def _refuse_another_content(settings: Settings, tag: str) -> None:
    made = image_tag(settings)
    if tag != made:
        raise DeployError(
            "The image's content is not what Terraform planned",
            f"Terraform asks for the tag {tag}, which the repository does not hold; the sources now make "
            f"{made}.",
            "The sources or settings changed meanwhile: run the same command again.",
        )


def _push_packed(repository: Repository, image: pack.PackedImage, tag: str) -> int:
    """Layers first, then the configuration, then the manifest that names them. Returns the uploads."""
    manifest = json.loads(image.manifest)
    digests = [blob["digest"] for blob in (*manifest["layers"], manifest["config"])]
    uploaded = sum(repository.upload(digest, image.blob(digest)) for digest in digests)
    repository.put_manifest(tag, image.manifest, manifest["mediaType"])
    return uploaded


def _push_from_engine(target: Target, repository_url: str, tag: str) -> None:
    """Let the Docker engine push what buildx built; what passes by itself is tried again.

    Raises:
        DeployError: docker-py reports errors inside the stream instead of raising them.
    """
    user, password = _credentials(target)
    failure = ""
    for pause in (*_PAUSES, None):
        failure = _engine_push(repository_url, tag, {"username": user, "password": password})
        if not _TRANSIENT.search(failure) or pause is None:
            break
        time.sleep(pause)
    if failure:
        raise DeployError(
            f"The engine could not push {repository_url}:{tag}",
            failure,
            buildx.disk_full(failure) or "Run the same command again; uploaded layers are kept.",
        )


def _engine_push(repository_url: str, tag: str, auth: dict[str, str]) -> str:
    """One attempt; what went wrong, or nothing."""
    import docker
    from docker.errors import DockerException

    try:
        engine = docker.from_env()
        engine.images.get(f"{buildx.LOCAL_REPOSITORY}:{tag}").tag(repository_url, tag=tag)
        events = engine.images.push(repository_url, tag=tag, stream=True, decode=True, auth_config=auth)
        return next((str(event["error"]) for event in events if "error" in event), "")
    except (DockerException, OSError) as error:
        return str(error) or type(error).__name__


def _read_back(
    repository: Repository,
    stored: StoredManifest,
    settings: Settings,
    tag: str,
    *,
    uploaded: int,
    skipped: bool,
) -> Pushed:
    """Check what the registry holds: Lambda would refuse it much later and in other words."""
    reference = f"{repository.name}:{tag}"
    if stored.media_type in _INDEX_TYPES:
        raise DeployError(
            f"The repository holds an image index under {reference}",
            f"Lambda takes single images only, not {stored.media_type}.",
            _replace(repository.name, tag) + " Build without attestations (--provenance=false --sbom=false).",
        )
    manifest = json.loads(stored.content)
    config = json.loads(repository.blob(manifest["config"]["digest"]))
    label = (config.get("config", {}).get("Labels") or {}).get(pack.TAG_LABEL)
    if label != tag:
        raise DeployError(
            f"Another image stands under {reference}",
            f"Its label {pack.TAG_LABEL} is {label!r}. Tags are immutable, so it cannot be replaced.",
            _replace(repository.name, tag),
        )
    platform = f"{config.get('os')}/{config.get('architecture')}"
    if platform != settings.image.platform:
        raise DeployError(
            f"The image under {reference} is for another platform",
            f"It is for {platform}, the function for {settings.image.platform}.",
            _replace(repository.name, tag),
        )
    size = sum(layer["size"] for layer in manifest["layers"])
    if size > _MAX_BYTES:
        raise DeployError(
            f"The image under {reference} is larger than Lambda allows",
            f"{size / 1024**3:.1f} GiB compressed, and at most 10 GB uncompressed are allowed.",
            "Make container/Dockerfile leave less in the image.",
        )
    return Pushed(sha256_digest(stored.content), uploaded, skipped, size)


def _replace(name: str, tag: str) -> str:
    return (
        f"Delete it (aws ecr batch-delete-image --repository-name {name} --image-ids imageTag={tag}) "
        "and run the same command again."
    )


def _credentials(target: Target) -> tuple[str, str]:
    user, _, password = base64.b64decode(_token(target)).decode().partition(":")
    return user, password


def _token(target: Target) -> str:
    """Good for twelve hours; never shown (ECR's GetAuthorizationToken)."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = target.aws.client("ecr").get_authorization_token()
    except (BotoCoreError, ClientError) as error:
        raise DeployError(
            "ECR gave no authorization to push",
            str(error),
            "Check the credentials and their ecr:GetAuthorizationToken permission.",
        ) from error
    return str(answer["authorizationData"][0]["authorizationToken"])
