"""What the account itself says: which release is live, and which could be brought back.

The records say what was done; this looks at what is there now. A function that somebody changed by hand,
an image that was deleted: both are seen here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from scripts import daemons
from scripts.aws import Aws, error_code
from scripts.releases.record import Ending, Place, Release


@dataclass(frozen=True)
class Present:
    """The account at this moment.

    Attributes:
        digest: Of the image that the function runs; empty when there is no function.
        client: Hash of the client that is served; empty when the bucket does not say.
        images: Digest of each tag that the repository holds.
        clients: Hashes of the kept clients.
    """

    digest: str = ""
    client: str = ""
    images: dict[str, str] | None = None
    clients: Collection[str] = ()

    @property
    def deployed(self) -> bool:
        """Whether there is a function."""
        return bool(self.digest)

    def missing(self, release: Release) -> tuple[str, ...]:
        """What stands in the way of bringing a release back; nothing when it is whole."""
        reasons = []
        if not release.image.tag or release.image.tag not in (self.images or {}):
            reasons.append(f"its image {release.image.tag or '(unknown)'} is not in the repository any more")
        if not release.client or release.client not in self.clients:
            reasons.append(f"the files of its client {release.client or '(unknown)'} are not kept any more")
        return tuple(reasons)

    def runs(self, release: Release) -> bool:
        """Whether image and client of a release are what is live."""
        digest = release.image.digest or (self.images or {}).get(release.image.tag, "")
        return self.deployed and digest == self.digest and self.client in ("", release.client)


def look(aws: Aws, releases: Sequence[Release]) -> Present:
    """Look at the place that the newest release names; nothing is there when no release names one.

    Raises:
        BotoCoreError, ClientError: when AWS refuses; what does not exist is not a refusal.
    """
    place = next((release.place for release in releases if release.place.function), Place())
    if not place.function:
        return Present()
    digest = daemons.start(partial(_digest, aws, place.function))
    client = daemons.start(partial(_client, aws, place.bucket))
    images = daemons.start(partial(_images, aws, place.repository))
    clients = daemons.start(partial(_clients, aws, place.bucket))
    return Present(digest.result(), client.result(), images.result(), clients.result())


def live(releases: Sequence[Release], present: Present) -> Release | None:
    """The newest release whose image and client are live; None when no record tells what is."""
    return next((r for r in releases if r.ending is not Ending.UNKNOWN and present.runs(r)), None)


def _digest(aws: Aws, function: str) -> str:
    try:
        code = aws.client("lambda").get_function(FunctionName=function)["Code"]
    except Exception as error:
        if error_code(error) in ("ResourceNotFoundException", "404"):
            return ""
        raise
    # The resolved one has the digest, even when somebody gave the function a tag by hand.
    return str(code.get("ResolvedImageUri") or code.get("ImageUri", "")).partition("@")[2]


def _images(aws: Aws, repository_url: str) -> dict[str, str]:
    registry, _, name = repository_url.partition("/")
    pages = aws.client("ecr").get_paginator("describe_images")
    try:
        found = pages.paginate(
            registryId=registry.partition(".")[0], repositoryName=name, filter={"tagStatus": "TAGGED"}
        )
        return {
            tag: image["imageDigest"]
            for page in found
            for image in page["imageDetails"]
            for tag in image.get("imageTags", ())
        }
    except Exception as error:
        if error_code(error) == "RepositoryNotFoundException":
            return {}
        raise


def _client(aws: Aws, bucket: str) -> str:
    """The client that index.html belongs to, as the publisher marks it."""
    try:
        head: dict[str, Any] = aws.client("s3").head_object(Bucket=bucket, Key="index.html")
    except Exception as error:
        if error_code(error) in ("404", "NoSuchKey", "NoSuchBucket", "403"):
            return ""
        raise
    return str(head["Metadata"].get("release", ""))


def _clients(aws: Aws, bucket: str) -> Collection[str]:
    from scripts.frontend import releases as kept

    try:
        return frozenset(kept.available(aws.client("s3"), bucket))
    except Exception as error:
        if error_code(error) in ("404", "NoSuchBucket"):
            return ()
        raise
