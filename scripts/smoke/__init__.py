"""Smoke checks: does what was deployed keep the specification's promises, seen by a viewer?

Everything goes through the public address, as a browser does it; nothing is read from Terraform or
from the account but where to look, which limits are configured, and the function's log once something has
failed. With nothing but an address the rest is "not checked".
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from scripts.aws import Aws
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from scripts.smoke import deployed, interruption, logs
from scripts.smoke.checks import ALL
from scripts.smoke.client import Client
from scripts.smoke.deployed import Deployed
from scripts.smoke.distribution import wait_until_deployed
from scripts.smoke.model import Status, failed, passed
from scripts.smoke.options import Options
from scripts.smoke.report import Finding, Report
from scripts.smoke.runner import reach, run_checks
from scripts.smoke.site import Site
from scripts.target import Target

__all__ = [
    "ALL",
    "Finding",
    "Options",
    "Report",
    "Subject",
    "answered",
    "check",
    "run",
    "subject_at",
    "subject_of",
    "unanswered",
    "wait",
]

# The function may have failed before the run, while the deployment waited for it.
_LOG_SECONDS = 900.0

_ADDRESS = ("US1.1", "the address answers")
"""What stands for all checks when nothing listens."""


@dataclass(frozen=True)
class Subject:
    """What is checked, and what is known of it.

    Attributes:
        url: Where the viewer reaches it.
        settings: Budgets.
        outputs: Terraform's outputs by name, as plain values.
        aws: Its account; None when nothing but the address is known.
        endpoint: The AWS endpoint of the embedded account; empty for the real one.
        patience: Seconds to go on trying until something listens at the address.
        release: Id of the release that is live, where a record tells.
    """

    url: str
    settings: Settings
    outputs: Mapping[str, Any] = field(default_factory=dict)
    aws: Aws | None = field(default=None, repr=False)
    endpoint: str = ""
    patience: float = 0.0
    release: str = ""

    @property
    def remote(self) -> bool:
        """Whether it is on another machine: only then the proxies of this one apply."""
        host = urlsplit(self.url).hostname or ""
        try:
            return not ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host != "localhost"

    def ask_account(self) -> Deployed | None:
        """What the account says is deployed; blocks. None without an account."""
        if self.aws is None:
            return None
        return replace(deployed.read(self.aws, self.outputs), release=self.release)


def subject_of(
    target: Target, settings: Settings, outputs: Mapping[str, Any], *, release: str = ""
) -> Subject:
    """The deployment of a target. Its base URL goes before Terraform's ``url``.

    Raises:
        DeployError: with `ExitStatus.SMOKE_FAILED` when neither is known.
    """
    url = target.base_url or str(outputs.get("url") or "")
    if not url:
        raise DeployError(
            "There is nothing to check",
            "Terraform has no output named url, so nothing is deployed.",
            "Run `inv deploy` first.",
            status=ExitStatus.SMOKE_FAILED,
        )
    return Subject(
        url,
        settings,
        outputs,
        target.aws,
        endpoint=target.environment.get("AWS_ENDPOINT_URL", ""),
        # A new DNS record takes a while to be known everywhere.
        patience=settings.smoke.cold_start if target.name == "aws" else 0.0,
        release=release,
    )


def subject_at(base_url: str, settings: Settings) -> Subject:
    """Any deployment, of which only the address is known."""
    return Subject(base_url, settings)


def run(target: Target, settings: Settings, outputs: Mapping[str, Any], console: Console) -> Report:
    """Check what a deploy has just brought live, with the basic checks.

    Args:
        target: Which account.
        settings: Budgets.
        outputs: Terraform's outputs by name, as plain values.
        console: Takes every finished check as an event.

    Raises:
        DeployError: as `subject_of` and `check`.
    """
    subject = subject_of(target, settings, outputs)
    wait(subject, console)
    return check(subject, Options(), lambda finding: console.event("smoke.check", **finding.to_json()))


def wait(subject: Subject, console: Console) -> None:
    """Return when CloudFront's edge locations serve the distribution as it is configured.

    Raises:
        DeployError: as `wait_until_deployed`.
    """
    distribution = subject.outputs.get("cloudfront_distribution_id")
    if subject.aws is not None and distribution:
        wait_until_deployed(subject.aws, str(distribution), console)


def check(
    subject: Subject, options: Options, finished: Callable[[Finding], None] = lambda finding: None
) -> Report:
    """Check a deployment once.

    Args:
        subject: The deployment.
        options: Which checks.
        finished: Called with every finding as it comes.

    Raises:
        DeployError: with `ExitStatus.SMOKE_FAILED` when nothing answers at the address. A deployment that
            misbehaves is a report that is not `ok`.
    """
    began = time.time()
    report = interruption.run(_check(subject, options, finished))
    log_group = str(subject.outputs.get("function_log_group") or "")
    if subject.aws and log_group and any(finding.by_function for finding in report.of(Status.FAILED)):
        lines = logs.tail(subject.aws, log_group, since=began - _LOG_SECONDS)
        report = replace(report, function_log=lines)
    return report


def unanswered(subject: Subject, options: Options, error: DeployError) -> Report:
    """The report of a run that came to nothing, as `check` raised it: for files, and for a watch."""
    reason = ". ".join(part.rstrip(".") for part in (error.what, error.why, error.next_step) if part) + "."
    finding = Finding(*_ADDRESS, failed("no answer", "an answer", reason=reason), 0.0)
    return Report(subject.url, (finding,), 0.0, started=_iso(datetime.now(UTC)), options=options)


def answered(report: Report) -> Report:
    """The report of a run after one that was `unanswered`: that it has an answer again is news."""
    finding = Finding(*_ADDRESS, passed("an answer", "an answer"), 0.0)
    return replace(report, findings=(finding, *report.findings))


async def _check(subject: Subject, options: Options, finished: Callable[[Finding], None]) -> Report:
    checks = options.select(ALL)
    began, start = datetime.now(UTC), time.perf_counter()
    limit = subject.settings.smoke.timeout
    async with Client(subject.url, timeout=limit, use_proxies=subject.remote) as client:
        site = await reach(lambda: _site(client, subject), patience=subject.patience)
        findings = await run_checks(site, checks, finished)
        seconds = time.perf_counter() - start
        known = await site.deployed()
    return Report(
        subject.url,
        findings,
        seconds,
        started=_iso(began),
        deployed=known,
        options=options,
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _site(client: Client, subject: Subject) -> Site:
    # The tfvars are those of this checkout; of a deployment that is only an address they say nothing.
    known = subject.aws is not None
    return Site(
        client,
        subject.settings.smoke,
        subject.outputs,
        endpoint=subject.endpoint,
        ask_account=subject.ask_account if known else None,
        replaced_domain=str(subject.settings.tfvars.get("replaced_domain", "")) if known else "",
        aws=subject.aws,
    )
