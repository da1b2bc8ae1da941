"""Who runs this, as records and claims name them: not an identity of AWS."""

from __future__ import annotations

import getpass
import socket


def user_at_host() -> str:
    """``user@host``, the form in which Terraform's lock names its holder."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container without an entry for its user
        name = "unknown"
    return f"{name}@{socket.gethostname()}"
