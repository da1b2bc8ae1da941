"""The credentials of one embedded AWS: made at random when it is first started, kept in a file of mode 0600.

They stand for the account's root user. Everything that may act as the account reads them here (Terraform,
our own clients, ``inv local.env``); the function gets its role's own temporary credentials instead.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import string
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scripts.aws import Aws

FILE_NAME = "credentials.json"
PREFIX = "REHEARSAL"
"""How each of these access keys begins. AWS's own begin with AKIA or ASIA, so the two are never confused."""

_LETTERS = string.ascii_uppercase + "234567"


@dataclass(frozen=True)
class Credentials:
    """An access key of the embedded AWS. The secret is not part of the ``repr``."""

    access_key_id: str
    secret_access_key: str = field(repr=False)

    def clients(self, endpoint: str, region: str) -> Aws:
        """The embedded AWS at `endpoint`, as the account that everything is deployed to."""
        return Aws(
            region=region,
            environment={
                "AWS_ACCESS_KEY_ID": self.access_key_id,
                "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
                "AWS_SESSION_TOKEN": "",
                "AWS_ENDPOINT_URL": endpoint,
            },
        )

    def derive(self, purpose: str) -> str:
        """Another secret, made from this one: 64 hex digits, different for each purpose."""
        return hmac.new(self.secret_access_key.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def read(directory: Path) -> Credentials | None:
    """The credentials that `directory` keeps; None when it keeps none, or no whole ones."""
    try:
        return Credentials(**json.loads((directory / FILE_NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def read_or_make(directory: Path) -> Credentials:
    """The credentials that `directory` keeps, made now when there are none."""
    if there := read(directory):
        return there
    made = Credentials(
        PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(20 - len(PREFIX))), secrets.token_urlsafe(30)
    )
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = directory / f".{FILE_NAME}.{os.getpid()}"
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(asdict(made)))
    partial.replace(directory / FILE_NAME)
    return made
