"""Waits until CloudFront's edge locations know the distribution as it is.

Terraform does not wait for that (``wait_for_deployment = false``): the minutes it takes run beside the
creation of everything else. Whoever measures has to.
"""

from __future__ import annotations

import time
from typing import Any

from scripts.aws import Aws, error_code
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus

LIMIT_SECONDS = 20 * 60.0
_POLL_SECONDS = 5.0


def wait_until_deployed(
    aws: Aws,
    distribution_id: str,
    console: Console,
    *,
    limit: float = LIMIT_SECONDS,
    poll: float = _POLL_SECONDS,
) -> None:
    """Return when the distribution's status is ``Deployed``.

    Raises:
        DeployError: after `limit` seconds, or when the distribution is disabled or does not exist.
    """
    deadline = time.monotonic() + limit
    told = False
    while True:
        distribution = _get(aws, distribution_id)
        if not distribution["DistributionConfig"]["Enabled"]:
            raise DeployError(
                f"The distribution {distribution_id} is disabled",
                "A disabled distribution answers nobody.",
                "Set enabled = true for the distribution and deploy again.",
                status=ExitStatus.SMOKE_FAILED,
            )
        if distribution["Status"] == "Deployed":
            return
        if time.monotonic() >= deadline:
            raise DeployError(
                f"The distribution {distribution_id} is still {distribution['Status']}",
                f"CloudFront had {limit / 60:.0f} minutes to reach its edge locations.",
                "Run `inv smoke` again in a few minutes.",
                status=ExitStatus.SMOKE_FAILED,
            )
        if not told:
            console.say_plain(f"Waiting for CloudFront to deploy {distribution_id} to its edge locations …")
            console.event("smoke.waiting", distribution=distribution_id, status=distribution["Status"])
            told = True
        time.sleep(poll)


def _get(aws: Aws, distribution_id: str) -> Any:
    from botocore.exceptions import ClientError

    try:
        return aws.client("cloudfront").get_distribution(Id=distribution_id)["Distribution"]
    except ClientError as error:
        raise DeployError(
            f"Cannot read the distribution {distribution_id}",
            error_code(error) or str(error),
            "Deploy first (`inv deploy`), and check that the credentials may call "
            "cloudfront:GetDistribution.",
            status=ExitStatus.SMOKE_FAILED,
        ) from error
