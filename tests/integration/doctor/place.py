"""A seeded account, the checks of it, and what one check says."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts import preflight
from scripts.aws import Aws
from scripts.preflight import Check, Report
from scripts.settings import PROJECT_ROOT, Settings
from scripts.target import Target
from tests.integration.conftest import Emulator

TFVARS_PATH = PROJECT_ROOT / "infrastructure/terraform/environments/dev/terraform.tfvars.json"
TFVARS = json.loads(TFVARS_PATH.read_text())
OTHER = "111111111111"
"""Somebody else's account."""

PATIENCE = 120.0
"""A busy machine must not turn an answer into "no answer"."""


@dataclass
class Place:
    """A seeded account, and the checks of it.

    Attributes:
        directory: Where the tfvars of one check are put.
    """

    emulator: Emulator
    settings: Settings
    directory: Path

    @property
    def aws(self) -> Aws:
        return self.emulator.aws

    def doctor(self, aws: Aws | None = None, **tfvars: Any) -> Report:
        """All checks, with some values of the environment replaced."""
        target = Target("local", {}, aws or self.aws)
        return preflight.everything(self.changed(**tfvars), target, patience=PATIENCE)

    def references(self, **tfvars: Any) -> Report:
        """The checks of what the configuration refers to, as a deploy takes them."""
        return preflight.references(self.changed(**tfvars), Target("local", {}, self.aws))

    def changed(self, **tfvars: Any) -> Settings:
        path = self.directory / "environments" / "dev" / "terraform.tfvars.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(TFVARS | tfvars))
        return replace(
            self.settings, terraform=replace(self.settings.terraform, directory=str(self.directory))
        )

    def user(self, name: str, *statements: dict[str, Any]) -> Aws:
        """A user who may do what the statements say."""
        iam = self.aws.client("iam")
        iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return self.emulator.as_key(key["AccessKeyId"], key["SecretAccessKey"])


def check(report: Report, name: str) -> Check:
    return next(found for found in report.checks if found.name == name)


def only_failed(report: Report, name: str) -> Check:
    """The one check that failed."""
    assert [found.name for found in report.failed] == [name]
    return check(report, name)
