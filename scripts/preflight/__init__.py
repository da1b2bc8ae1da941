"""Checks before anything is touched: the tools, the account, and what the configuration refers to.

`everything` is ``inv doctor``; a deploy takes the same looks in three parts, each as soon as it can:
`tools`, `account`, `references`. Every look says what it found and what to do. Nothing here changes
anything, and no secret is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from scripts.aws import HURRIED, Aws
from scripts.preflight import (
    buckets,
    caller,
    certificate,
    configuration,
    machine,
    names,
    network,
    parameters,
    permissions,
    programs,
    quotas,
    region,
    state,
    values,
)
from scripts.preflight.model import Check, Finding, Report, Status
from scripts.preflight.needs import NEEDS, TO_DEPLOY, Need
from scripts.preflight.runner import PATIENCE, Probe, run
from scripts.settings import Settings
from scripts.target import Target

__all__ = [
    "Check",
    "Report",
    "Status",
    "account",
    "everything",
    "references",
    "terraform",
    "tools",
    "unconnected",
]

_UNHURRIED = 30.0
"""A deploy has time: a late answer is better than none. So has a rehearsal, which is only slow when the
machine is."""

_ABOUT = (region, state, buckets, permissions, network, names, certificate, parameters, configuration, quotas)
"""What asks the account about the values of the environment."""


def everything(settings: Settings, target: Target, *, patience: float | None = None) -> Report:
    """All checks, side by side.

    Args:
        settings: What to check for.
        target: Whom to ask.
        patience: Seconds for one check, and nearly those of the run. By default those of `inv doctor`:
            `PATIENCE` on the real account.
    """
    aws = _asked(settings, target)
    looks = [*_here(settings), *caller.probes(settings, aws), *_references(settings, aws)]
    return run(looks, patience or (_UNHURRIED if settings.target == "local" else PATIENCE))


def unconnected(settings: Settings, name: str, finding: Finding) -> Report:
    """The same without a target: `finding` says, under `name`, why there is none."""
    nobody = Aws(region=settings.aws.region)  # not asked: all questions need what could not be opened
    opening = Probe(caller.GROUP, name, lambda: finding)
    asking = [*caller.probes(settings, nobody, needs=(name,)), *_references(settings, nobody)]
    return run([*_here(settings), opening, *asking], _UNHURRIED)


def tools(settings: Settings) -> Report:
    """The programs that a run needs, room on the machine, and the environment's values by themselves."""
    return run(list(_here(settings)), _UNHURRIED)


def terraform(settings: Settings) -> Report:
    """Terraform alone: what removes a deployment builds nothing."""
    return run([programs.terraform(settings)], _UNHURRIED)


def account(settings: Settings, target: Target) -> Report:
    """Whether the credentials work and belong to the account of the settings."""
    return run(list(caller.probes(settings, _asked(settings, target))), _UNHURRIED)


def references(settings: Settings, target: Target, *, to_deploy: bool = True) -> Report:
    """Whether what the configuration refers to is there and fit, and the account has room for the rest.

    Args:
        settings: What to check for.
        target: Whom to ask.
        to_deploy: Also whether the caller may deploy. A plan only reads.
    """
    permitted = TO_DEPLOY if to_deploy else ()
    return run(list(_references(settings, _asked(settings, target), permitted)), _UNHURRIED)


def _asked(settings: Settings, target: Target) -> Aws:
    """Clients that give up before the check that asks is given up."""
    return target.aws if settings.target == "local" else target.aws.with_patience(HURRIED)


def _here(settings: Settings) -> Iterator[Probe]:
    """What can be seen without an account."""
    return chain(programs.probes(settings), machine.probes(settings), values.probes(settings))


def _references(settings: Settings, aws: Aws, permitted: Sequence[Need] = NEEDS) -> Iterator[Probe]:
    needs = (values.NAME, caller.NAME)
    for about in _ABOUT:
        if about is not permissions:
            yield from about.probes(settings, aws, needs)
        elif permitted:
            yield from permissions.probes(settings, aws, needs, permitted)
