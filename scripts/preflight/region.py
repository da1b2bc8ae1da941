"""Whether the region can be used."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.aws import Aws, error_code
from scripts.preflight.model import Finding, failed, ok
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Account"


def probes(settings: Settings, aws: Aws, needs: tuple[str, ...]) -> Iterator[Probe]:
    """One look at the region of the settings."""
    yield Probe(GROUP, "region", lambda: _look(aws), needs)


def _look(aws: Aws) -> Finding:
    """Whether the account may use the region at all: newer ones have to be enabled.

    https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
    """
    available = [{"Name": "state", "Values": ["available"]}]
    try:
        zones = aws.client("ec2").describe_availability_zones(Filters=available)["AvailabilityZones"]
    except Exception as error:
        if error_code(error) in ("AuthFailure", "OptInRequired"):
            return failed(
                f"{aws.region} is not enabled for this account",
                f"Enable it (aws account enable-region --region-name {aws.region}), or correct aws.region.",
            )
        raise
    return ok(f"{aws.region}, {len(zones)} availability zones")
