"""Requests to the control plane count as sent over TLS.

The rehearsal speaks plain HTTP on loopback where AWS speaks HTTPS. Without this, the very policy that
AWS recommends for every bucket (https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html,
deny when ``aws:SecureTransport`` is false) would refuse each request of the function's role, which on
AWS it lets pass.
"""

from __future__ import annotations

from typing import Any

from scripts.local.extensions import Context, replace


def install(context: Context) -> None:
    """Pin every request's origin as secure; its address stays the caller's."""
    from ministack import app

    def secure(original: Any) -> Any:
        return lambda source_ip, _: original(source_ip, True)

    replace(app, "pin_request_origin", secure)
