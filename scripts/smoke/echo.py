"""A POST with all that may be lost on the way, to a route with which our stand-in shows what arrived."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from scripts.smoke.client import Client, Response

_PATH = "/api/echo?q=a%20b%2Fc&q=%C3%BE&empty="
_BODY = json.dumps({"text": "þetta er prófun – smoke ✓", "padding": "x" * 2000}).encode()

FORGED_ADDRESS = "203.0.113.7"
"""An address of the documentation range: nobody's, so an app that sees it was told it by the viewer."""


async def post(client: Client) -> Response:
    """Send it: a body, cookies, a query and a forged address.

    Raises:
        httpx.HTTPError: when no whole answer came.
    """
    return await client.fetch(
        _PATH,
        method="POST",
        content=_BODY,
        headers={
            "Content-Type": "application/json",
            "Cookie": "smoke_a=1; smoke_b=two",
            "X-Forwarded-For": FORGED_ADDRESS,
        },
    )


def differences(echoed: Mapping[str, Any]) -> list[str]:
    """What of the request did not reach the app as it was sent; empty when all did."""
    expected = {
        "method": "POST",
        "url": _PATH,
        "cookies": {"smoke_a": "1", "smoke_b": "two"},
        "body": {"length": len(_BODY), "sha256": hashlib.sha256(_BODY).hexdigest()},
    }
    return [
        f"{name}: sent {value!r}, the app saw {echoed.get(name)!r}"
        for name, value in expected.items()
        if echoed.get(name) != value
    ]
