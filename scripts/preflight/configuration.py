"""librechat.yaml in its bucket: there, readable by LibreChat, and written for this deployment's domain.

What the function would refuse at its cold start is found here, before the deploy.
"""

from __future__ import annotations

from collections.abc import Iterator

from scripts.aws import Aws, error_code
from scripts.errors import DeployError
from scripts.preflight.model import Finding, failed, not_checked, ok
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Secrets and configuration"


def probes(settings: Settings, aws: Aws, needs: tuple[str, ...]) -> Iterator[Probe]:
    """One look at the file."""
    yield Probe(GROUP, "librechat.yaml", lambda: _look(settings, aws), needs)


def judge(content: bytes, where: str, replaced_domain: str) -> Finding:
    """Whether the function could use the file. Its content is never shown: it may hold secrets."""
    from scripts import app_config

    remedy = "Correct the file, then: inv config.push"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return failed(f"{where} is not text in UTF-8", remedy)
    try:
        version = app_config.validate(text)
    except DeployError as error:
        return failed(f"{where} is not valid: {error.why}", remedy)
    if count := app_config.replace_domain(text, replaced_domain, "")[1]:
        return failed(
            f"{where} still names {replaced_domain} ({count} times, FR-027)",
            "Upload it again, which replaces the domain: inv config.push",
        )
    return ok(f"{where}, version {version}")


def _look(settings: Settings, aws: Aws) -> Finding:
    bucket, key = settings.tfvars["config_s3_bucket"], settings.tfvars["config_s3_key"]
    where = f"s3://{bucket}/{key}"
    try:
        content = _read(settings, aws, bucket, key)
    except Exception as error:
        match error_code(error):
            case "AccessDenied" | "403":  # another account's bucket, which only the function may read
                return not_checked(
                    f"these credentials may not read {where}",
                    "Whoever may can look: inv config.diff, with the profile aws.config_profile.",
                )
            case "NoSuchKey" | "404":
                return failed(f"{where} is not there", "Upload it: inv config.push")
            case "NoSuchBucket":
                return failed(
                    f"the bucket {bucket} does not exist",
                    "Correct config_s3_bucket in terraform.tfvars.json, or create the bucket.",
                )
        raise
    return judge(content, where, settings.tfvars["replaced_domain"])


def _read(settings: Settings, aws: Aws, bucket: str, key: str) -> bytes:
    """The file, with the credentials that upload it where those of the deploy may not read it."""
    try:
        return _content(aws, bucket, key)
    except Exception as error:
        profile = settings.aws.config_profile
        if error_code(error) != "AccessDenied" or settings.target == "local" or not profile:
            raise
        try:
            return _content(Aws(region=aws.region, profile=profile, patience=aws.patience), bucket, key)
        except Exception as second:
            raise (second if error_code(second) else error) from None


def _content(aws: Aws, bucket: str, key: str) -> bytes:
    content: bytes = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content
