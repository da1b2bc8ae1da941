"""What `inv status` says: facts that can be had without starting or changing anything.

Outputs are read from the state itself and not by Terraform: a look must not need ``terraform init``,
which on a fresh machine downloads the provider. What runs is asked of the account (the function, the
bucket), for a record only says what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from scripts import daemons, preflight
from scripts.last_deploy import LastDeployFile
from scripts.settings import Settings
from scripts.state import Lock, state_of
from scripts.target import Target, aws_target, local_credentials, local_target

if TYPE_CHECKING:
    from rich.console import RenderableType

    from scripts.releases import Present, Release
    from scripts.terraform.drift import Drift

HEALTH_SECONDS = 10.0
"""For one GET. A cold start may take longer, and is the smoke checks' business."""


class Health(StrEnum):
    """The answer of ``/api/health``."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Embedded:
    """The embedded AWS. `state` is ``running``, ``stopped`` or ``crashed``."""

    state: str
    pid: int = 0
    url: str = ""
    endpoint: str = ""


@dataclass(frozen=True)
class Status:
    """Everything. An `Outcome` of the console.

    Attributes:
        account: Id of the account that the settings name.
        embedded: The embedded AWS; None on the real account.
        deployed: Whether there are resources; None when nobody could look.
        unfinished: The last deploy to the embedded AWS did not end.
        state: Where Terraform's state is.
        resources: Number of resources in it.
        lock: Who holds it.
        outputs: Terraform's outputs.
        live: The release whose image and client are live, when a record tells.
        digest: Of the image that the function runs, as the account says; else as Terraform left it.
        client: Hash of the client that is served.
        config_version: Version of librechat.yaml that the function was told.
        health: With what was found.
        drift: None: not looked for.
        problems: What could not be found out, and why.
    """

    target: str
    environment: str
    region: str
    account: str
    embedded: Embedded | None = None
    deployed: bool | None = None
    unfinished: bool = False
    state: str = ""
    resources: int = 0
    lock: Lock | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    live: Release | None = None
    digest: str = ""
    client: str = ""
    config_version: str = ""
    health: tuple[Health, str] = (Health.NOT_CHECKED, "nothing is deployed")
    drift: Drift | None = None
    problems: tuple[str, ...] = ()

    type = "status"

    @property
    def url(self) -> str:
        """Where a person opens it."""
        return (self.embedded.url if self.embedded else "") or str(self.outputs.get("url", ""))

    def to_json(self) -> dict[str, Any]:
        """Everything; null where it is not known."""
        embedded, live = self.embedded, self.live
        return {
            "target": self.target,
            "environment": self.environment,
            "region": self.region,
            "account": self.account,
            "embedded_aws": {
                "state": embedded.state,
                "pid": embedded.pid or None,
                "url": embedded.url or None,
                "endpoint": embedded.endpoint or None,
            }
            if embedded
            else None,
            "deployed": self.deployed,
            "unfinished": self.unfinished,
            "state": {
                "where": self.state or None,
                "resources": self.resources,
                "lock": self.lock.to_json() if self.lock else None,
            },
            "url": self.url or None,
            "release": {
                "id": live.id,
                "at": live.ended,
                "by": live.by.name,
                "kind": str(live.kind),
                "ending": str(live.ending),
                "revision": live.revision.commit,
                "dirty": live.revision.dirty,
            }
            if live
            else None,
            "image": {"tag": self.outputs.get("image_tag"), "digest": self.digest or None},
            "client": self.client or None,
            "config_version": self.config_version or None,
            "librechat": live.versions.librechat or None if live else None,
            "health": {"status": str(self.health[0]), "found": self.health[1]},
            "drift": {
                "status": _drift_status(self.drift),
                "resources": [resource.address for resource in self.drift.resources] if self.drift else [],
            },
            "problems": list(self.problems),
        }

    def __rich__(self) -> RenderableType:
        """Two columns; what is not known says so."""
        from rich.text import Text

        rows = self._rows()
        width = max(len(name) for name, *_ in rows)
        lines = [
            Text.assemble((f"{name:<{width}}", "bold"), "  ", (value, style)) for name, value, style in rows
        ]
        lines += [Text(f"Not known: {problem}", "yellow") for problem in self.problems]
        return Text("\n").join(lines)

    def _rows(self) -> list[tuple[str, str, str]]:
        """Name, text and style."""
        rows: list[tuple[str, str, str]] = []

        def row(name: str, value: str, style: str = "") -> None:
            rows.append((name, value, style))

        row("target", f"{self.target}, environment {self.environment}, {self.region}, account {self.account}")
        if embedded := self.embedded:
            where = f", pid {embedded.pid}, AWS API {embedded.endpoint}" if embedded.pid else ""
            crashed = "; see inv local.logs, or start it: inv local.up" if embedded.state == "crashed" else ""
            styles = {"running": "green", "crashed": "bold red"}
            row("embedded AWS", f"{embedded.state}{where}{crashed}", styles.get(embedded.state, ""))
        if self.state:
            row("state", f"{self.state}, {self.resources} resources")
        if self.lock:
            row("locked by", self.lock.described(), "yellow")
        if self.unfinished:
            row("last deploy", "did not end; inv deploy goes on", "yellow")
        if not self.deployed:
            row("deployed", "nothing" if self.deployed is False else "not looked at: nothing was started")
            return rows
        row("url", self.url or "none yet", "underline")
        if live := self.live:
            made = f"{live.kind} of {live.ended} by {live.by.name}, {live.ending}"
            row("release", f"{live.id}, {made}, revision {live.revision.short}")
            row("LibreChat", live.versions.librechat or "not known")
        else:
            row("release", "no record tells what is live", "yellow")
        row("image", f"{self.outputs.get('image_tag', 'not known')}  {self.digest}".rstrip())
        row("client", self.client or "not known")
        row("librechat.yaml", self.config_version or "no version")
        style = {Health.OK: "green", Health.FAILED: "bold red"}.get(self.health[0], "")
        row("health", f"{self.health[0]}: {self.health[1]}", style)
        row("drift", self.drift.summary if self.drift else "not checked (inv drift, or inv status --drift)")
        return rows


def _drift_status(drift: Drift | None) -> str:
    if drift is None or (drift.incomplete and not drift.found):
        return "not checked"
    return "drifted" if drift.found else "none"


def collect(settings: Settings) -> Status:
    """Look at everything.

    Raises:
        DeployError: when the credentials are not of the right account.
    """
    empty = Status(settings.target, settings.environment, settings.aws.region, settings.aws.account_id)
    if settings.target == "aws":
        target = aws_target(settings)
        preflight.account(settings, target).require()
        return _deployment(settings, target, empty)
    return _local(settings, empty)


def _local(settings: Settings, empty: Status) -> Status:
    from scripts.local.process import LocalTarget

    process = LocalTarget(settings)
    last = LastDeployFile(settings).read()
    here = replace(empty, unfinished=last is not None and not last.fingerprint)
    running = process.status()
    if running is None:
        state = "crashed" if process.died() else "stopped"
        # Its account is where it was saved: only a look into a running one tells what it holds.
        return replace(here, embedded=Embedded(state), deployed=None if last else False)
    target = local_target(
        settings, local_credentials(settings), endpoint=running.endpoint, base_url=running.url
    )
    here = replace(here, embedded=Embedded("running", running.pid, running.url, running.endpoint))
    return _deployment(settings, target, here)


def _deployment(settings: Settings, target: Target, here: Status) -> Status:
    state = state_of(settings, target.aws)
    head = state.head() if state.exists() else None
    here = replace(here, state=state.where, lock=state.lock())
    if head is None or not head.resources:
        return replace(here, deployed=False)
    here = replace(here, deployed=True, resources=head.resources, outputs=head.outputs)
    asked = _Asked()
    health = daemons.start(partial(_health, here.url, remote=target.name == "aws"))
    function = daemons.start(lambda: asked("the function", lambda: _config_version(target, head.outputs), ""))
    nobody: _Live = (None, None)
    live, present = asked("the live release", lambda: _live(settings, target), nobody)
    terraforms = str(head.outputs.get("image_uri", "")).partition("@")[2]
    return replace(
        here,
        live=live,
        digest=(present.digest if present else "") or terraforms,
        client=present.client if present else "",
        config_version=function.result(),
        health=health.result(),
        problems=tuple(asked.problems),
    )


_T = TypeVar("_T")


class _Asked:
    """Asks the account, and remembers what it refused: a look shows what it can."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def __call__(self, what: str, ask: Callable[[], _T], otherwise: _T) -> _T:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return ask()
        except (BotoCoreError, ClientError) as error:
            self.problems.append(f"{what}: {error}")
            return otherwise


