"""Smoke checks: does what was deployed keep the specification's promises, seen by a viewer?

Everything goes through the public address, as a browser does it; nothing is read from Terraform or
from the account but where to look, which limits are configured, and the function's log once something has
failed. With nothing but an address the rest is "not checked".
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scripts.console import Console
from scripts.errors import DeployError
from scripts.settings import Settings
from scripts.smoke import interruption, logs
from scripts.smoke.checks import ALL, domain
from scripts.smoke.client import Client
from scripts.smoke.deployed import Deployed
from scripts.smoke.distribution import wait_until_deployed
from scripts.smoke.model import Check, Result, Status, failed, not_checked, passed
from scripts.smoke.options import Options
from scripts.smoke.report import Finding, Report
from scripts.smoke.runner import reach, run_checks
from scripts.smoke.site import Site
from scripts.smoke.subject import Subject, is_remote, subject_at, subject_of
from scripts.target import Target

__all__ = [
    "ALL",
    "Finding",
    "Options",
    "Report",
    "Subject",
    "answered",
    "check",
    "interrupted",
    "is_remote",
    "run",
    "subject_at",
    "subject_of",
    "unanswered",
    "wait",
]

# The function may have failed before the run, while the deployment waited for it.
_LOG_SECONDS = 900.0
_LOG_PATIENCE_SECONDS = 5.0

_ADDRESS = ("US1.1", "the address answers")
"""What stands for all checks when nothing listens."""


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
    requests: set[str] = set()
    report = interruption.run(_check(subject, options, finished, requests))
    log_group = str(subject.outputs.get("function_log_group") or "")
    if subject.aws and log_group and any(finding.by_function for finding in report.of(Status.FAILED)):
        lines = logs.tail(
            subject.aws,
            log_group,
            since=began - _LOG_SECONDS,
            requests=requests,
            patience=_LOG_PATIENCE_SECONDS,
        )
        report = replace(report, function_log=lines)
    return report


def unanswered(subject: Subject, options: Options, error: DeployError) -> Report:
    """The report of a run that came to nothing, as `check` raised it: for files, and for a watch."""
    reason = ". ".join(part.rstrip(".") for part in (error.what, error.why, error.next_step) if part) + "."
    finding = Finding(*_ADDRESS, failed("no answer", "an answer", reason=reason), 0.0)
    return _report(subject, options, (finding,), 0.0, datetime.now(UTC))


def interrupted(subject: Subject, options: Options, findings: Collection[Finding], began: datetime) -> Report:
    """The report of a run that was ended before all checks were."""
    found = {(finding.id, finding.title) for finding in findings}
    left = (check for check in options.select(ALL) if (check.id, check.title) not in found)
    rest = _unchecked(left, "the run was interrupted before it")
    seconds = (datetime.now(UTC) - began).total_seconds()
    return _report(subject, options, (*findings, *rest), seconds, began)


def answered(report: Report) -> Report:
    """The report of a run after one that was `unanswered`: that it has an answer again is news."""
    finding = Finding(*_ADDRESS, passed("an answer", "an answer"), 0.0)
    return replace(report, findings=(finding, *report.findings))


async def _check(
    subject: Subject, options: Options, finished: Callable[[Finding], None], requests: set[str]
) -> Report:
    """One run; the ids of its requests are put into `requests`."""
    checks = options.select(ALL)
    others = [check for check in ALL if check not in checks]
    began, start = datetime.now(UTC), time.perf_counter()
    limit = subject.settings.smoke.timeout
    async with Client(subject.url, timeout=limit, use_proxies=subject.remote) as client:
        try:
            site = await reach(lambda: _site(client, subject), patience=subject.patience)
        except ssl.SSLCertVerificationError as error:
            findings = _untrusted(checks, domain.not_trusted(error))
            for finding in findings:
                finished(finding)
            return _report(subject, options, findings, time.perf_counter() - start, began)
        findings = await run_checks(site, checks, finished, others=others)
        seconds = time.perf_counter() - start
        known = await site.deployed()
        requests |= client.requests
    return _report(subject, options, findings, seconds, began, known)


def _untrusted(checks: Iterable[Check], result: Result) -> tuple[Finding, ...]:
    """What a run finds where no request can be sent for want of a certificate: that alone."""
    [shows] = (check for check in domain.CHECKS if check.run is domain.certificate)
    rest = (check for check in checks if check is not shows)
    unchecked = _unchecked(rest, f"the certificate is not trusted ({shows.id})")
    return (Finding.of(shows, result), *unchecked)


def _unchecked(checks: Iterable[Check], reason: str) -> tuple[Finding, ...]:
    return tuple(Finding.of(check, not_checked(reason)) for check in checks)


def _report(
    subject: Subject,
    options: Options,
    findings: tuple[Finding, ...],
    seconds: float,
    began: datetime,
    known: Deployed | None = None,
) -> Report:
    return Report(
        subject.url,
        findings,
        seconds,
        started=_iso(began),
        deployed=known,
        options=options,
        target=subject.target,
        environment=subject.settings.environment if subject.target else "",
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
