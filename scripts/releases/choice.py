"""Which release a rollback brings back, or why none.

Pure: it is given the records and what the account holds, and touches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scripts.errors import DeployError
from scripts.releases.account import Present, live
from scripts.releases.record import Kind, Release


@dataclass(frozen=True)
class Situation:
    """What a choice depends on.

    Attributes:
        releases: All records, the newest first.
        present: What the account holds.
        platform: Of the function, and so of every image that it can run.
    """

    releases: Sequence[Release]
    present: Present
    platform: str

    @property
    def live(self) -> Release | None:
        """The release that is live, when a record tells."""
        return live(self.releases, self.present)

    def obstacles(self, release: Release) -> tuple[str, ...]:
        """Why a release cannot be brought back; nothing when it can."""
        reasons = list(self.present.missing(release))
        if release.image.platform and release.image.platform != self.platform:
            reasons.append(f"its image is for {release.image.platform}, the function for {self.platform}")
        return tuple(reasons)

    def can_return_to(self, release: Release) -> bool:
        """Whether a rollback to it would be made when asked for by its id."""
        present = self.present
        return present.deployed and not self.obstacles(release) and not present.runs(release)


def by_id(situation: Situation, id: str) -> Release:
    """The release of this id, if it can be brought back; whether it was proven is the caller's business.

    Raises:
        DeployError: saying why not.
    """
    _require_deployed(situation)
    release = next(release for release in situation.releases if release.id == id)
    if situation.present.runs(release):
        raise DeployError(
            f"Release {id} is live already",
            "The function runs its image, and its client is the one that is served.",
            "inv releases shows which others can be brought back.",
        )
    if obstacles := situation.obstacles(release):
        raise DeployError(
            f"Release {id} cannot be brought back",
            _sentence(obstacles),
            _from_sources(release),
        )
    return release


def before_the_live_one(situation: Situation) -> Release:
    """The newest proven deploy before the live one that has another image or client.

    A rollback counts as the deploy that it brought back. So a second rollback goes one release further
    into the past, and not forward to the one that was left.

    Raises:
        DeployError: saying why there is none.
    """
    _require_deployed(situation)
    lost: list[Release] = []
    for release in _earlier(situation):
        if situation.present.runs(release):
            continue
        if not situation.obstacles(release):
            return release
        lost.append(release)
    if lost:
        raise DeployError(
            "No earlier release can be brought back",
            "\n".join(f"{release.id}: {_sentence(situation.obstacles(release))}" for release in lost),
            _from_sources(lost[0]),
        )
    raise DeployError(
        "There is no earlier release to go back to",
        "No deploy before the live one, with another image or client, passed its smoke checks.",
        "inv releases lists them all; inv rollback --to ID also takes one that was never proven.",
    )


def after_failure(situation: Situation, failed: Release) -> Release:
    """The release that an automatic rollback brings back after `failed` did not behave.

    Only the newest proven one that is still whole. When the failed release has the same image and client,
    the infrastructure or something outside broke it, and no rollback mends that.

    Raises:
        DeployError: saying why there is none.
    """
    proven = (release for release in situation.releases if release.proven and release.id < failed.id)
    whole = next((release for release in proven if not situation.obstacles(release)), None)
    if whole is None:
        raise DeployError(
            "There is no release to go back to",
            "No earlier release that passed its smoke checks is still whole.",
        )
    if whole.content == failed.content or situation.present.runs(whole):
        raise DeployError(
            "A rollback would change nothing",
            f"Release {whole.id}, which passed, has the same image and the same client: what broke is the "
            "infrastructure, the configuration, or something outside.",
            _from_sources(whole),
        )
    return whole


def _require_deployed(situation: Situation) -> None:
    if not situation.present.deployed:
        raise DeployError(
            "Nothing is deployed that could be rolled back",
            "There is no function of a recorded release in the account.",
            "Deploy first: inv deploy",
        )


def _earlier(situation: Situation) -> Iterator[Release]:
    current = situation.live
    # Not recorded (a terraform apply by hand): every record is of something earlier.
    limit = current.origin if current else "~"
    return (r for r in situation.releases if r.kind is Kind.DEPLOY and r.proven and r.id < limit)


def _sentence(reasons: Sequence[str]) -> str:
    text = "; ".join(reasons)
    return f"{text[0].upper()}{text[1:]}."


def _from_sources(release: Release) -> str:
    """The way back that needs no kept image: the same commit, deployed again."""
    if release.revision.commit == "unknown":
        return "Check out the sources of that release and deploy them: inv deploy"
    also = " (its checkout also had changes that were not committed)" if release.revision.dirty else ""
    return f"Deploy its sources again: git checkout {release.revision.commit[:12]} && inv deploy{also}"
