"""LibreChat v0.8.2-rc1 as a user's browser sees it, for one conversation: routes, bodies, events, refusals.

Written down from its source (`scripts.smoke.chat.librechat` names the files) and held against the release
itself, started for that; the data is ours. Every answer can be replaced by a wrong one, as of any deployment.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from scripts.smoke.client import Client
from scripts.smoke.site import Site
from tests.unit.smoke.server import CHAT, SETTINGS, Deployment, Handler, api, api_headers

EMAIL = "tester@example.org"
PASSWORD = "marked-password-5f1c"
TOKEN = "marked-token-9a20"
REFRESH = "marked-refresh-77be"
SECRETS = (PASSWORD, TOKEN, REFRESH)

ID = "0b6f4a52-4d0e-4c1a-9a57-000000000001"
WORDS = ["one", " two", " three", " four", " five", " six"]
ENDPOINTS = {
    "agents": {"userProvide": False, "order": 2, "capabilities": ["tools"]},
    "Words": {"order": 0, "type": "custom", "userProvide": False, "modelDisplayLabel": "Words"},
    "openAI": {"order": 1, "userProvide": False},
    "google": None,
}
MODELS = {"Words": ["counter", "poet"], "openAI": ["gpt-5"], "google": ["gemini"]}
UNAUTHORIZED = "Unauthorized"


@dataclass
class LibreChat:
    """The app.

    Attributes:
        wrong: Handlers that replace its own, by path.
        thinking: Seconds until its model says the first word.
        interval: Seconds between two words.
        words: What the model says.
        tokens: Tokens that it still takes; a refresh gives the next one.
        stored: The messages of its one conversation, while there is one.
        late: What it will store after the viewer left.
        title: What the conversation gets after its answer; empty: none.
        asked: The bodies of the questions.
        agents: Every User-Agent on the routes of the chat.
        ended: Whether somebody logged out.
        began: Set when the first event of an answer is out.
    """

    wrong: dict[str, Handler] = field(default_factory=dict)
    thinking: float = 0.1
    interval: float = 0.005
    words: list[str] = field(default_factory=lambda: list(WORDS))
    tokens: list[str] = field(default_factory=lambda: [TOKEN])
    stored: list[dict[str, Any]] = field(default_factory=list)
    late: list[dict[str, Any]] = field(default_factory=list)
    title: str = "Counting in words"
    asked: list[dict[str, Any]] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    ended: bool = False
    began: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def routes(self) -> dict[str, Handler]:
        """Its own handlers with the wrong ones over them."""
        own: dict[str, Handler] = {
            "/api/echo": self._page,
            "/api/auth/login": self._login,
            "/api/auth/refresh": self._refresh,
            "/api/auth/logout": self._logout,
            "/api/endpoints": self._json(ENDPOINTS),
            "/api/models": self._json(MODELS),
            "/api/config": self._json({"appTitle": "LibreChat"}),
            "/api/agents/chat/*": self._chat,
            "/api/convos": self._convos,
            "/api/convos/gen_title": self.gives_title,
            f"/api/convos/{ID}": self._convo,
            f"/api/messages/{ID}": self.messages,
        }
        return own | self.wrong

    @asynccontextmanager
    async def site(self, **chat: Any) -> AsyncIterator[Site]:
        """A site under test, with some settings of the chat changed."""
        chosen = replace(CHAT, **{"user": EMAIL, "password_from": "env:PW"} | chat)
        settings = replace(SETTINGS, chat=chosen)
        async with Deployment(self.routes).serve() as url, Client(url, timeout=60) as client:
            yield Site(client, settings, {})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="<!doctype html>", content_type="text/html", headers=api_headers())

    async def _login(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body["email"] != EMAIL or body["password"] != PASSWORD:
            return api({"message": "Incorrect password."}, 404)
        return self.session(self.tokens[0])

    async def _refresh(self, request: web.Request) -> web.StreamResponse:
        if request.cookies.get("refreshToken") != REFRESH:
            return web.Response(text="Refresh token not provided", headers=api_headers())
        self.tokens.pop(0)
        return self.session(self.tokens[0]) if self.tokens else web.Response(status=401)

    def session(self, token: str) -> web.Response:
        response = api({"token": token, "user": {"email": EMAIL}})
        for name, value in (("refreshToken", REFRESH), ("token_provider", "librechat")):
            response.headers.add(
                "Set-Cookie",
                f"{name}={value}; Path=/; Expires=Mon, 30 Nov 2026 07:21:07 GMT; HttpOnly; SameSite=Strict",
            )
        return response

    async def _logout(self, request: web.Request) -> web.StreamResponse:
        if not self._knows(request):
            return web.Response(status=401, text=UNAUTHORIZED)
        self.ended = request.cookies.get("refreshToken") == REFRESH
        return api({"message": "Logout successful"})

    def _json(self, body: object) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            return api(body) if self._knows(request) else web.Response(status=401, text=UNAUTHORIZED)

        return handler

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        if not self._knows(request):
            return web.Response(status=401, text=UNAUTHORIZED)
        self.agents.append(request.headers["User-Agent"])
        self.asked.append(await request.json())
        response = web.StreamResponse(headers=STREAM | api_headers())
        await response.prepare(request)
        for pause, event in self.answer():
            await asyncio.sleep(pause)
            await response.write(event)
            self.began.set()
        return response

    def answer(self, *parts: Mapping[str, Any]) -> list[tuple[float, bytes]]:
        """The events of an answer, each with the pause before it. Stores what it says.

        Args:
            parts: The content of the answer; what the model says when there is none.
        """
        asked = self.asked[-1]
        question = {
            "messageId": "q",
            "parentMessageId": asked["parentMessageId"],
            "conversationId": ID,
            "sender": "User",
            "text": asked["text"],
            "isCreatedByUser": True,
        }
        content = [*parts] or [{"type": "text", "text": "".join(self.words)}]
        reply = {
            "messageId": "r",
            "parentMessageId": "q",
            "conversationId": ID,
            "sender": "Words",
            "text": "",
            "content": content,
            "isCreatedByUser": False,
        }
        self.stored = [question, reply]
        step = {"event": "on_run_step", "data": {"id": "s", "index": 0, "type": "message_creation"}}
        deltas = [] if parts else [_delta(word) for word in self.words]
        final = {
            "final": True,
            "conversation": {"conversationId": ID, "title": "New Chat"},
            "title": "New Chat",
            "requestMessage": question,
            "responseMessage": reply,
        }
        said: list[Mapping[str, Any]] = [{"message": question, "created": True}, step, *deltas, final]
        pauses = [0.0, self.thinking, *(self.interval for _ in said[2:])]
        return [(pause, message(each)) for pause, each in zip(pauses, said, strict=True)]

    async def gives_title(self, request: web.Request) -> web.StreamResponse:
        if not self._knows(request):
            return web.Response(status=401, text=UNAUTHORIZED)
        if (await request.json())["conversationId"] == ID and self.title:
            return api({"title": self.title})
        return api({"message": "Title not found or method not implemented"}, 404)

    async def _convos(self, request: web.Request) -> web.StreamResponse:
        if not self._knows(request):
            return web.Response(status=401, text=UNAUTHORIZED)
        if request.method == "GET":
            listed = [{"conversationId": ID, "title": self.title}] if self.stored else []
            return api({"conversations": listed, "nextCursor": None})
        if (await request.json())["arg"]["conversationId"] != ID or not self.stored:
            return web.Response(status=500, text="Error clearing conversations", headers=api_headers())
        self.stored = []
        return api({"acknowledged": True, "deletedCount": 1, "messages": {"deletedCount": 2}}, 201)

    async def _convo(self, request: web.Request) -> web.StreamResponse:
        if not self.stored:
            return web.Response(status=404, headers=api_headers())
        return api({"conversationId": ID, "title": self.title or "New Chat"})

    async def messages(self, request: web.Request) -> web.StreamResponse:
        if not self._knows(request):
            return web.Response(status=401, text=UNAUTHORIZED)
        return api(self.stored) if self.stored else api({"error": "Conversation not found"}, 404)

    def _knows(self, request: web.Request) -> bool:
        # The first is what a login gives; after a refresh only the next one counts.
        return bool(self.tokens) and request.headers.get("Authorization") == f"Bearer {self.tokens[0]}"


STREAM = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform"}


def message(data: Mapping[str, Any]) -> bytes:
    """An event of an answer, as it is on the wire."""
    return f"event: message\ndata: {json.dumps(data)}\n\n".encode()


def error(data: Mapping[str, Any]) -> bytes:
    """What LibreChat sends instead of an answer that it refuses."""
    return f"event: error\ndata: {json.dumps(data)}\n\n".encode()


def _delta(text: str) -> dict[str, Any]:
    return {
        "event": "on_message_delta",
        "data": {"id": "s", "delta": {"content": [{"type": "text", "text": text}]}},
    }
