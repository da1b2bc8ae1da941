"""An account with one release after another: an image, its client and their records."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts import pipeline
from scripts.console import Console
from scripts.releases import Present, Release, open_store
from scripts.releases.store import Store
from scripts.settings import Settings
from scripts.state import LocalState
from scripts.terraform import Terraform
from tests.integration.pipeline.rehearsal import NoAws, Rehearsal, report

# The package's attribute of this name is the command.
rollback_module = importlib.import_module("scripts.pipeline.rollback")

ROOT_MODULE = """
variable "image_tag" { default = null }
variable "frontend_hash" { default = "none" }
variable "memory" { default = 1 }
locals { tag = coalesce(var.image_tag, trimspace(file("${path.module}/sources"))) }
resource "terraform_data" "image" { triggers_replace = [local.tag] }
resource "terraform_data" "function" { input = "${local.tag} ${terraform_data.image.id}" }
resource "terraform_data" "client" { triggers_replace = [var.frontend_hash] }
resource "terraform_data" "other" { input = var.memory }
output "url" { value = "https://example.test" }
output "image_tag" { value = split(" ", terraform_data.function.output)[0] }
output "image_uri" { value = "repository@sha256:${split(" ", terraform_data.function.output)[0]}" }
output "function_name" { value = "api" }
output "frontend_bucket" { value = "bucket" }
output "ecr_repository_url" { value = "repository" }
output "client" { value = terraform_data.client.triggers_replace[0] }
"""


class Deployment(Rehearsal):
    """Its sources are a file that names the image, and the name of the client."""

    def __init__(self, settings: Settings, console: Console, root: Path) -> None:
        super().__init__(settings, console, root)
        self.memory = 1

    def variables(self) -> dict[str, Any]:
        client = f"client-of-{(self.root / 'sources').read_text()}"
        return {"config_version": "v1", "frontend_hash": client, "base_image": "librechat:v1"}

    def image_tag(self) -> str:
        return (self.root / "sources").read_text()

    fingerprint = image_tag

    def init(self) -> str | None:
        return self._start(frontend_hash=self.variables()["frontend_hash"])

    def init_to_bring_back(self, image_tag: str, client: str) -> str | None:
        return self._start(frontend_hash=client, image_tag=image_tag)

    def plan_of(self, targets: Sequence[str]) -> str | None:
        self.planned = self._stack.enter_context(self.terraform.plan(targets=targets))
        return None

    def _start(self, **variables: Any) -> str | None:
        self.terraform = Terraform(self.root, variables=variables | {"memory": self.memory})
        self.terraform.init()
        return None


@dataclass
class Account:
    """Deploys one release after another; what is live is read from Terraform's state."""

    settings: Settings
    root: Path
    lost: set[str] = field(default_factory=set)
    base_digest: str = ""
    out: io.StringIO = field(default_factory=io.StringIO)

    @property
    def store(self) -> Store:
        return open_store(self.settings, NoAws(region="eu-west-1"))

    @property
    def live(self) -> tuple[str, str]:
        """Image and client."""
        outputs = json.loads(LocalState(self.settings).file.read_text())["outputs"]
        return outputs["image_tag"]["value"], outputs["client"]["value"]

    def look(self, aws: Any, releases: Sequence[Release]) -> Present:
        image, client = self.live
        images = {r.image.tag: f"sha256:{r.image.tag}" for r in releases if r.image.tag not in self.lost}
        clients = {r.client for r in releases} - self.lost
        return Present(f"sha256:{image}", client, images, clients)

    def session(self, *healthy: bool, yes: bool = False, json_lines: bool = False) -> Deployment:
        """A session whose smoke checks come out like this, one run after another; then healthy."""
        console = Console(stdout=self.out, stderr=self.out, assume_yes=yes, json_lines=json_lines)
        session = Deployment(self.settings, console, self.root)
        session.base_digest = self.base_digest
        session.reports = [report(ok) for ok in healthy]
        return session

    def deploy(self, sources: str, *healthy: bool, **options: Any) -> Deployment:
        (self.root / "sources").write_text(sources)
        session = self.session(*healthy)
        pipeline.deploy(session, **options)
        return session

    def newest(self) -> Release:
        return self.store.newest(1)[0]
