"""The frontend: built with npm (or taken out of LibreChat's image), published to S3 behind CloudFront.

`build` makes the distribution directory, `publish` makes a bucket equal to it, `restore` brings back an
earlier release that the bucket keeps (`available`).
"""

from scripts.frontend.builder import build, source_hash, standin_client
from scripts.frontend.display import build_shown, notices
from scripts.frontend.dist import Dist
from scripts.frontend.publisher import NotKeptError, publish, publish_directory, restore
from scripts.frontend.releases import available, kept
from scripts.frontend.result import PublishResult

__all__ = [
    "Dist",
    "NotKeptError",
    "PublishResult",
    "available",
    "build",
    "build_shown",
    "kept",
    "notices",
    "publish",
    "publish_directory",
    "restore",
    "source_hash",
    "standin_client",
]
