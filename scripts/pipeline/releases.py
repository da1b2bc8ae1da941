"""``inv releases``."""

from __future__ import annotations

from datetime import UTC, datetime

from scripts.errors import DeployError, ExitStatus
from scripts.pipeline.rollback import look_around
from scripts.pipeline.stages import connecting
from scripts.releases import open_store
from scripts.releases.describe import Listing, Shown
from scripts.session import Session
from scripts.steps import Step


def releases(session: Session, *, limit: int, show: str = "") -> ExitStatus:
    """Show the newest releases, or one in full. Changes nothing.

    Args:
        session: The session.
        limit: How many to list.
        show: Id of the one to show, or the beginning of it; empty: list.

    Raises:
        DeployError: when no release, or more than one, begins with `show`.
    """
    if limit < 1:
        raise DeployError(
            f"--limit {limit} lists nothing",
            next_step="Give a number from 1 upwards.",
            status=ExitStatus.PREFLIGHT_FAILED,
        )
    with session.opened():
        session.steps.run(
            Step(connecting(session), session.connect),
            Step("find state", session.find_state, after=(connecting(session),)),
        )
        store = open_store(session.settings, session.target.aws)
        now = datetime.now(UTC)
        if show:
            id = store.find(show)
            situation = look_around(session, id)
            release = next(release for release in situation.releases if release.id == id)
            session.console.show(Shown(release, store.stored(id), situation, now))
        else:
            situation = look_around(session)
            ids = store.ids()
            shown = [*situation.releases, *(store.get(id) for id in ids[len(situation.releases) : limit])]
            session.console.show(Listing(situation, shown[:limit], len(ids), store.place, now))
    return ExitStatus.OK
