"""What the commands have in common: a target to talk to, a state, an initialised Terraform, a plan.

Each method is the work of one step (`scripts.steps`) and leaves its result in the session; the order
of the steps is the command's business (`scripts.pipeline`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from scripts import preflight
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.last_deploy import LastDeploy, LastDeployFile, fingerprint
from scripts.settings import Settings
from scripts.state import (
    Holder,
    LocalState,
    Lock,
    Presence,
    State,
    agreement,
    other_state_of,
    state_of,
)
from scripts.state.lock import unlock_command
from scripts.steps import NothingToDo, Steps
from scripts.target import Target, aws_target, local_credentials, local_target
from scripts.terraform import SavedPlan, Terraform, events, workspace
from scripts.terraform.workspace import Workspace

if TYPE_CHECKING:
    from scripts.inventory import Inventory
    from scripts.losses import Losses
    from scripts.smoke import Report


class Session:
    """One command's connections and findings."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self.settings = settings
        self.console = console
        self.steps = Steps(console)
        self.record = LastDeployFile(settings)
        self.target: Target
        self.workspace: Workspace
        self.terraform: Terraform
        self.planned: SavedPlan
        self.deployed = False
        """Whether there is a state."""
        self.unchanged: LastDeploy | None = None
        """The last deploy, when nothing that it depends on has changed since (local target only)."""
        self._registry_url = ""
        self._variables: dict[str, Any] | None = None
        self._image_tag = ""
        self._fingerprint = ""
        self._warnings: set[str] = set()
        self._stack = ExitStack()

    @contextmanager
    def opened(self) -> Iterator[Session]:
        """Close what the steps have opened: the saved plan, which holds secrets."""
        with self._stack:
            yield self

    @property
    def local(self) -> bool:
        """Whether this is a rehearsal."""
        return self.settings.target == "local"

    # --- Steps ------------------------------------------------------------------------------------

    def check_tools(self) -> str | None:
        """The programs that the run needs."""
        self._require(preflight.tools(self.settings))
        return None

    def check_terraform(self) -> str | None:
        """The one program that a destroy needs."""
        self._require(preflight.terraform(self.settings))
        return None

    @property
    def state(self) -> State:
        """Where Terraform's state lives. Known once the target is open."""
        return state_of(self.settings, self.target.aws)

    def connect(self) -> str | None:
        """Open the target; the real account only if the credentials are of the right one."""
        note = self.open_target()
        if not self.local:
            self._require(preflight.account(self.settings, self.target))
        return note

    def open_target(self) -> str | None:
        """Start the embedded AWS unless it runs, or take the real account's credentials as they are."""
        if not self.local:
            self.target = aws_target(self.settings)
            return None
        from scripts.local.process import LocalTarget

        process = LocalTarget(self.settings)
        was_running, died = process.status() is not None, process.died()
        running = process.up()
        self.target = local_target(
            self.settings, local_credentials(self.settings), endpoint=running.endpoint, base_url=running.url
        )
        self._registry_url = running.registry_url
        if died:
            self.console.warn(f"The embedded AWS had crashed and was started again. {process.obituary()}")
        from scripts.image.engine import home

        return f"{'was running' if was_running else 'started'}; {home(self.settings)}"

    def check_references(self, *, to_deploy: bool) -> str | None:
        """Everything that the configuration refers to and does not create; whether the caller may deploy.

        Args:
            to_deploy: False for a plan, whose caller need not be allowed to.
        """
        from scripts import app_config

        if app_config.is_unpushed(self.settings, self.target):
            self.console.warn("librechat.config is not what the bucket holds. To deploy it: inv config.push")
        if self.local and self._is_unchanged():
            raise NothingToDo  # it was found at the last deploy of the same project
        self._require(preflight.references(self.settings, self.target, to_deploy=to_deploy))
        return None

    def prepare_configuration(self) -> str | None:
        """Refresh the copy that Terraform runs in; nothing to do for the real account."""
        if not self.local:
            self.workspace = workspace.in_place(self.settings)
            raise NothingToDo
        self.workspace = workspace.local_copy(self.settings, self._registry_url)
        return _modules(self.workspace)

    def prepare_state(self) -> str | None:
        """Make the home of the state if it is missing; notice a lost embedded AWS."""
        state = self.state
        created = state.ensure()
        self._refuse_other_backend()
        self.deployed = not created and state.has_state()
        self._notice_loss()
        self._refuse_orphans()
        if self.local and self.deployed and self._is_unchanged():
            self.unchanged = self.record.read()
        return f"made {state.home}" if created else None

    def find_state(self) -> str | None:
        """Look for a state without making its home."""
        state = self.state
        self._refuse_other_backend()
        self.deployed = state.exists() and state.has_state()
        self._notice_loss()
        return None if self.deployed else "nothing is deployed"

    def find_state_to_plan(self) -> str | None:
        """The same for a plan without the lock, which needs the home and must not make it.

        Raises:
            DeployError: with `ExitStatus.PREFLIGHT_FAILED`, when it is not there.
        """
        state = self.state
        if not state.exists():
            raise DeployError(
                f"There is no state to plan against: {state.home} does not exist",
                "A plan without the lock writes nothing, so it does not make it.",
                f"Deploy once: inv deploy --target {self.settings.target}",
                status=ExitStatus.PREFLIGHT_FAILED,
            )
        return self.find_state()

    def init(self) -> str | None:
        """``terraform init``, when what it reads has changed."""
        return self._init(self.variables())

    def init_to_read(self) -> str | None:
        """The same for reading outputs and for destroying, which need no sources to deploy from."""
        return self._init(self._fixed_variables())

    def init_to_bring_back(self, image_tag: str, client: str) -> str | None:
        """The same for a rollback: image and client exist already, so no sources are needed."""
        from scripts import app_config

        return self._init(
            self._fixed_variables()
            | {
                "config_version": app_config.version_to_deploy(self.settings, self.target),
                "frontend_hash": client,
                "image_tag": image_tag,
            }
        )

    def init_as_deployed(self, image_tag: str) -> str | None:
        """The same by the variables of what is deployed, whose image is one of another working tree.

        With the tree's own tag, Terraform would ask the repository for an image that no deploy has pushed.
        """
        return self._init(self._fixed_variables() | ({"image_tag": image_tag} if image_tag else {}))

    def plan(self) -> str | None:
        """``terraform plan``."""
        return self._plan(destroy=False)

    def plan_without_lock(self) -> str | None:
        """The same, only to be read: nothing is written to the state's home, not even the lock."""
        if lock := self.state.lock():
            self.console.warn(
                f"The state is locked by {lock.described()}. The plan may show that run's own work."
            )
        return self._plan(destroy=False, lock=False)

    def plan_of(self, targets: Sequence[str]) -> str | None:
        """``terraform plan`` of these resources, and what they depend on, alone."""
        return self._plan(destroy=False, targets=targets)

    def plan_destroy(self) -> str | None:
        """``terraform plan -destroy``."""
        return self._plan(destroy=True)

    def build_frontend(self) -> str | None:
        """The client, built or found built."""
        from scripts import frontend

        dist = frontend.build(self.settings, frontend.notices(self.console))
        return "cached" if dist.cached else f"from {dist.name}"

    def build_image(self) -> str | None:
        """The function's image, built or found built."""
        from scripts import image

        return "cached" if image.build(self.settings).cached else None

    # --- Shared by the commands -------------------------------------------------------------------

    def notice(self, event: events.Event) -> None:
        """Show a warning of Terraform whole, once."""
        if isinstance(event, events.Diagnostic) and event.severity == "warning":
            if self.local and event.summary.startswith("Incomplete lock file"):
                return  # the lock of the copy under .local never leaves this machine
            if event.summary in _OF_TARGETS:
                return
            text = event.render().removeprefix("Warning: ")
            if text not in self._warnings:
                self._warnings.add(text)
                self.console.warn(text)

    def smoke(self, outputs: Mapping[str, Any], console: Console | None = None) -> Report:
        """Check what is deployed, telling each finding to `console`."""
        from scripts import smoke

        return smoke.run(self.target, self.settings, outputs, console or self.console)

    def take_inventory(self) -> Inventory:
        """Look into the account for what is ours."""
        from scripts import inventory

        return inventory.take(self.target.aws, self.settings)

    def count_losses(self, history: str) -> Losses:
        """What a destroy loses; `history`: of the state, when that goes too."""
        from scripts import losses

        return losses.count(self.target.aws, self.settings, history)

    def end_local(self) -> None:
        """Stop the embedded AWS."""
        from scripts.local.process import LocalTarget

        if LocalTarget(self.settings).down():
            self.console.say("The embedded AWS has stopped; its logs stay. `inv deploy` starts it again.")

    def url(self, outputs: Mapping[str, Any]) -> str:
        """Where a person opens the deployment."""
        return self.target.base_url or str(outputs.get("url", ""))

    def fingerprint(self) -> str:
        """Hash of all that the deployment depends on, read once a run."""
        if not self._fingerprint:
            self._fingerprint = fingerprint(self.settings, self.variables(), self.image_tag())
        return self._fingerprint

    def image_tag(self) -> str:
        """The image's content tag, as Terraform computes it from the variables of this run."""
        if not self._image_tag:
            from scripts import image

            self._image_tag = image.image_tag(self.settings, self.variables()["base_image"])
        return self._image_tag

    def variables(self) -> dict[str, Any]:
        """Terraform's input variables beyond the tfvars. They pass as ``TF_VAR_*``."""
        if self._variables is None:
            from scripts import app_config, frontend, image

            self._variables = self._fixed_variables() | {
                "config_version": app_config.version_to_deploy(self.settings, self.target),
                "frontend_hash": frontend.source_hash(self.settings),
                # Terraform computes the content tag from it: a packed image has another base.
                "base_image": image.base_image(self.settings),
            }
        return self._variables

    def heed_lock(self) -> None:
        """Say who holds the lock before waiting for it; on the local target remove that of a dead run."""
        lock = self.state.lock()
        if lock is None:
            return
        if self.local and self.lock_holder(lock).presence is Presence.GONE and self.state.release(lock):
            self.console.warn(f"Removed the state lock of a run that was killed: {lock.described()}.")
            return
        self.console.warn(
            f"The state is locked by {lock.described()}. Waiting up to {self.settings.state.lock_timeout}."
        )

    def lock_holder(self, lock: Lock) -> Holder:
        """Whether the holder of the lock is still there."""
        # Only the copy under .local works on the embedded AWS's state; to AWS anybody may speak.
        return self.state.holder(lock, self.workspace.directory, only_here=self.local)

    # --- Helpers ----------------------------------------------------------------------------------

    def _require(self, report: preflight.Report) -> None:
        """Stop at a failed check; say what only deserves a warning."""
        for check in report.warnings:
            self.console.warn(f"{check.name}: {check.found}. {check.remedy}")
        report.require()

    def _is_unchanged(self) -> bool:
        last = self.record.read()
        return last is not None and last.fingerprint == self.fingerprint()

    def _refuse_other_backend(self) -> None:
        """Go no further when something is deployed with the state of the backend that is not chosen."""
        other = other_state_of(self.settings, self.target.aws)
        try:
            theirs = other.head() if other.exists() else None
        except DeployError as error:  # not ours to read: whoever chose the other backend may know
            self.console.warn(f"Whether there is also a state in {other.where} is not known: {error.what}.")
            return
        if theirs is None or not theirs.resources:
            return
        if agreement.unknown_to(self.state.head(), theirs):
            self.state.ensure()  # the migration needs it, and the configuration with the chosen backend
            with suppress(NothingToDo):
                self.prepare_configuration()
            raise agreement.elsewhere(self.settings, other.where, theirs, self.workspace)
        if isinstance(other, LocalState):  # it would look like a second deployment once ours has changed
            aside = other.put_aside("migrated")
            self.console.say_plain(f"The state is in {self.state.where} now; the old one is {aside}.")

    def _notice_loss(self) -> None:
        if self.local and isinstance(self.state, LocalState):
            self._compare_with_embedded(self.state)
            return
        last = self.record.read() if self.local else None
        # Another run's first apply saves its state only after a while.
        if last is not None and not self.deployed and self.state.lock() is None:
            self.console.warn(
                f"The embedded AWS was lost since the deploy of {last.at}: Terraform's state and the "
                "resources lived in it and are gone together. Starting clean."
            )
            self.record.forget()

    def _refuse_orphans(self) -> None:
        """Go no further when the embedded AWS holds what the state in a directory does not know."""
        state = self.state
        if not (self.local and isinstance(state, LocalState)):
            return
        from scripts import inventory

        head = state.head()
        if (head and head.resources) or state.held_by():  # another run's first apply is under way
            return
        if inventory.anything(self.target.aws, self.settings):
            raise agreement.orphaned(self.settings, state)

    def _compare_with_embedded(self, state: LocalState) -> None:
        """A state in a directory and the embedded AWS live and die apart."""
        from scripts import inventory

        if aside := agreement.outlived(state, lambda: inventory.anything(self.target.aws, self.settings)):
            self.console.warn(
                "The embedded AWS was lost, and the state speaks of nothing that is there. It was put aside "
                f"as {aside}. Starting clean."
            )
            self.deployed = False
            self.record.forget()

    def _fixed_variables(self) -> dict[str, Any]:
        settings = self.settings
        fixed = {
            "target": settings.target,
            "environment": settings.environment,
            "aws_region": settings.aws.region,
            "image_platform": settings.image.platform,
            "librechat_version": settings.librechat.version,
            "releases_to_keep": settings.releases.keep,
        }
        # The copy under .local is not the checkout.
        return fixed | ({"project_root": str(settings.project_root)} if self.local else {})

    def _init(self, variables: Mapping[str, Any]) -> str | None:
        place, settings = self.workspace, self.settings
        self.terraform = Terraform(
            place.directory,
            binary=settings.terraform.binary,
            environment={**self.target.environment, **place.environment},
            variables=variables,
            parallelism=settings.terraform.parallelism,
            lock_timeout=settings.state.lock_timeout,
            unlock=unlock_command(settings),
        )
        if place.initialised:
            return "up to date"
        place.before_init()
        # A backend of another type is left without a question: its state is known to hold nothing more.
        changed = place.remembered_backend not in ("", settings.state.backend)
        self.terraform.init(place.backend_config, reconfigure=self.local or changed, on_event=self.notice)
        place.after_init()
        return None

    def _plan(self, *, destroy: bool, targets: Sequence[str] = (), lock: bool = True) -> str | None:
        if lock:
            self.heed_lock()
        planning = self.terraform.plan(destroy=destroy, targets=targets, lock=lock, on_event=self.notice)
        self.planned = self._stack.enter_context(planning)
        return None


_OF_TARGETS = ("Resource targeting is in effect", "Applied changes may be incomplete")
"""Terraform's warnings of ``-target``: a rollback means to leave the rest as it is."""


def target_as_it_is(settings: Settings) -> Target:
    """The target of a task that a provisioner of Terraform calls: nothing is started.

    Inside a deploy the environment names the embedded AWS; a person's own call finds it running.

    Raises:
        DeployError: when the embedded AWS does not run.
    """
    if settings.target == "aws":
        return aws_target(settings)
    from scripts.local.process import LocalTarget

    endpoint, url = os.environ.get("AWS_ENDPOINT_URL", ""), ""
    if not endpoint:
        running = LocalTarget(settings).status()
        if running is None:
            raise DeployError("The embedded AWS does not run", next_step="Start it: inv local.up")
        endpoint, url = running.endpoint, running.url
    return local_target(settings, local_credentials(settings), endpoint=endpoint, base_url=url)


def _modules(place: Workspace) -> str:
    return "stand-in modules" if place.modules == "bundled" else "modules of registry.terraform.io"