_Live = tuple["Release | None", "Present | None"]


def _live(settings: Settings, target: Target) -> _Live:
    from scripts import releases

    known = releases.open_store(settings, target.aws).newest()
    present = releases.look(target.aws, known)
    return releases.live(known, present), present


def _config_version(target: Target, outputs: Mapping[str, Any]) -> str:
    """From the function's own variables; no other of them is looked at."""
    name = outputs.get("function_name")
    if not name:
        return ""
    configuration = target.aws.client("lambda").get_function_configuration(FunctionName=name)
    return str(configuration.get("Environment", {}).get("Variables", {}).get("CONFIG_VERSION", ""))


def _health(url: str, *, remote: bool) -> tuple[Health, str]:
    """One GET of ``/api/health``. The body counts: without a route the answer is 200 and a page."""
    import httpx

    if not url:
        return Health.NOT_CHECKED, "there is no address yet"
    try:
        answer = httpx.get(f"{url}/api/health", timeout=HEALTH_SECONDS, trust_env=remote)
    except httpx.TimeoutException:
        return Health.FAILED, f"no answer within {HEALTH_SECONDS:.0f} s (inv smoke waits for a cold start)"
    except httpx.HTTPError as error:
        return Health.FAILED, str(error) or type(error).__name__
    if answer.status_code == 200 and answer.text.strip() == "OK":
        return Health.OK, f"answered in {answer.elapsed.total_seconds():.2f} s"
    return Health.FAILED, f"{answer.status_code}, {answer.text[:60].strip()!r} instead of OK"
