"""``inv rollback``, and the rollback that a failed deploy makes by itself.

An earlier image and client go live again through Terraform, with its variables: the image that is in the
repository, the client that is kept in the bucket, and nothing else in the plan. So the state stays true,
and the next deploy simply deploys the working tree again. The infrastructure stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scripts import releases
from scripts.errors import DeployError, ExitStatus
from scripts.outcomes import Deployed
from scripts.pipeline import deployed
from scripts.pipeline.recording import Content, Recording
from scripts.pipeline.stages import apply, connecting, prove
from scripts.releases import Release, Situation, choice
from scripts.session import Session
from scripts.steps import Step
from scripts.terraform import Plan

FUNCTION = "module.backend.module.lambda.aws_lambda_function.this"
CLIENT = "module.frontend.terraform_data.client"
_IMAGE = "module.backend.terraform_data.image"


def rollback(session: Session, to: str = "") -> ExitStatus:
    """Bring image and client of an earlier release back, prove them, and record it.

    Args:
        session: The session.
        to: Id of the release, or the beginning of one; empty: the newest proven one before what is live.

    Raises:
        DeployError: when there is no such release, or it is not whole any more; and what a deploy raises.
    """
    with session.opened():
        session.steps.run(
            Step(connecting(session), session.connect),
            Step("find state", session.find_state, after=(connecting(session),)),
            Step("prepare configuration", session.prepare_configuration, after=(connecting(session),)),
        )
        deployed.require(session)
        with session.steps.step("look at releases"):
            situation, release = _chosen(session, to)
        _say_what_stays(session, situation, release)
        back = _BringBack(session, release, situation.live, by_itself=False)
        try:
            outputs = back.run()
        finally:
            session.steps.show()
        changed = f"Release {release.id} is live again."
        session.console.say(changed)
        session.console.show(Deployed(session.url(outputs), changed, session.steps.total))
    return ExitStatus.OK


def look_around(session: Session, id: str = "") -> Situation:
    """The records, as far back as anything is kept, and what the account holds.

    Args:
        session: The session.
        id: A release that is read too, however old it is.
    """
    store = releases.open_store(session.settings, session.target.aws)
    found = store.newest()
    if id and id not in {release.id for release in found}:
        found = (*found, store.get(id))
    present = releases.look(session.target.aws, found)
    return Situation(found, present, session.settings.image.platform)


def after_failure(
    session: Session, recording: Recording, failure: DeployError, *, by_itself: bool
) -> DeployError:
    """How a deploy ends that does not behave: with the way back, or back already.

    Args:
        session: The session of the deploy.
        recording: Its record, which is written by now.
        failure: How it would end otherwise.
        by_itself: Roll back now (``--rollback-on-failure``).
    """
    failed = recording.release
    if failed is None:
        return failure
    kept = f"The evidence is kept: inv releases --show {failed.id}"
    evidence = kept if recording.written else "The evidence is above; its record could not be written."
    end = _roll_back(session, failed, failure) if by_itself else _advise(session, failed, failure)
    end.next_step = f"{end.next_step}\n{evidence}"
    end.facts |= {"release": failed.id}
    return end


def _advise(session: Session, failed: Release, failure: DeployError) -> DeployError:
    target = session.settings.target
    try:
        release = choice.after_failure(look_around(session), failed)
    except DeployError as reason:
        way = f"No rollback helps. {reason.what}: {reason.why}"
    except Exception as error:  # advice is not worth another failure
        way = f"Or go back: inv rollback --target {target} (to which release could not be seen: {error})"
    else:
        way = f"Or go back to release {release.id} first: inv rollback --target {target}"
    failure.next_step = f"{failure.next_step}\n{way}"
    return failure


def _roll_back(session: Session, failed: Release, failure: DeployError) -> DeployError:
    session.console.warn("The smoke checks failed: rolling back.")
    release: Release | None = None
    try:
        with session.steps.step("look at releases"):
            release = choice.after_failure(look_around(session), failed)
        _BringBack(session, release, failed, by_itself=True).run()
    except Exception as error:  # AWS may refuse to be looked at, too: the run still ends as what it is
        problem = error if isinstance(error, DeployError) else DeployError(f"{type(error).__name__}: {error}")
        went = "failed" if release else "was not made"
        return DeployError(
            f"What was deployed does not behave, and the rollback {went}",
            f"{problem.what}. {problem.why}".strip() + f"\n{_live_now(session)}",
            "\n".join(part for part in (problem.next_step, failure.next_step) if part),
            status=ExitStatus.SMOKE_FAILED,
            evidence=problem.evidence,
            facts={"rolled_back": False},
        )
    return DeployError(
        "What was deployed did not behave, and was rolled back",
        f"The smoke checks of release {failed.id} failed. Live again, and proven: release {release.id}.",
        f"Repair the cause, then: inv deploy --target {session.settings.target}",
        status=ExitStatus.SMOKE_FAILED,
        facts={"rolled_back": True, "live": release.id},
    )


def _live_now(session: Session) -> str:
    """Asked of the account, because a rollback that failed may have gone half its way."""
    try:
        live = look_around(session).live
    except Exception as error:  # one failure is reported already
        return f"What is live now could not be seen: {error}"
    return f"Live now: release {live.id}." if live else "What is live now is in no record."


def _chosen(session: Session, to: str) -> tuple[Situation, Release]:
    if not to:
        situation = look_around(session)
        return situation, choice.before_the_live_one(situation)
    id = releases.open_store(session.settings, session.target.aws).find(to)
    situation = look_around(session, id)
    return situation, choice.by_id(situation, id)


def _say_what_stays(session: Session, situation: Situation, release: Release) -> None:
    """A rollback is of image and client; say what is not the same as it was then."""
    live, commit = situation.live, release.revision.commit
    if not release.proven:
        session.console.warn(f"Release {release.id} has never passed its smoke checks.")
    if live is None:
        return
    if release.infrastructure and release.infrastructure != live.infrastructure:
        sources = (
            f"git checkout {commit[:12]}" if commit != "unknown" else "check out the sources of that time"
        )
        session.console.warn(
            f"The Terraform tree or its values have changed since release {release.id}; the infrastructure "
            f"stays as it is. To go back with all of it: {sources}, then inv deploy."
        )
    if release.config_version and release.config_version != live.config_version:
        session.console.warn(
            f"librechat.yaml has changed since release {release.id}; it stays as it is. To go back with it "
            "as well: inv config.push with the file of that time."
        )


@dataclass(frozen=True)
class _BringBack:
    """One rollback.

    Attributes:
        live: The release that is left, when it is known.
        by_itself: Nobody is asked; then it must not touch more than it says.
    """

    session: Session
    release: Release
    live: Release | None
    by_itself: bool

    def run(self) -> dict[str, Any]:
        """Plan, ask, apply, prove. Returns the outputs.

        Raises:
            DeployError: when it would change nothing, or is not confirmed; and what an apply and the
                proof raise.
        """
        session, release = self.session, self.release
        session.steps.run(
            Step("terraform init", lambda: session.init_to_bring_back(*release.content)),
            Step("plan rollback", lambda: session.plan_of((FUNCTION, CLIENT)), after=("terraform init",)),
        )
        plan = session.planned.plan
        session.console.show(plan)
        if plan.empty:
            raise DeployError(
                f"A rollback to {release.id} would change nothing",
                "Terraform finds its image and its client deployed already.",
                "inv smoke checks what is live.",
            )
        self._confirm(plan)
        recording = Recording(session, plan, self._content())
        with recording.kept():
            outputs = apply(session, plan, "apply rollback")
            recording.applied(outputs)
            if session.local:
                # Ended, and not what the checkout holds: the next deploy looks at everything again.
                session.record.complete(f"rollback to {release.id}", outputs)
            prove(session, outputs, None, recording.proved)
        return outputs

    def _content(self) -> Content:
        around = self.live or self.release
        return Content(
            image=self.release.image,
            client=self.release.client,
            config_version=around.config_version,
            rollback_of=self.release.origin,
            revision=self.release.revision,
            infrastructure=around.infrastructure,
            librechat=self.release.versions.librechat,
        )

    def _confirm(self, plan: Plan) -> None:
        session, more = self.session, _beyond(plan)
        if more:
            # What the function depends on is planned with it, from the tree as it is checked out here.
            text = "It would also change, as the Terraform of this checkout is not what is deployed: "
            text += ", ".join(more)
            if self.by_itself:
                raise DeployError("The rollback would change more than image and client", text)
            session.console.warn(text)
        elif self.by_itself or session.local:
            return
        where = "the embedded AWS" if session.local else f"account {session.settings.aws.account_id}"
        if not session.console.confirm(f"Roll {where} back to release {self.release.id}?"):
            raise DeployError(
                "Not confirmed; nothing was changed", next_step="Run it again when you are sure."
            )


_FOLLOW = frozenset(
    {"image_uri", "last_modified", "source_code_hash", "code_sha256", "source_code_size", "version"}
    | {"qualified_arn", "qualified_invoke_arn", "environment"}
)
"""Attributes of the function that change with its image. The environment names librechat.yaml's version."""


def _beyond(plan: Plan) -> list[str]:
    """What a plan touches besides image and client; attributes of the function with their names."""
    more = []
    for change in plan.changes:
        if change.address.startswith(FUNCTION):
            more += [f"{change.address}.{name}" for name in change.attributes if name not in _FOLLOW]
        elif change.address not in (_IMAGE, CLIENT):
            more.append(change.address)
    return more
