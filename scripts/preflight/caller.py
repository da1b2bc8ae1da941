"""Whose credentials these are."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.aws import Aws, error_code
from scripts.preflight.model import Finding, failed, ok
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Account"
NAME = "account"


def probes(settings: Settings, aws: Aws, needs: tuple[str, ...] = ()) -> Iterator[Probe]:
    """One look; without it nothing else can be asked."""
    yield Probe(GROUP, NAME, lambda: _look(settings, aws), needs, vital=True)


def _look(settings: Settings, aws: Aws) -> Finding:
    """Whether the credentials work, and belong to the account of the settings."""
    wanted = settings.aws.account_id
    try:
        identity = aws.client("sts").get_caller_identity()
    except Exception as error:
        return _refused(error)
    if identity["Account"] != wanted:
        return failed(
            f"these credentials belong to account {identity['Account']}, the settings to {wanted}",
            "Choose the right profile with INVOKE_AWS_PROFILE, or correct aws.account_id.",
        )
    return ok(f"{wanted} as {identity['Arn']}")


def _refused(error: Exception) -> Finding:
    kind = type(error).__name__
    if kind == "ProfileNotFound":
        return failed(str(error), "Name a profile of ~/.aws/config with INVOKE_AWS_PROFILE.")
    if error_code(error) or "Credential" in kind or "Token" in kind:
        return failed(str(error), "Sign in (aws sso login), or name a profile with INVOKE_AWS_PROFILE.")
    if type(error).__module__.startswith("botocore"):
        return failed(f"AWS was not reached: {error}", "Check the network and the proxy settings.")
    raise error
