"""The names of our buckets, which all accounts of AWS share: free, ours, or taken by another account.

Of a name that is taken CreateBucket would say so, but only in the middle of an apply.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

from __future__ import annotations

from collections.abc import Iterator

from scripts.aws import Aws, error_code
from scripts.preflight.model import Finding, Status, failed, ok, worst
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Account"

CLIENT = "librechat-lambda-frontend-{environment}"
NAMES = (CLIENT, "librechat-lambda-files-{environment}")
"""What Terraform calls them."""

_OTHER_NAME = "Choose another environment, whose name is the last part of the bucket's (invoke.yaml)"


def probes(settings: Settings, aws: Aws, needs: tuple[str, ...]) -> Iterator[Probe]:
    """One look at both."""
    yield Probe(GROUP, "bucket names", lambda: _look(settings, aws), needs)


def _look(settings: Settings, aws: Aws) -> Finding:
    names = [name.format(environment=settings.environment) for name in NAMES]
    findings = [_of(name, settings.aws.account_id, aws) for name in names]
    problems = [finding for finding in findings if finding.status is not Status.OK]
    return worst(problems, ok(", ".join(finding.found for finding in findings)))


def _of(name: str, account_id: str, aws: Aws) -> Finding:
    try:
        found = aws.client("s3").head_bucket(Bucket=name, ExpectedBucketOwner=account_id)
    except Exception as error:
        match error_code(error):
            case "404" | "NoSuchBucket":
                return ok(f"{name} is free")
            case "301" | "403" | "AccessDenied":
                # A failure in both cases: Terraform reads its own buckets with this very call.
                return failed(
                    f"{name} belongs to another account, or these credentials may not look at it",
                    f"{_OTHER_NAME}. If it is yours, allow these credentials s3:ListBucket on it.",
                )
        raise
    region = found.get("BucketRegion", aws.region)
    if region != aws.region:
        return failed(f"{name} is in {region}, not in {aws.region}", f"{_OTHER_NAME}, or delete that bucket.")
    return ok(f"{name} is ours")
