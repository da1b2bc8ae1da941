"""What is checked, and what is known of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from scripts.aws import Aws
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from scripts.smoke import deployed
from scripts.smoke.deployed import Deployed
from scripts.target import Target


@dataclass(frozen=True)
class Subject:
    """What is checked, and what is known of it.

    Attributes:
        url: Where the viewer reaches it.
        settings: Budgets.
        outputs: Terraform's outputs by name, as plain values.
        aws: Its account; None when nothing but the address is known.
        endpoint: The AWS endpoint of the embedded account; empty for the real one.
        patience: Seconds to go on trying until something listens at the address.
        release: Id of the release that is live, where a record tells.
        target: Whose deployment it is, ``local`` or ``aws``; empty when only the address is known.
    """

    url: str
    settings: Settings
    outputs: Mapping[str, Any] = field(default_factory=dict)
    aws: Aws | None = field(default=None, repr=False)
    endpoint: str = ""
    patience: float = 0.0
    release: str = ""
    target: str = ""

    @property
    def remote(self) -> bool:
        """Whether it is on another machine: only then the proxies of this one apply."""
        return is_remote(self.url)

    def ask_account(self) -> Deployed | None:
        """What the account says is deployed; blocks. None without an account."""
        if self.aws is None:
            return None
        return replace(deployed.read(self.aws, self.outputs), release=self.release)


def is_remote(url: str) -> bool:
    """Whether an address leads to another machine."""
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def subject_of(
    target: Target, settings: Settings, outputs: Mapping[str, Any], *, release: str = ""
) -> Subject:
    """The deployment of a target. Its base URL goes before Terraform's ``url``.

    Raises:
        DeployError: with `ExitStatus.SMOKE_FAILED` when neither is known.
    """
    url = target.base_url or str(outputs.get("url") or "")
    if not url:
        raise DeployError(
            "There is nothing to check",
            "Terraform has no output named url, so nothing is deployed.",
            "Run `inv deploy` first.",
            status=ExitStatus.SMOKE_FAILED,
        )
    return Subject(
        url,
        settings,
        outputs,
        target.aws,
        endpoint=target.environment.get("AWS_ENDPOINT_URL", ""),
        # A new DNS record takes a while to be known everywhere.
        patience=settings.smoke.cold_start if target.name == "aws" else 0.0,
        release=release,
        target=target.name,
    )


def subject_at(base_url: str, settings: Settings) -> Subject:
    """Any deployment, of which only the address is known."""
    return Subject(base_url, settings)
