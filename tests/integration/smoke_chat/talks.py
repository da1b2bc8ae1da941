"""Conversations of the smoke checks with a fake LibreChat, and answers with which it misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from scripts.smoke.chat import Conversation, Step, converse
from scripts.smoke.model import Status
from tests.unit.smoke.librechat import STREAM, LibreChat
from tests.unit.smoke.server import Handler, api, api_headers

CHAT = "/api/agents/chat/*"


async def talk(app: LibreChat, **chat: Any) -> Conversation:
    async with app.site(**chat) as site:
        return await converse(site)


async def measured(app: LibreChat) -> Conversation:
    """A conversation in whose answer this process did not stand still."""
    while (found := await talk(app))[Step.ANSWER].details["cause"] == "unsure":
        app.ended = False
    return found


def statuses(found: Conversation) -> list[Status]:
    return [found[step].status for step in Step]


def answering(status: int, body: object) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return api(body, status)

    return handler


def streaming(
    make: Callable[[list[tuple[float, bytes]]], list[tuple[float, bytes]]], app: LibreChat
) -> Handler:
    """The app's answer as a hop before it changes it: other pauses, other pieces."""

    async def handler(request: web.Request) -> web.StreamResponse:
        app.asked.append(await request.json())
        response = web.StreamResponse(headers=STREAM | api_headers())
        await response.prepare(request)
        for pause, part in make(app.answer()):
            await asyncio.sleep(pause)
            await response.write(part)
        return response

    return handler
