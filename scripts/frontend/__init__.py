"""The frontend: built with npm (or taken out of LibreChat's image), published to S3 behind CloudFront.

`build` makes the distribution directory, `publish` makes a bucket equal to it, `restore` brings back an
earlier release that the bucket keeps (`available`).
"""

from scripts.frontend.builder import build, source_hash, standin_client
from scripts.frontend.display import BuildResult, build_shown, notices
from scripts.frontend.dist import Dist
from scripts.frontend.invalidation import distributions_of, invalidate
from scripts.frontend.publisher import NotKeptError, publish, publish_directory, restore
from scripts.frontend.releases import Kept, Release, available, kept
from scripts.frontend.result import PublishResult

__all__ = [
    "BuildResult",
    "Dist",
    "Kept",
    "NotKeptError",
    "PublishResult",
    "Release",
    "available",
    "build",
    "build_shown",
    "distributions_of",
    "invalidate",
    "kept",
    "notices",
    "publish",
    "publish_directory",
    "restore",
    "source_hash",
    "standin_client",
]
