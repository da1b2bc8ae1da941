"""The user's own librechat.yaml on this machine: which file it is, and whether it was pushed."""

from __future__ import annotations

from pathlib import Path

from scripts.app_config.bucket import ConfigObject
from scripts.app_config.preparation import replace_domain
from scripts.aws import error_code
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from scripts.target import Target


def find_file(settings: Settings, flag: str = "") -> Path:
    """The file of the flag (from where the user is), else of the setting (from the project's root).

    Raises:
        DeployError: neither names one, or there is none.
    """
    path = Path(flag) if flag else settings.project_root / settings.librechat.config
    if not flag and not settings.librechat.config:
        raise DeployError(
            "No librechat.yaml is named",
            "Neither --file nor the setting librechat.config says which one.",
            "Name it: --file PATH, or librechat.config in invoke.yaml (INVOKE_LIBRECHAT_CONFIG).",
            status=ExitStatus.PREFLIGHT_FAILED,
        )
    if not path.is_file():
        raise DeployError(
            f"There is no file {settings.shown(path)}",
            "--file names it." if flag else "The setting librechat.config names it.",
            "Correct the path.",
            status=ExitStatus.PREFLIGHT_FAILED,
        )
    return path


def read_file(settings: Settings, path: Path) -> str:
    """Its text, with the ends of lines that it has.

    Raises:
        DeployError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError(
            f"Cannot read {settings.shown(path)}",
            # The error of a decoder quotes what it could not decode.
            "It is not UTF-8." if isinstance(error, UnicodeDecodeError) else str(error.strerror),
            "librechat.yaml must be a text file in UTF-8 that you may read.",
            status=ExitStatus.PREFLIGHT_FAILED,
        ) from error


def is_unpushed(settings: Settings, target: Target) -> bool:
    """Whether the setting names a file that differs from the one in the bucket.

    Only a hint, for a deploy, which does not push: what cannot be looked at does not differ.
    """
    if not settings.librechat.config:
        return False
    old, new = settings.tfvars["replaced_domain"], settings.tfvars["custom_domain"]
    try:
        text, _ = replace_domain(read_file(settings, find_file(settings)), old, new)
        stored = ConfigObject(settings, target).read()
    except Exception as error:
        if isinstance(error, DeployError) or error_code(error):
            return False
        raise
    return stored is None or stored.text != text
