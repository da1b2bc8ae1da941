"""Deletes the conversation and ends the session, and says what may be left.

An answer that nobody reads goes on in the app, and is stored when it ends: perhaps minutes after the viewer
left, and in an environment of the function that no later request reaches, so it cannot be stopped either.
What is deleted before that comes back. So "deleted" is said only when the app had stored its answer, or had
none.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import httpx

from scripts.smoke.chat import explain
from scripts.smoke.chat.answer import Answer
from scripts.smoke.chat.librechat import User
from scripts.smoke.client import Response
from scripts.smoke.evidence import evidence, no_answer
from scripts.smoke.model import Result, failed, not_checked, passed
from scripts.smoke.shapes import parts

LIMIT = "deleted, session ended"

_LOOKS = 15
_PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class Asked:
    """A question that was sent.

    Attributes:
        text: The question.
        mark: What it ends with: no other conversation says it.
        answer: The answer; None when waiting for it was given up.
        has_title: Whether the title was waited for.
    """

    text: str
    mark: str
    answer: Answer | None
    has_title: bool

    @property
    def refused(self) -> bool:
        """Whether the app said that there will be no answer."""
        answer = self.answer
        return answer is not None and (bool(answer.refusal) or 400 <= answer.recording.status < 500)

    @property
    def final(self) -> bool:
        """Whether the app said that the answer is saved."""
        return self.answer is not None and bool(self.answer.final)


@dataclass(frozen=True)
class _Deletion:
    """What a deletion came to.

    Attributes:
        id: Of the conversation; empty when none was found.
        over: Whether the app is known to store nothing more.
        problem: The answer to a deletion after which the conversation is still there.
    """

    id: str = ""
    over: bool = True
    problem: Response | None = None


async def clean(user: User, asked: Asked | None) -> Result:
    """Delete what was stored and log out, whatever happened before.

    Args:
        user: Is logged in.
        asked: What was sent; None when nothing was.
    """
    left = by_hand(asked.mark) if asked else ""
    try:
        deletion = await _delete(user, asked) if asked else _Deletion()
    except httpx.HTTPError as error:
        await _log_out(user)
        return failed("not known whether deleted", LIMIT, reason=f"{no_answer(error)} {left}")
    trouble = await _log_out(user)
    if deletion.problem is not None:
        reason = f"Conversation {deletion.id} is still there. {explain.unexpected(deletion.problem)} "
        return failed(
            f"{deletion.problem.status} for the deletion",
            LIMIT,
            reason=f"{reason}Delete it as the test user.",
            evidence=evidence(deletion.problem),
        )
    later = ""
    if not deletion.over:
        later = (
            "What was stored is deleted, but the app never said that it is done with the answer, and may "
            f"store it later. {left}"
        )
    if trouble:
        return replace(trouble, reason=f"{trouble.reason} {later}".strip())
    if later:
        return not_checked(later, "not known whether all is deleted", LIMIT)
    return passed(LIMIT if deletion.id else "nothing was stored, session ended", LIMIT)


async def _log_out(user: User) -> Result | None:
    """What is wrong with the end of the session; None when it has ended."""
    try:
        goodbye = await user.logout()
    except httpx.HTTPError as error:
        return failed("no answer for the logout", LIMIT, reason=no_answer(error))
    # Any page has status 200: the words of the app are JSON.
    if goodbye.status == 200 and goodbye.fields:
        return None
    return failed(
        f"{goodbye.kind} for the logout",
        LIMIT,
        reason=explain.unexpected(goodbye),
        evidence=evidence(goodbye, body=False),
    )


async def _delete(user: User, asked: Asked) -> _Deletion:
    id_ = asked.answer.conversation if asked.answer else ""
    over = asked.final or asked.refused
    has_title = asked.has_title or (asked.refused and not asked.final)
    deleted: Response | None = None
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_PAUSE_SECONDS)
        # The id never came where the stream did not even begin; the app may be at work all the same.
        id_ = id_ or await user.find(asked.text)
        stored = await user.messages(id_) if id_ else None
        if stored is not None and stored.status != 404:
            # The answer is stored last.
            over = over or any(each.get("isCreatedByUser") is False for each in parts(stored.json()))
            if over and not has_title:
                # Also of an answer that failed LibreChat makes a title, and storing that brings all back.
                await user.title(id_)
            deleted = await user.delete(id_)
        if over:
            break
    if deleted is None:
        return _Deletion(over=over)
    gone = (await user.messages(id_)).status == 404
    return _Deletion(id_, over, None if gone else deleted)


def by_hand(mark: str) -> str:
    """What to do about a conversation that may be left."""
    return f"If there is a conversation that says {mark}, delete it as the test user."
