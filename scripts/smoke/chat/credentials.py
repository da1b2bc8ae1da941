"""Who talks to LibreChat: a test user, and a password that is nowhere but in the request that needs it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from scripts.aws import Aws, error_code
from scripts.errors import DeployError, ExitStatus
from scripts.settings import PROJECT_ROOT, ChatSettings
from scripts.smoke.subject import is_remote


@dataclass(frozen=True)
class Secret:
    """A text that shows nowhere: not in `repr`, not in a traceback with local variables."""

    value: str = field(repr=False)


@dataclass(frozen=True)
class Credentials:
    """A user's e-mail address and password."""

    email: str
    password: Secret


STAND_IN = Credentials("you@example.org", Secret("p4rrot-7d41c0"))
"""The stand-in app's own user; its login page shows the password."""


def why_not_sent_to(url: str, *, host: str, ours: bool) -> str:
    """Why a password may not go to an address; empty when it may. It always may to this machine itself.

    Args:
        url: The address.
        host: The host that the settings name for the user (``smoke.chat.host``).
        ours: Whether it is the deployment of the target; else the address is all that is known of it.
    """
    if not is_remote(url):
        return ""
    parts = urlsplit(url)
    there = parts.hostname or ""
    if parts.scheme != "https":
        return f"{url} is plain HTTP: everybody on the way could read the password. Use https://."
    if ours or there == host.lower():
        return ""
    named = f"and smoke.chat.host is {host}" if host else "and smoke.chat.host is not set"
    return (
        f"With --base-url a password goes only to the host that its user belongs to, {named}. If {there} is "
        f"to have it: INVOKE_SMOKE_CHAT_HOST={there}."
    )


def resolve(chat: ChatSettings, aws: Aws | None) -> Credentials | None:
    """The credentials that the settings name; None when they name no user. Blocks.

    Args:
        chat: The settings.
        aws: The account of the parameters; None when nothing but the address of the deployment is known.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED`, when the password is not where it should be. The
            error never holds what was found there.
    """
    return Credentials(chat.user, read(chat.password_from, aws)) if chat.user else None


def read(reference: str, aws: Aws | None) -> Secret:
    """What ``env:NAME``, ``file:PATH`` (from the project's root) or ``ssm:NAME`` refers to. Blocks.

    Raises:
        DeployError: as `resolve`.
    """
    kind, _, name = reference.partition(":")
    match kind:
        case "env":
            found = os.environ.get(name, "")
            why = f"The environment variable {name} is not set."
        case "file":
            found, why = _from_file(name)
        case _:
            found, why = _from_parameter(name, aws)
    if found:
        return Secret(found)
    raise DeployError(
        "The test user's password is not known",
        why,
        "Put it there, or name another place: smoke.chat.password_from takes env:NAME, file:PATH or "
        "ssm:NAME.",
        status=ExitStatus.PREFLIGHT_FAILED,
    )


def _from_file(name: str) -> tuple[str, str]:
    try:
        # Editors end a file with a line feed; no password does.
        found = (PROJECT_ROOT / Path(name).expanduser()).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        return "", f"The file {name} cannot be read: {reason}."
    return found, f"The file {name} is empty."


def _from_parameter(name: str, aws: Aws | None) -> tuple[str, str]:
    from botocore.exceptions import BotoCoreError, ClientError

    if aws is None:
        return "", f"The parameter {name} is in an account, and with --base-url none is known."
    try:
        answer = aws.client("ssm").get_parameter(Name=name, WithDecryption=True)
    except (BotoCoreError, ClientError) as error:
        return "", f"The parameter {name} cannot be read: {error_code(error) or error}."
    return str(answer["Parameter"]["Value"]), f"The parameter {name} is empty."
