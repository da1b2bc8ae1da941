"""What `inv status` says: facts that can be had without starting or changing anything."""

from __future__ import annotations

from typing import Any

from scripts import preflight
from scripts.last_deploy import LastDeployFile
from scripts.settings import Settings
from scripts.state import StateBucket
from scripts.target import aws_target, local_target


def collect(settings: Settings) -> dict[str, Any]:
    """Names and values, in the order to show them."""
    return _local(settings) if settings.target == "local" else _aws(settings)


def _local(settings: Settings) -> dict[str, Any]:
    from scripts.local.process import LocalTarget

    process = LocalTarget(settings)
    running = process.status()
    facts: dict[str, Any] = {"target": "local"}
    if running is None:
        facts["embedded AWS"] = "crashed; see inv local.logs" if process.died() else "not running"
    else:
        facts["embedded AWS"] = f"running (pid {running.pid})"
        facts["url"] = running.url
        facts["AWS API"] = running.endpoint
        target = local_target(settings, endpoint=running.endpoint, base_url=running.url)
        facts |= _state(StateBucket(target.aws, settings))
    last = LastDeployFile(settings).read()
    if last:
        facts["last deploy"] = last.at if last.fingerprint else f"{last.at} (unfinished: inv deploy goes on)"
    return facts


def _aws(settings: Settings) -> dict[str, Any]:
    target = aws_target(settings)
    preflight.account(settings, target).require()
    facts: dict[str, Any] = {"target": "aws", "account": settings.aws.account_id}
    return facts | _state(StateBucket(target.aws, settings))


def _state(state: StateBucket) -> dict[str, Any]:
    if not (state.exists() and state.has_state()):
        return {"state": "none: nothing is deployed"}
    facts: dict[str, Any] = {"state": f"s3://{state.bucket}/{state.key}"}
    if lock := state.lock():
        facts["locked by"] = f"{lock.who} since {lock.created} ({lock.operation}, ID {lock.id})"
    return facts
