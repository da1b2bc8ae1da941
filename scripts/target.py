"""The target of a run: the real account, or the embedded AWS that stands for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from scripts.aws import Aws
from scripts.errors import DeployError, ExitStatus
from scripts.local.credentials import PREFIX, Credentials, read
from scripts.settings import Settings, TargetName


@dataclass(frozen=True)
class Target:
    """What differs between the targets, and nothing else.

    Attributes:
        name: ``local`` or ``aws``.
        environment: Variables for every subprocess (Terraform, npm, our own tasks); an empty value
            means that the variable is removed.
        aws: The clients of the account.
        base_url: Where the viewer reaches the deployment; empty until Terraform says it.
    """

    name: TargetName
    environment: Mapping[str, str]
    aws: Aws = field(repr=False)
    base_url: str = ""


def aws_target(settings: Settings) -> Target:
    """The real account, with the profile and region of the settings.

    Raises:
        DeployError: when this shell was led to the embedded AWS (``inv local.env``).
    """
    _refuse_rehearsal(settings)
    environment = {"AWS_REGION": settings.aws.region, "INVOKE_TARGET": "aws"}
    if settings.aws.profile:
        environment["AWS_PROFILE"] = settings.aws.profile
    return Target("aws", environment, Aws(region=settings.aws.region, profile=settings.aws.profile))


def _refuse_rehearsal(settings: Settings) -> None:
    """Refuse the variables of ``inv local.env``: the check of the account would pass with them.

    An endpoint alone may be a company's own, and a test may well put another emulator in the account's place.
    So all variables must be there, and the access key be one of an embedded AWS, whichever checkout's it is:
    no real one begins so.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    key = os.environ.get("AWS_ACCESS_KEY_ID", "")
    exported = [
        name for name, value in local_environment(settings, Credentials("-", "-"), "-").items() if value
    ]
    if endpoint and key.startswith(PREFIX) and os.environ.keys() >= set(exported):
        raise DeployError(
            "The target is aws, and the variables of this shell lead to the embedded AWS",
            f"AWS_ENDPOINT_URL is {endpoint}, with credentials that `inv local.env` exports.",
            f"Use another shell, or take them back: unset {' '.join(exported)}",
            status=ExitStatus.PREFLIGHT_FAILED,
        )


def local_target(settings: Settings, credentials: Credentials, *, endpoint: str, base_url: str) -> Target:
    """The embedded AWS that listens on `endpoint` (``http://127.0.0.1:PORT``)."""
    environment = local_environment(settings, credentials, endpoint)
    return Target("local", environment, Aws(region=settings.aws.region, environment=environment), base_url)


def local_credentials(settings: Settings) -> Credentials:
    """The credentials of this checkout's embedded AWS.

    Raises:
        DeployError: when it has none, because it was never started.
    """
    if credentials := read(settings.local_directory):
        return credentials
    raise DeployError("The embedded AWS does not run", next_step="Start it: inv local.up")


def local_environment(settings: Settings, credentials: Credentials, endpoint: str) -> dict[str, str]:
    """The variables that lead any tool to the embedded AWS; an empty value means that one is removed."""
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_REGION": settings.aws.region,
        "AWS_DEFAULT_REGION": settings.aws.region,
        "AWS_ENDPOINT_URL": endpoint,
        # Never let a profile, a token or an instance role of this machine leak into a rehearsal.
        "AWS_SESSION_TOKEN": "",
        "AWS_PROFILE": "",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "INVOKE_TARGET": "local",
    }
