"""librechat.yaml in its bucket, which belongs to another account: read, and written over nobody's edit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from scripts.aws import Aws, error_code
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from scripts.target import Target

_MISSING = ("404", "NoSuchKey")
_DENIED = ("403", "AccessDenied")
_CHANGED = ("409", "412", "ConditionalRequestConflict", "PreconditionFailed", *_MISSING)
_SIGN_IN = {
    "CredentialRetrievalError", "NoCredentialsError", "PartialCredentialsError", "SSOTokenLoadError",
    "TokenRetrievalError", "UnauthorizedSSOTokenError",
}  # fmt: skip
_BAD_KEYS = ("ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "SignatureDoesNotMatch")


@dataclass(frozen=True)
class Stored:
    """What the bucket holds.

    Attributes:
        text: The file.
        etag: As S3 says it, quotes included.
        modified: When it was written.
    """

    text: str
    etag: str
    modified: datetime

    @property
    def version(self) -> str:
        """What the function's ``CONFIG_VERSION`` is when it runs with this file."""
        return self.etag.strip('"')


class ConfigObject:
    """The object that the tfvars name, with the credentials that may write it.

    On the real account these are of the profile ``aws.config_profile``: the bucket is another account's.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED` when this machine does not know the profile.
    """

    def __init__(self, settings: Settings, target: Target) -> None:
        self._profile = settings.aws.config_profile if settings.target == "aws" else ""
        self._bucket: str = settings.tfvars["config_s3_bucket"]
        self._key: str = settings.tfvars["config_s3_key"]
        self.location = f"s3://{self._bucket}/{self._key}"
        aws = Aws(region=settings.aws.region, profile=self._profile) if self._profile else target.aws
        with self._explained("reached"):
            self._s3 = aws.client("s3")

    def read(self) -> Stored | None:
        """What is there now; None when nothing is.

        Raises:
            DeployError: S3 does not let us.
        """
        with self._explained("read"):
            try:
                found = self._s3.get_object(Bucket=self._bucket, Key=self._key)
            except Exception as error:
                if error_code(error) in _MISSING:
                    return None
                raise
            text = found["Body"].read().decode(errors="replace")
        return Stored(text, found["ETag"], found["LastModified"])

    def write(self, text: str, *, over: Stored | None) -> Stored:
        """Upload, provided that the object still is what was read before, and read it back.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: 412 when it has
        changed, 409 when somebody writes at this moment, 404 when it was deleted. Encryption stays the
        bucket's own default.

        Args:
            text: The new content.
            over: What the reader of the diff has seen; None: nothing was there.

        Raises:
            DeployError: somebody changed it meanwhile, or S3 does not let us.
        """
        condition = {"IfMatch": over.etag} if over else {"IfNoneMatch": "*"}
        with self._explained("written"):
            try:
                written = self._s3.put_object(
                    Bucket=self._bucket,
                    Key=self._key,
                    Body=text.encode(),
                    ContentType="application/yaml",
                    **condition,
                )
            except Exception as error:
                if error_code(error) in _CHANGED:
                    raise self._changed("; nothing was overwritten") from error
                raise
        stored = self.read()
        if stored is None or stored.etag != written["ETag"]:
            raise self._changed(" right after the upload")
        return stored

    def _changed(self, when: str) -> DeployError:
        return DeployError(
            f"Somebody changed {self.location} meanwhile{when}",
            "It is not any more what the diff was made against.",
            "Run the same command again: it shows what they changed.",
        )

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        """Turn the refusals that have a remedy into errors that name it."""
        try:
            yield
        except DeployError:
            raise
        except Exception as error:
            kind, code = type(error).__name__, error_code(error)
            if kind == "ProfileNotFound":
                raise DeployError(
                    f"This machine has no AWS profile {self._profile}",
                    f"aws.config_profile names it for {self.location}.",
                    "Configure it (aws configure sso --profile "
                    f"{self._profile}), name another with INVOKE_AWS_CONFIG_PROFILE, or use the "
                    "credentials of the deployment: INVOKE_AWS_CONFIG_PROFILE= (empty).",
                    status=ExitStatus.PREFLIGHT_FAILED,
                ) from error
            if kind in _SIGN_IN or code in _BAD_KEYS:
                named = f" --profile {self._profile}" if self._profile else ""
                raise DeployError(
                    f"{self.location} cannot be {done}: not signed in",
                    str(error),
                    f"Sign in: aws sso login{named}",
                    status=ExitStatus.PREFLIGHT_FAILED,
                ) from error
            if code == "NoSuchBucket":
                raise DeployError(
                    f"There is no bucket {self._bucket}",
                    "config_s3_bucket in terraform.tfvars.json names it; nothing here creates it.",
                    "Correct the name, or have the bucket made.",
                    status=ExitStatus.PREFLIGHT_FAILED,
                ) from error
            if code in _DENIED:
                hidden = "\nS3 says the same of a missing file to those who may not list the bucket."
                raise DeployError(
                    f"{self.location} cannot be {done} with "
                    + (f"the profile {self._profile}" if self._profile else "these credentials"),
                    f"{error}{hidden if done == 'read' else ''}",
                    "Name a profile that may with INVOKE_AWS_CONFIG_PROFILE, or have s3:GetObject, "
                    "s3:PutObject and s3:ListBucket granted.",
                    status=ExitStatus.PREFLIGHT_FAILED,
                ) from error
            raise
