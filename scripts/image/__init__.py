"""The Lambda container image: its tag, its two builders, and its way into ECR.

`image_tag` names the content, `build` makes it (`docker buildx`, or packed without an engine on the
local target), `inspect` describes it, `push` brings it into a repository and reads it back.
"""

from scripts.image.builder import Built, base_image, build, image_tag
from scripts.image.content_tag import content_tag
from scripts.image.inspector import inspect
from scripts.image.pusher import push

__all__ = [
    "Built",
    "base_image",
    "build",
    "content_tag",
    "image_tag",
    "inspect",
    "push",
]
