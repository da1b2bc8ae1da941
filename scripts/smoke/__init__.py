"""Smoke checks: does what was deployed keep the specification's promises, seen by a viewer?

Everything goes through the public address, as a browser does it; nothing is read from Terraform or
from the account but where to look, and the function's log once something has failed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from scripts.smoke import logs
from scripts.smoke.checks import ALL
from scripts.smoke.client import Client
from scripts.smoke.distribution import wait_until_deployed
from scripts.smoke.model import Status, Suite
from scripts.smoke.report import Finding, Report
from scripts.smoke.runner import reach, run_checks
from scripts.smoke.site import Site
from scripts.target import Target

__all__ = ["ALL", "Finding", "Report", "run"]

# The function may have failed before the run, while the deployment waited for it.
_LOG_SECONDS = 900.0


def run(target: Target, settings: Settings, outputs: Mapping[str, Any], console: Console) -> Report:
    """Check the deployment; every finished check is an event on `console`, the report is returned.

    Args:
        target: Which account; its base URL goes before Terraform's ``url``.
        settings: Budgets.
        outputs: Terraform's outputs by name, as plain values.
        console: Takes the progress.

    Raises:
        DeployError: with `ExitStatus.SMOKE_FAILED` when there is nothing to check at all: no address, or
            nothing answers there. A deployment that misbehaves is a report that is not `ok`.
    """
    started = time.time()
    url = target.base_url or str(outputs.get("url") or "")
    if not url:
        raise DeployError(
            "There is nothing to check",
            "Terraform has no output named url, so nothing is deployed.",
            "Run `inv deploy` first.",
            status=ExitStatus.SMOKE_FAILED,
        )
    if distribution := outputs.get("cloudfront_distribution_id"):
        wait_until_deployed(target.aws, str(distribution), console)
    report = asyncio.run(_run(url, target, settings, outputs, console))
    log_group = str(outputs.get("function_log_group") or "")
    if log_group and any(finding.by_function for finding in report.of(Status.FAILED)):
        report = replace(report, function_log=logs.tail(target.aws, log_group, since=started - _LOG_SECONDS))
    return report


async def _run(
    url: str, target: Target, settings: Settings, outputs: Mapping[str, Any], console: Console
) -> Report:
    start = time.perf_counter()
    remote = target.name == "aws"
    async with Client(url, timeout=settings.smoke.timeout, use_proxies=remote) as client:
        site = await reach(
            lambda: Site(
                client, settings.smoke, outputs, endpoint=target.environment.get("AWS_ENDPOINT_URL", "")
            ),
            patience=settings.smoke.cold_start if remote else 0.0,
        )
        # For people the report's table says it all at once.
        checks = [check for check in ALL if check.suite is Suite.BASIC]
        findings = await run_checks(
            site, checks, lambda finding: console.event("smoke.check", **finding.to_json())
        )
    return Report(url, findings, time.perf_counter() - start)
