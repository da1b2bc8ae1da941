"""The tag of an image: a hash of everything it is made from.

The same rule stands in HCL (modules/backend/main.tf): Terraform knows the tag without building. A test
holds the two equal.
"""

from __future__ import annotations

from pathlib import Path

from scripts.content import content_lines, files_below, sha256_text
from scripts.errors import DeployError, ExitStatus

_TOP_FILES = ("Dockerfile", "package.json", "package-lock.json")


def content_tag(container: Path, base_image: str, platform: str) -> str:
    """First 16 hex digits of the SHA-256 over the base image, the platform and the files' hashes.

    Files: ``{Dockerfile,package.json,package-lock.json,src/**}`` of the container directory.

    Raises:
        DeployError: when there is no container directory.
    """
    files = [path for name in _TOP_FILES if (path := container / name).is_file()]
    files += files_below(container / "src")
    if not files:
        raise DeployError(
            "The container's sources are missing",
            f"{container} holds neither a Dockerfile nor src/.",
            "Restore the directory from git: git checkout -- container",
            status=ExitStatus.PREFLIGHT_FAILED,
        )
    return sha256_text([base_image, platform, *content_lines(container, files)])[:16]
