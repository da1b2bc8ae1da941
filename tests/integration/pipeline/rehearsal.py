"""Sessions whose account is a folder, and whose Terraform is real."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts import pipeline
from scripts.aws import Aws
from scripts.console import Console
from scripts.errors import ExitStatus
from scripts.inventory import Inventory, Leftover
from scripts.losses import Loss, Losses
from scripts.session import Session
from scripts.settings import Settings
from scripts.smoke import Finding, Report
from scripts.smoke.model import failed, passed
from scripts.state import LocalState
from scripts.target import Target
from scripts.terraform import Terraform
from scripts.terraform.workspace import Workspace

FIRST = 'resource "terraform_data" "a" { input = 1 }\noutput "url" { value = "https://example.test" }\n'
CHANGED = FIRST.replace("input = 1", "input = 2")
REPLACED = FIRST + 'resource "terraform_data" "b" { triggers_replace = 1 }\n'


def report(ok: bool) -> Report:
    """A smoke report of one check."""
    crashed = failed("500", "200", reason="It crashed.", evidence="Set-Cookie: session=b1c2d3; Secure")
    found = passed("OK") if ok else crashed
    return Report("http://localhost:1", (Finding("SC-003", "/api/health answers OK", found, 0.1),), 0.1)


def state_of(settings: Settings) -> LocalState:
    """One for both targets, as there is only one Terraform configuration."""
    return LocalState(replace(settings, target="local"))


class NoAws(Aws):
    """Nobody to ask: what needs an account is replaced below, or does without."""

    def client(self, service: str, region: str | None = None) -> Any:
        raise ConnectionError(f"no {service} here")


class Rehearsal(Session):
    """A session whose account is a folder, and whose Terraform is real."""

    def __init__(self, settings: Settings, console: Console, root: Path) -> None:
        super().__init__(settings, console)
        self.root = root
        self.calls: list[str] = []
        self.reports: list[Report] = []
        self.left: tuple[Leftover, ...] = ()

    def check_tools(self) -> str | None:
        return None

    def connect(self) -> str | None:
        self.target = Target(self.settings.target, {}, NoAws(region="eu-west-1"), "http://localhost:1")
        return None

    def check_references(self, *, to_deploy: bool) -> str | None:
        return None

    @property
    def state(self) -> LocalState:
        return state_of(self.settings)

    def prepare_state(self) -> str | None:
        self.state.ensure()
        self.deployed = self.state.has_state()
        last = self.record.read()
        self.unchanged = last if last and last.fingerprint == self.fingerprint() else None
        return None

    find_state = prepare_state

    def build_frontend(self) -> str | None:
        self.calls.append("build frontend")
        return None

    def build_image(self) -> str | None:
        self.calls.append("build image")
        return None

    def prepare_configuration(self) -> str | None:
        self.workspace = Workspace(self.root, (), "bundled")
        return None

    def init(self) -> str | None:
        self.terraform = Terraform(self.root)
        self.terraform.init()
        return None

    init_to_read = init

    def plan(self) -> str | None:
        self.planned = self._stack.enter_context(self.terraform.plan())
        return None

    def plan_destroy(self) -> str | None:
        self.planned = self._stack.enter_context(self.terraform.plan(destroy=True))
        return None

    def variables(self) -> dict[str, Any]:
        return {"config_version": "", "frontend_hash": "client", "base_image": "base"}

    def fingerprint(self) -> str:
        return (self.root / "main.tf").read_text()

    def smoke(self, outputs: Mapping[str, Any], console: Console | None = None) -> Any:
        self.calls.append("early smoke" if console else "smoke")
        return self.reports.pop(0) if self.reports else report(True)

    def take_inventory(self) -> Inventory:
        return Inventory(self.left, {}, ("S3 bucket",))

    def count_losses(self, history: str) -> Losses:
        return Losses((Loss("the users' files", "files", 3, "object", 4_000_000),), history)

    def end_local(self) -> None:
        self.calls.append("end")


@dataclass
class Bench:
    """Makes one session after another over the same folder."""

    settings: Settings
    root: Path
    out: io.StringIO

    @property
    def state(self) -> LocalState:
        return state_of(self.settings)

    def configure(self, text: str) -> None:
        (self.root / "main.tf").write_text(text)

    def session(self, *, target: str = "local", yes: bool = False, json_lines: bool = False) -> Rehearsal:
        console = Console(stdout=self.out, stderr=self.out, assume_yes=yes, json_lines=json_lines)
        return Rehearsal(replace(self.settings, target=target), console, self.root)

    def deploy(self, **options: Any) -> Rehearsal:
        session = self.session(**options)
        assert pipeline.deploy(session) is ExitStatus.OK
        return session
