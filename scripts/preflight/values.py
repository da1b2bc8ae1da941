"""The environment's values by themselves: nothing missing, and of one account and region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.preflight.model import Finding, failed, ok
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Configuration"
NAME = "tfvars"

_REQUIRED = (
    "vpc_id",
    "private_subnet_ids",
    "security_group_ids",
    "database_endpoints",
    "route53_zone_id",
    "acm_certificate_arn",
    "custom_domain",
    "replaced_domain",
    "config_s3_bucket",
    "config_s3_key",
    "ssm_parameters",
)


def probes(settings: Settings) -> Iterator[Probe]:
    """One look at terraform.tfvars.json."""
    yield Probe(GROUP, NAME, lambda: look(settings))


def look(settings: Settings) -> Finding:
    """Whether the values could belong to the settings."""
    path, values = settings.shown(settings.tfvars_path), settings.tfvars
    if missing := [name for name in _REQUIRED if not values.get(name)]:
        return failed(f"lacks {', '.join(missing)}", f"Complete {path}.")
    if problems := list(_contradictions(settings, values)):
        return failed("; ".join(problems), f"Correct {path}, or aws.account_id and aws.region.")
    return ok(path)


def _contradictions(settings: Settings, values: Mapping[str, Any]) -> Iterator[str]:
    ours = settings.aws
    account = values.get("aws_account_id", ours.account_id)
    if account != ours.account_id:
        yield f"aws_account_id is {account}, the settings are for {ours.account_id}"
    region = values.get("aws_region", ours.region)
    if region != ours.region:
        yield f"aws_region is {region}, the settings are for {ours.region}"
    for name, arn in values["ssm_parameters"].items():
        # The function asks for its parameters in its own region, of its own account.
        if not str(arn).startswith(f"arn:aws:ssm:{ours.region}:{ours.account_id}:parameter/"):
            yield f"ssm_parameters.{name} is not a parameter of {ours.account_id} in {ours.region}"
