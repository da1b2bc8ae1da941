"""What the commands have in common: a target to talk to, a state, an initialised Terraform, a plan.

Each method is the work of one step (`scripts.steps`) and leaves its result in the session; the order
of the steps is the command's business (`scripts.pipeline`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from scripts import preflight
from scripts.console import Console
from scripts.errors import DeployError
from scripts.last_deploy import LastDeploy, LastDeployFile, fingerprint
from scripts.settings import Settings
from scripts.state import StateBucket
from scripts.steps import NothingToDo, Steps
from scripts.target import Target, aws_target, local_target
from scripts.terraform import SavedPlan, Terraform, events, workspace
from scripts.terraform.workspace import Workspace

if TYPE_CHECKING:
    from scripts.inventory import Inventory
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
        self._fingerprint = ""
        self._reading = threading.Lock()
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
        preflight.tools(self.settings).require()
        return None

    def connect(self) -> str | None:
        """Open the target; the real account only if the credentials are of the right one."""
        note = self.open_target()
        if not self.local:
            preflight.account(self.settings, self.target).require()
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
        self.target = local_target(self.settings, endpoint=running.endpoint, base_url=running.url)
        self._registry_url = running.registry_url
        if died:
            self.console.warn(f"The embedded AWS had crashed and was started again. {process.obituary()}")
        from scripts.image.engine import home

        return f"{'was running' if was_running else 'started'}; {home(self.settings)}"

    def check_references(self) -> str | None:
        """Everything that the configuration refers to and does not create."""
        if self.local and self._is_unchanged():
            raise NothingToDo  # it was found at the last deploy of the same project
        preflight.references(self.settings, self.target).require()
        return None

    def prepare_configuration(self) -> str | None:
        """Refresh the copy that Terraform runs in; nothing to do for the real account."""
        if not self.local:
            self.workspace = workspace.in_place(self.settings)
            raise NothingToDo
        self.workspace = workspace.local_copy(self.settings, self._registry_url)
        return _modules(self.workspace)

    def prepare_state(self) -> str | None:
        """Make the state bucket if it is missing; notice a lost embedded AWS."""
        state = StateBucket(self.target.aws, self.settings)
        created = state.ensure()
        self.deployed = not created and state.has_state()
        self._notice_loss()
        if self.local and self.deployed and self._is_unchanged():
            self.unchanged = self.record.read()
        return f"made {state.bucket}" if created else None

    def find_state(self) -> str | None:
        """Look for a state without making its bucket."""
        state = StateBucket(self.target.aws, self.settings)
        self.deployed = state.exists() and state.has_state()
        self._notice_loss()
        return None if self.deployed else "nothing is deployed"

    def init(self) -> str | None:
        """``terraform init``, when what it reads has changed."""
        return self._init(self.variables())

    def init_to_read(self) -> str | None:
        """The same for reading outputs and for destroying, which need no sources to deploy from."""
        return self._init(self._fixed_variables())

    def plan(self) -> str | None:
        """``terraform plan``."""
        return self._plan(destroy=False)

    def plan_destroy(self) -> str | None:
        """``terraform plan -destroy``."""
        return self._plan(destroy=True)

    def build_frontend(self) -> str | None:
        """The client, built or found built."""
        from scripts import frontend

        return "cached" if frontend.build(self.settings).cached else None

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
            text = event.render().removeprefix("Warning: ")
            if text not in self._warnings:
                self._warnings.add(text)
                self.console.warn(text)

    def outputs(self) -> dict[str, Any]:
        """Terraform's outputs.

        Raises:
            DeployError: when nothing is deployed.
        """
        values = self.terraform.output() if self.deployed else {}
        if not values:
            raise DeployError(
                f"Nothing is deployed on the target {self.settings.target}",
                "The state has no outputs.",
                f"Deploy first: inv deploy --target {self.settings.target}",
            )
        return values

    def smoke(self, outputs: Mapping[str, Any], console: Console | None = None) -> Report:
        """Check what is deployed, telling each finding to `console`."""
        from scripts import smoke

        return smoke.run(self.target, self.settings, outputs, console or self.console)

    def take_inventory(self) -> Inventory:
        """Look into the account for what is ours."""
        from scripts import inventory

        return inventory.take(self.target.aws, self.settings)

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
        from scripts import image

        variables = self.variables()
        with self._reading:  # two steps ask for it side by side
            if not self._fingerprint:
                self._fingerprint = fingerprint(self.settings, variables, image.image_tag(self.settings))
        return self._fingerprint

    def variables(self) -> dict[str, Any]:
        """Terraform's input variables beyond the tfvars. They pass as ``TF_VAR_*``."""
        if self._variables is None:
            from scripts import frontend, image

            self._variables = self._fixed_variables() | {
                "frontend_hash": frontend.source_hash(self.settings),
                # Terraform computes the content tag from it: a packed image has another base.
                "base_image": image.base_image(self.settings),
            }
        return self._variables

    # --- Helpers ----------------------------------------------------------------------------------

    def _is_unchanged(self) -> bool:
        last = self.record.read()
        return last is not None and last.fingerprint == self.fingerprint()

    def _notice_loss(self) -> None:
        last = self.record.read() if self.local else None
        if last is not None and not self.deployed:
            self.console.warn(
                f"The embedded AWS was lost since the deploy of {last.at}: Terraform's state and the "
                "resources lived in it and are gone together. Starting clean."
            )
            self.record.forget()

    def _fixed_variables(self) -> dict[str, Any]:
        settings = self.settings
        fixed = {
            "target": settings.target,
            "environment": settings.environment,
            "aws_region": settings.aws.region,
            "image_platform": settings.image.platform,
            "librechat_version": settings.librechat.version,
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
        )
        if place.initialised:
            return "up to date"
        place.before_init()
        self.terraform.init(place.backend_config, reconfigure=self.local, on_event=self.notice)
        place.after_init()
        return None

    def _plan(self, *, destroy: bool) -> str | None:
        self._heed_lock()
        planning = self.terraform.plan(destroy=destroy, on_event=self.notice)
        self.planned = self._stack.enter_context(planning)
        return None

    def _heed_lock(self) -> None:
        """Say who holds the lock before waiting for it; on this machine remove that of a dead run."""
        lock = StateBucket(self.target.aws, self.settings).lock()
        if lock is None:
            return
        if self.local and not self.terraform.running():
            self.terraform.force_unlock(lock.id)
            self.console.warn(
                f"Removed the state lock of a run that was killed ({lock.who}, {lock.created})."
            )
            return
        self.console.warn(
            f"{lock.who} holds the state lock since {lock.created} ({lock.operation}); "
            f"waiting up to {self.settings.state.lock_timeout}."
        )


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
    return local_target(settings, endpoint=endpoint, base_url=url)


def _modules(place: Workspace) -> str:
    return "stand-in modules" if place.modules == "bundled" else "modules of registry.terraform.io"
