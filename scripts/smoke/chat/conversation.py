"""One conversation from login to logout. What it stored it deletes, whatever happened in between.

Each step is a finding of its own, because each proves another part of the deployment: secrets, streaming,
work after the end of a stream, the database, the session. A step that cannot be taken is "not checked".
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from enum import StrEnum

import httpx

from scripts.errors import DeployError
from scripts.smoke import interruption
from scripts.smoke.chat import cleanup, credentials, explain, judgement
from scripts.smoke.chat.answer import Answer, read, text_of
from scripts.smoke.chat.credentials import STAND_IN, Credentials
from scripts.smoke.chat.librechat import User
from scripts.smoke.chat.offer import choose
from scripts.smoke.client import Response
from scripts.smoke.evidence import evidence, no_answer
from scripts.smoke.model import NotCheckedError, Result, failed, not_checked, passed
from scripts.smoke.shapes import parts
from scripts.smoke.site import Site


class Step(StrEnum):
    """The steps, in their order."""

    LOGIN = "login"
    ANSWER = "answer"
    TITLE = "title"
    STORED = "stored"
    CLEAN = "clean"


Conversation = Mapping[Step, Result]
"""What each step found; one that was not reached is missing."""


async def converse(site: Site) -> Conversation:
    """Log in, ask, look at the answer, its title and what is stored, delete it all, log out.

    Costs one answer of the model. Cancelled in the middle it still deletes and logs out.
    """
    talk = _Talk(site)
    found = {Step.LOGIN: await talk.taken(talk.login())}
    if not talk.user.logged_in:
        return found
    try:
        with interruption.promised(f"Deleting the conversation {talk.mark}, then logging out."):
            try:
                found[Step.ANSWER] = await talk.taken(talk.ask())
                found[Step.TITLE] = await talk.taken(talk.title())
                found[Step.STORED] = await talk.taken(talk.stored())
            finally:
                found[Step.CLEAN] = await talk.taken(talk.clean())
    except asyncio.CancelledError:
        # No report will say it.
        interruption.say(talk.left(found.get(Step.CLEAN)))
        raise
    return found


class _Talk:
    """The conversation, and what the steps leave for each other."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._chat = site.settings.chat
        self.user = User(site.client, max(site.settings.timeout, site.settings.cold_start))
        # It makes the question ours, to be found and deleted, and new to every cache before the model.
        self.mark = f"(smoke {secrets.token_hex(4)})"
        self._text = f"{self._chat.message} {self.mark}"
        self._asked = False
        self._answer: Answer | None = None
        self._title = ""
        self._waited_for_title = False

    async def login(self) -> Result:
        """A session for the test user."""
        limit = "a token and its session cookie"
        ours = self._site.aws is not None
        url, host = self._site.client.base_url, self._chat.host
        if self._chat.user and (why := credentials.why_not_sent_to(url, host=host, ours=ours)):
            return failed("the password was not sent", limit, reason=why)
        try:
            whom = await self._credentials()
        except DeployError as error:
            return failed("no password", limit, reason=f"{error.what}: {error.why} {error.next_step}")
        if whom is None:
            return failed(
                "no test user",
                limit,
                reason="The settings name nobody to log in as. Set smoke.chat.user, and put the password "
                f"where smoke.chat.password_from says ({self._chat.password_from}).",
            )
        answer = await self.user.login(whom)
        if not self.user.logged_in:
            # A success may hold a token of another kind; a refusal is words.
            refused = answer.status >= 400
            return _failed(str(answer.status), limit, explain.login(answer), answer, body=refused)
        if not self.user.has_session:
            return _failed(
                "a token, no cookie",
                limit,
                "The session cookie (refreshToken) did not come through: users are logged out when their "
                "token ends, after 15 minutes. Look at how the handler passes on Set-Cookie.",
                answer,
                body=False,
            )
        return passed(f"logged in within {answer.seconds * 1000:.0f} ms", limit)

    async def ask(self) -> Result:
        """The answer, as it streams."""
        offer = await self.user.offer()
        if isinstance(offer, Response):
            return _failed(str(offer.status), judgement.LIMIT, explain.unexpected(offer), offer)
        partner = choose(offer, self._chat.endpoint, self._chat.model)
        if isinstance(partner, str):
            return failed("nothing was sent", judgement.LIMIT, reason=partner)
        # Before the recording: asking the account keeps this process busy.
        deployed = await self._site.deployed()
        self._asked = True
        recording = await self.user.ask(self._text, partner, limit=self._chat.timeout)
        self._answer = read(recording)
        return judgement.of(self._answer, partner, deployed)

    async def title(self) -> Result:
        """The title, made by a model after the end of the stream."""
        id_, limit = self._finished().conversation, "a title"
        self._waited_for_title = True
        answer = await self.user.title(id_)
        self._title = str(answer.fields.get("title") or "")
        if answer.status == 200 and self._title:
            return passed(f"{self._title[:60]!r} after {answer.seconds:.1f} s", limit)
        no_title = answer.status == 404 and answer.media_type == "application/json"
        reason = explain.NO_TITLE if no_title else explain.unexpected(answer)
        return _failed("none" if no_title else str(answer.status), limit, reason, answer)

    async def stored(self) -> Result:
        """Question and answer, as the database has them."""
        said = self._finished()
        answer = await self.user.messages(said.conversation)
        limit = "question and answer as they were"
        unknown = answer.status == 404 and answer.media_type == "application/json"
        if answer.status != 200 and not unknown:
            return _failed(str(answer.status), limit, explain.unexpected(answer), answer)
        stored = [] if unknown else parts(answer.json())
        asked = any(each.get("isCreatedByUser") and each.get("text") == self._text for each in stored)
        told = any(not each.get("isCreatedByUser") and text_of(each) == said.told for each in stored)
        conversation = await self.user.conversation(said.conversation)
        titled = conversation.fields.get("title") == self._title
        missing = [
            what
            for what, there in (("question", asked), ("answer", told), ("title", titled or not self._title))
            if not there
        ]
        if not missing:
            return passed(f"{len(stored)} messages" + (", title" if self._title else ""), limit)
        return _failed(
            f"{len(stored)} messages, no {' and no '.join(missing)}",
            limit,
            "What the viewer saw is not what the database has: LibreChat could not save it (MONGO_URI, "
            "the security group of DocumentDB), or the environment was frozen before it had "
            "(RESPONSE_GRACE_MS). The function's log has the error.",
            answer,
        )

    async def clean(self) -> Result:
        """Nothing is left: the conversation is deleted, the session ended."""
        asked = cleanup.Asked(self._text, self.mark, self._answer, self._waited_for_title)
        return await cleanup.clean(self.user, asked if self._asked else None)

    def left(self, cleaned: Result | None) -> str:
        """What is to be said when the conversation was interrupted."""
        if cleaned is None:
            return cleanup.by_hand(self.mark)
        return f"{cleaned.measured}. {cleaned.reason}".strip()

    async def taken(self, step: Awaitable[Result]) -> Result:
        """A step's result, without secrets. What stops it must not stop the others, least of all the last."""
        try:
            result = await step
        except NotCheckedError as skipped:
            result = not_checked(str(skipped))
        except httpx.HTTPError as error:
            result = failed("no answer", reason=no_answer(error))
        hide = self.user.hide
        return replace(
            result,
            measured=hide(result.measured),
            reason=hide(result.reason),
            evidence=hide(result.evidence),
            details={
                name: hide(value) if isinstance(value, str) else value
                for name, value in result.details.items()
            },
        )

    async def _credentials(self) -> Credentials | None:
        if not self._chat.user and await self._site.is_stand_in():
            return STAND_IN
        return await asyncio.to_thread(credentials.resolve, self._chat, self._site.aws)

    def _finished(self) -> Answer:
        if self._answer is None or not self._answer.final or self._answer.refusal:
            raise NotCheckedError("there is no answer (see above)")
        return self._answer


def _failed(measured: str, limit: str, reason: str, answer: Response, *, body: bool = True) -> Result:
    return failed(measured, limit, reason=reason, evidence=evidence(answer, body=body))
