"""One conversation from login to logout. What it stored it deletes, whatever happened in between.

Each step is a finding of its own, because each proves another part of the deployment: secrets, streaming,
work after the end of a stream, the database, the session. A step that cannot be taken is "not checked".
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Mapping
from enum import StrEnum

import httpx

from scripts.errors import DeployError
from scripts.smoke import diagnosis
from scripts.smoke.chat import credentials, explain, judgement
from scripts.smoke.chat.answer import Answer, read
from scripts.smoke.chat.credentials import STAND_IN, Credentials
from scripts.smoke.chat.librechat import User
from scripts.smoke.chat.offer import choose
from scripts.smoke.chat.shapes import mapping, parts, text_of
from scripts.smoke.client import Response, evidence
from scripts.smoke.model import NotCheckedError, Result, Status, failed, passed
from scripts.smoke.site import Site, describe

# An answer that nobody reads goes on in the app, and is stored when it ends.
_DELETIONS = 3
_PAUSE_SECONDS = 2.0


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
    found = {Step.LOGIN: await _taken(talk.login())}
    if not talk.user.logged_in:
        return found
    try:
        found[Step.ANSWER] = await _taken(talk.ask())
        found[Step.TITLE] = await _taken(talk.title())
        found[Step.STORED] = await _taken(talk.stored())
    finally:
        found[Step.CLEAN] = await _taken(talk.clean())
    return found


class _Talk:
    """The conversation, and what the steps leave for each other."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._chat = site.settings.chat
        self.user = User(site.client, max(site.settings.timeout, site.settings.cold_start))
        # It makes the question ours, to be found and deleted, and new to every cache before the model.
        self._mark = f"(smoke {secrets.token_hex(4)})"
        self._text = f"{self._chat.message} {self._mark}"
        self._asked = False
        self._answer: Answer | None = None
        self._title = ""
        self._waited_for_title = False

    async def login(self) -> Result:
        """A session for the test user."""
        limit = "a token and its session cookie"
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
            return _failed(str(offer.status), judgement.LIMIT, _unexpected(offer), offer)
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
        self._title = str(mapping(answer.json()).get("title") or "")
        if answer.status == 200 and self._title:
            return passed(f"{self._title[:60]!r} after {answer.seconds:.1f} s", limit)
        no_title = answer.status == 404 and answer.media_type == "application/json"
        reason = explain.no_title() if no_title else _unexpected(answer)
        return _failed("none" if no_title else str(answer.status), limit, reason, answer)

    async def stored(self) -> Result:
        """Question and answer, as the database has them."""
        said = self._finished()
        answer = await self.user.messages(said.conversation)
        limit = "question and answer as they were"
        unknown = answer.status == 404 and answer.media_type == "application/json"
        if answer.status != 200 and not unknown:
            return _failed(str(answer.status), limit, _unexpected(answer), answer)
        stored, question = [] if unknown else parts(answer.json()), self.user.hide(self._text)
        asked = any(each.get("isCreatedByUser") and each.get("text") == question for each in stored)
        told = any(not each.get("isCreatedByUser") and text_of(each) == said.told for each in stored)
        conversation = mapping((await self.user.conversation(said.conversation)).json())
        titled = conversation.get("title") == self._title
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
        limit = "deleted, session ended"
        try:
            id_, problem = await self._delete()
        except httpx.HTTPError as error:
            await self.user.logout()
            return failed(
                "not known whether deleted",
                limit,
                reason=f"A request got no whole answer: {describe(error)}. If there is a conversation that "
                f"says {self._mark}, delete it as the test user.",
            )
        goodbye = await self.user.logout()
        if problem is not None:
            reason = f"Conversation {id_} is still there. {_unexpected(problem)} Delete it as the test user."
            return _failed(f"{problem.status} for the deletion", limit, reason, problem)
        if goodbye.status != 200:
            return _failed(
                f"{goodbye.status} for the logout", limit, _unexpected(goodbye), goodbye, body=False
            )
        return passed("deleted, session ended" if id_ else "nothing was stored, session ended", limit)

    async def _credentials(self) -> Credentials | None:
        if not self._chat.user and await self._site.is_stand_in():
            return STAND_IN
        return await asyncio.to_thread(credentials.resolve, self._chat, self._site.aws)

    def _finished(self) -> Answer:
        if self._answer is None or not self._answer.final or self._answer.refusal:
            raise NotCheckedError("there is no answer (see above)")
        return self._answer

    async def _delete(self) -> tuple[str, Response | None]:
        """Delete what was stored. Gives its id (empty: nothing was), and the answer of a failed deletion."""
        said = self._answer
        if not self._asked:
            return "", None
        id_ = said.conversation if said else ""
        if said and said.final and not self._waited_for_title:
            # Also of an answer that failed LibreChat makes a title, and storing that would bring all back.
            await self.user.title(id_)
        deleted: Response | None = None
        for attempt in range(1 if said and (said.final or said.refusal) else _DELETIONS):
            if attempt:
                await asyncio.sleep(_PAUSE_SECONDS)
            # The id never came where the stream did not even begin; the app may be at work all the same.
            id_ = id_ or await self.user.find(self._text)
            if id_ and (await self.user.messages(id_)).status != 404:
                deleted = await self.user.delete(id_)
        if deleted is None:
            return "", None
        return id_, None if (await self.user.messages(id_)).status == 404 else deleted


def _failed(measured: str, limit: str, reason: str, answer: Response, *, body: bool = True) -> Result:
    return failed(measured, limit, reason=reason, evidence=evidence(answer, body=body))


async def _taken(step: Awaitable[Result]) -> Result:
    """A step's result. What stops it must not stop what follows: least of all the deletion."""
    try:
        return await step
    except NotCheckedError as skipped:
        return Result(Status.NOT_CHECKED, "", reason=str(skipped))
    except httpx.HTTPError as error:
        return failed("no answer", reason=f"The request got no whole answer: {describe(error)}.")


def _unexpected(answer: Response) -> str:
    if answer.status == 401:
        return explain.unauthorized()
    if answer.status == 200:
        return (
            "The answer is not what LibreChat v0.8.2-rc1 gives here: another release, or the path does not "
            "lead to the app."
        )
    return diagnosis.explain_api(answer)
