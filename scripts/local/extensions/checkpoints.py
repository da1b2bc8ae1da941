"""Saves the state shortly after every change, so that a killed process loses about a second.

No AWS behaviour: MiniStack saves only when it ends in good order. Objects in S3, among them
Terraform's state, are on disk at once; after a crash the state would name resources that the rest of
the control plane had forgotten, and an image that nobody pushes again.
"""

from __future__ import annotations

import asyncio
from typing import Any

from scripts.local.extensions import Context, Response, replace
from scripts.local.extensions.generation import action

SECONDS = 1.0

_READS = ("BatchGet", "Check", "Describe", "Get", "Head", "List", "Lookup", "Filter", "Search")


def install(context: Context) -> None:
    """Ask for a checkpoint after every successful call that may have changed something."""
    from ministack import app
    from ministack.services import ecr

    scheduled: set[asyncio.TimerHandle] = set()

    def save() -> None:
        scheduled.clear()
        app.save_all(app._build_persistence_save_dict())

    def saving(original: Any) -> Any:
        async def handle(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
        ) -> Response:
            response: Response = await original(method, path, headers, body, query)
            if response[0] < 400 and may_change(method, headers, body, query) and not scheduled:
                scheduled.add(asyncio.get_running_loop().call_later(SECONDS, save))
            return response

        return handle

    for service, handler in app.SERVICE_HANDLERS.items():
        app.SERVICE_HANDLERS[service] = saving(handler)
    replace(ecr, "handle_registry_request", saving)


def may_change(method: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> bool:
    """Whether a request may change state, by its method or by the name of its action."""
    return method not in ("GET", "HEAD") and not action(headers, body, query).startswith(_READS)
