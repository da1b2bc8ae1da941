"""LibreChat's API for a user, v0.8.2-rc1: what its own client sends, where, and what comes back.

Read in its source at that release: the routes in ``api/server/routes/{auth,agents,convos,messages,models,
endpoints,config}``, the bodies in ``client/src/hooks/Chat/useChatFunctions.ts`` and
``packages/data-provider/src/{createPayload,data-service}.ts``. docs/smoke.md has it as a table. Later
releases differ: rc2 answers a chat with the id of a resumable stream, and asks for the title with GET.

It sends and takes apart; whether an answer is good is not its business. It gives answers as they came, to be
judged. What is shown of them has to go through `User.hide`, which knows the secrets of the session.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote

from scripts.redaction import redact, redact_values
from scripts.smoke.chat.credentials import Credentials, Secret
from scripts.smoke.chat.offer import Offer, Partner
from scripts.smoke.client import USER_AGENT, Client, Response
from scripts.smoke.shapes import parts
from scripts.smoke.stream.recording import Recording

BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 "
    + USER_AGENT
)
"""LibreChat takes whoever is no browser for an abuser: middleware ``uaParser`` on ``/api/agents`` scores a
violation of 20 points, and 20 points are a ban where ``BAN_VIOLATIONS`` is on. So this looks like Chrome, and
still says who it is."""

NO_PARENT = "00000000-0000-0000-0000-000000000000"
"""The parent of a first message."""

_SESSIONS = ("/api/auth/login", "/api/auth/refresh")
# It says who issued the token, and is no secret.
_PROVIDER_COOKIE = "token_provider"
# The server itself waits up to 20 s for a title before it says that there is none.
_TITLE_WAIT_SECONDS = 20.0
_RECENT = 5
# A shorter value of a cookie is a flag, and stands in many texts by chance.
_SECRET_LENGTH = 8


@dataclass
class User:
    """A user of LibreChat at a deployment, with the session that a login opens.

    An access token lasts 15 minutes (``SESSION_EXPIRY``). When one is refused, the session is asked for
    another, once, as LibreChat's client does.

    Args:
        client: Reaches the deployment.
        limit: Seconds for one request; an environment may start cold for any of them.
    """

    client: Client
    limit: float
    _token: Secret | None = None
    _cookies: dict[str, Secret] = field(default_factory=dict)
    _known: list[Secret] = field(default_factory=list)

    async def login(self, credentials: Credentials) -> Response:
        """Ask for a session. `logged_in` says whether there is one."""
        self._known.append(credentials.password)
        body = {"email": credentials.email, "password": credentials.password.value}
        return await self._send("/api/auth/login", body)

    @property
    def logged_in(self) -> bool:
        """Whether a login gave a token."""
        return self._token is not None

    @property
    def has_session(self) -> bool:
        """Whether the login gave the cookie that a new token is asked for with."""
        return "refreshToken" in self._cookies

    async def offer(self) -> Offer | Response:
        """Endpoints, models and enforced specs; the answer itself where one is not what it should be."""
        endpoints = await self._authorized("/api/endpoints")
        models = await self._authorized("/api/models")
        config = await self._authorized("/api/config")
        for answer in (endpoints, models, config):
            if answer.status != 200 or not isinstance(answer.json(), dict):
                return answer
        return Offer.of(endpoints.json(), models.json(), config.json())

    async def ask(self, text: str, partner: Partner, *, limit: float) -> Recording:
        """Say something in a new conversation, and record the answer for at most `limit` seconds."""
        body = {
            "text": text,
            "sender": "User",
            "isCreatedByUser": True,
            "messageId": str(uuid.uuid4()),
            "parentMessageId": NO_PARENT,
            # No conversationId: with one it would not be a new conversation, and would get no title.
            "error": False,
            "endpoint": partner.endpoint,
            "model": partner.model,
            "key": "never",
            "isTemporary": False,
            "isRegenerate": False,
            "isContinued": False,
            "ephemeralAgent": {"mcp": [], "web_search": False, "file_search": False, "execute_code": False},
        }
        body |= {"endpointType": partner.kind} if partner.kind else {}
        body |= {"spec": partner.spec} if partner.spec else {}
        recording = await self._ask(partner.endpoint, body, limit)
        if recording.status == 401 and await self._refresh():
            recording = await self._ask(partner.endpoint, body, limit)
        return recording

    async def title(self, conversation: str) -> Response:
        """Ask for the title that was made after the answer: 200 with ``title``, or 404."""
        return await self._authorized(
            "/api/convos/gen_title",
            "POST",
            {"conversationId": conversation},
            limit=self.limit + _TITLE_WAIT_SECONDS,
        )

    async def conversation(self, conversation: str) -> Response:
        """The conversation as it is stored, or 404."""
        return await self._authorized(f"/api/convos/{quote(conversation, safe='')}")

    async def messages(self, conversation: str) -> Response:
        """The stored messages, the oldest first; 404 when there is no such conversation."""
        return await self._authorized(f"/api/messages/{quote(conversation, safe='')}")

    async def find(self, text: str) -> str:
        """The id of the conversation, among the newest, that begins with `text`; empty when there is none."""
        listed = await self._authorized("/api/convos?sortBy=createdAt&sortDirection=desc")
        for each in parts(listed.fields.get("conversations"))[:_RECENT]:
            id_ = str(each.get("conversationId", ""))
            if any(message.get("text") == text for message in parts((await self.messages(id_)).json())):
                return id_
        return ""

    async def delete(self, conversation: str) -> Response:
        """Delete a conversation with its messages: 201, or 500 when there is none."""
        argument = {"conversationId": conversation, "source": "button"}
        return await self._authorized("/api/convos", "DELETE", {"arg": argument})

    async def logout(self) -> Response:
        """End the session: 200."""
        return await self._authorized("/api/auth/logout", "POST", {})

    def hide(self, text: str) -> str:
        """The text without the secrets of this session, nor the beginning of one that was cut off."""
        return redact(redact_values(text, {secret.value for secret in self._known}))

    async def _ask(self, endpoint: str, body: Mapping[str, Any], limit: float) -> Recording:
        return await self.client.record(
            f"/api/agents/chat/{quote(endpoint, safe='')}",
            method="POST",
            headers=self._headers(),
            content=json.dumps(body).encode(),
            limit=limit,
        )

    async def _authorized(
        self,
        path: str,
        method: str = "GET",
        body: Mapping[str, Any] | None = None,
        *,
        limit: float | None = None,
    ) -> Response:
        answer = await self._send(path, body, method, limit)
        if answer.status == 401 and await self._refresh():
            answer = await self._send(path, body, method, limit)
        return answer

    async def _refresh(self) -> bool:
        before = self._token
        await self._send("/api/auth/refresh", {})
        return self._token != before

    async def _send(
        self,
        path: str,
        body: Mapping[str, Any] | None,
        method: str = "POST",
        limit: float | None = None,
    ) -> Response:
        answer = await self.client.fetch(
            path,
            method=method,
            headers=self._headers(),
            content=None if body is None else json.dumps(body).encode(),
            limit=limit or self.limit,
        )
        self._take_session(answer)
        return answer

    def _headers(self) -> dict[str, str]:
        headers = {"User-Agent": BROWSER, "Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token.value}"
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={each.value}" for name, each in self._cookies.items())
        return headers

    def _take_session(self, answer: Response) -> None:
        token = answer.fields.get("token") if answer.url.endswith(_SESSIONS) else None
        if answer.status == 200 and isinstance(token, str):
            self._token = Secret(token)
        for line in answer.all("set-cookie"):
            try:
                self._cookies |= {name: Secret(each.value) for name, each in SimpleCookie(line).items()}
            except CookieError:  # the check of cookies says so
                continue
        self._known += [
            each
            for name, each in self._cookies.items()
            if name != _PROVIDER_COOKIE and len(each.value) >= _SECRET_LENGTH
        ]
        self._known += [self._token] if self._token else []
