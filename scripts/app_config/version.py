"""Which version of librechat.yaml a deploy gives the function."""

from __future__ import annotations

from scripts.app_config.function import RunningFunction
from scripts.aws import error_code
from scripts.settings import Settings
from scripts.target import Target


def version_to_deploy(settings: Settings, target: Target) -> str:
    """The ETag of the file in the bucket, for Terraform's variable ``config_version``.

    With credentials that may not read the bucket it is what the function has already: so a deploy of
    somebody who cannot look does not undo what the push of somebody else has done.
    """
    bucket, key = settings.tfvars["config_s3_bucket"], settings.tfvars["config_s3_key"]
    try:
        etag: str = target.aws.client("s3").head_object(Bucket=bucket, Key=key)["ETag"]
    except Exception as error:
        match error_code(error):
            case "404" | "NoSuchKey" | "NoSuchBucket":
                return ""
            case "403" | "AccessDenied":
                return RunningFunction(settings, target).version() or ""
            case _:
                raise
    return etag.strip('"')
