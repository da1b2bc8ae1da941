"""The state in a bucket: Terraform's backend ``s3`` with its lock file beside the state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.aws import Aws, error_code
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from scripts.state.holder import Holder, find
from scripts.state.lock import Lock
from scripts.state.model import Head, History

_ABSENT = ("404", "NoSuchKey", "NoSuchBucket")


def releases_prefix(settings: Settings) -> str:
    """Prefix of the records of releases, with its slash: in the state's folder, below the environment."""
    folders = settings.state.key.split("/")[:-1]
    own = [] if folders[-1:] == [settings.environment] else [settings.environment]
    return "/".join((*folders, *own, "releases", ""))


class StateBucket:
    """The state of one environment in one account.

    Attributes:
        bucket: Its name.
        key: Key of the state; the lock is ``<key>.tflock``.
        releases: Prefix of the records of releases, with its slash. The folder above is always the
            environment, so that those which share a bucket never share records.
    """

    def __init__(self, aws: Aws, settings: Settings) -> None:
        self._aws = aws
        self._region = settings.aws.region
        self._account = settings.aws.account_id
        self._terraform = settings.terraform.binary
        self.bucket = settings.state.bucket
        self.key = settings.state.key
        self.releases = releases_prefix(settings)

    @property
    def _s3(self) -> Any:
        return self._aws.client("s3")

    @property
    def where(self) -> str:
        """``s3://bucket/key``."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def home(self) -> str:
        """The bucket."""
        return f"the state bucket {self.bucket}"

    def exists(self) -> bool:
        """Whether the bucket is there and ours.

        Raises:
            DeployError: when a bucket of that name belongs to somebody else.
        """
        try:
            self._s3.head_bucket(Bucket=self.bucket, ExpectedBucketOwner=self._account)
        except Exception as error:
            match error_code(error):
                case "404" | "NoSuchBucket":
                    return False
                case "403" | "AccessDenied":
                    raise DeployError(
                        f"The state bucket {self.bucket} is not ours to read",
                        "It belongs to another account, or these credentials may not use it.",
                        "Choose another name with INVOKE_STATE_BUCKET, or other credentials with "
                        "INVOKE_AWS_PROFILE.",
                        status=ExitStatus.PREFLIGHT_FAILED,
                    ) from error
                case _:
                    raise
        return True

    def ensure(self) -> bool:
        """Make the bucket unless it is there: private, encrypted, versioned, TLS only. True when made.

        An interrupted creation is completed by the next call, because the settings of a bucket
        without a state are applied again.
        """
        created = not self.exists()
        if created:
            location = {} if self._region == "us-east-1" else {
                "CreateBucketConfiguration": {"LocationConstraint": self._region}
            }  # fmt: skip
            self._s3.create_bucket(Bucket=self.bucket, **location)
        if created or not self.has_state():
            self._secure()
        return created

    def has_state(self) -> bool:
        """Whether a state was ever written."""
        try:
            self._s3.head_object(Bucket=self.bucket, Key=self.key)
        except Exception as error:
            if error_code(error) in _ABSENT:
                return False
            raise
        return True

    def head(self) -> Head | None:
        """The state's identity, version and size; None when there is none."""
        found = self._read(self.key)
        return Head.parse(found[0]) if found else None

    def lock(self) -> Lock | None:
        """Who holds the lock now. https://developer.hashicorp.com/terraform/language/backend/s3"""
        found = self._read(f"{self.key}.tflock")
        return Lock.parse(*found) if found else None

    def holder(self, lock: Lock, directory: Path, *, only_here: bool = False) -> Holder:
        """Whether the holder is still there; see `scripts.state.holder.find`."""
        return find(lock, directory, self._terraform, only_here=only_here)

    def release(self, lock: Lock) -> bool:
        """Remove exactly this lock. False when it is gone, or another has been taken since.

        The condition is S3's to check, so that nobody can take the lock between our look and our call:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
        """
        try:
            self._s3.delete_object(Bucket=self.bucket, Key=f"{self.key}.tflock", IfMatch=lock.etag)
        except Exception as error:
            if error_code(error) in (*_ABSENT, "412", "PreconditionFailed"):
                return False
            raise
        return True

    def history(self) -> History:
        """What `purge` would lose."""
        states = [found for found in self._versions() if found["Key"] == self.key and "Size" in found]
        releases = {found["Key"] for found in self._versions() if found["Key"].startswith(self.releases)}
        oldest = min((found["LastModified"] for found in states), default=None)
        since = oldest.isoformat(timespec="seconds") if oldest else ""
        return History(len(states), since, len(releases))

    def purge(self) -> bool:
        """Delete every version of what is ours, and the bucket if nothing else is in it. True if it went.

        Raises:
            DeployError: naming what S3 did not delete.
        """
        ours, others = [], False
        for found in self._versions():
            if found["Key"] in (self.key, f"{self.key}.tflock") or found["Key"].startswith(self.releases):
                ours.append({"Key": found["Key"], "VersionId": found["VersionId"]})
            else:
                others = True
        for start in range(0, len(ours), 1000):  # the most that one request takes
            batch = {"Objects": ours[start : start + 1000], "Quiet": True}
            answer = self._s3.delete_objects(Bucket=self.bucket, Delete=batch)
            if errors := answer.get("Errors"):
                raise DeployError(
                    f"Not all of {self.home} could be deleted",
                    "\n".join(f"{error['Key']}: {error.get('Message', error['Code'])}" for error in errors),
                    "Run inv destroy --purge-state again once that is allowed.",
                )
        if not others:
            self._s3.delete_bucket(Bucket=self.bucket)
        return not others

    # --- Helpers ----------------------------------------------------------------------------------

    def _read(self, key: str) -> tuple[bytes, str] | None:
        """Content and ETag of an object."""
        try:
            found = self._s3.get_object(Bucket=self.bucket, Key=key)
        except Exception as error:
            if error_code(error) in _ABSENT:
                return None
            raise
        return found["Body"].read(), str(found["ETag"])

    def _versions(self) -> Iterator[dict[str, Any]]:
        """Every version and delete marker in the bucket; a marker has no ``Size``."""
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket):
            yield from page.get("Versions", ())
            yield from page.get("DeleteMarkers", ())

    def _secure(self) -> None:
        """https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html"""
        blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        self._s3.put_public_access_block(
            Bucket=self.bucket, PublicAccessBlockConfiguration=dict.fromkeys(blocked, True)
        )
        self._s3.put_bucket_ownership_controls(
            Bucket=self.bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        )
        self._s3.put_bucket_encryption(
            Bucket=self.bucket,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
        )
        # The history of the state is the only way back from a damaged one.
        self._s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        if not self._has_policy():  # one that somebody wrote for an empty bucket stays
            self._s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(self._tls_only()))

    def _has_policy(self) -> bool:
        try:
            self._s3.get_bucket_policy(Bucket=self.bucket)
        except Exception as error:
            if error_code(error) == "NoSuchBucketPolicy":
                return False
            raise
        return True

    def _tls_only(self) -> dict[str, Any]:
        arn = f"arn:aws:s3:::{self.bucket}"
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "DenyInsecureTransport",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [arn, f"{arn}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        }
