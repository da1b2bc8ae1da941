"""The frontend: built with npm, published to S3 behind CloudFront.

`build` makes the distribution directory, `publish` makes a bucket equal to it.
"""

from scripts.frontend.builder import Dist, build, source_hash, standin_client
from scripts.frontend.publisher import PublishResult, publish, publish_directory

__all__ = [
    "Dist",
    "PublishResult",
    "build",
    "publish",
    "publish_directory",
    "source_hash",
    "standin_client",
]
