"""The bucket that holds Terraform's state: made when it is missing, asked who holds the lock.

Not for reading or changing the state itself: that is Terraform's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from scripts.aws import Aws, error_code
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings


@dataclass(frozen=True)
class Lock:
    """Terraform's own record of who works on the state (``<key>.tflock`` beside it)."""

    id: str
    who: str
    created: str
    operation: str


class StateBucket:
    """The state of one environment in one account."""

    def __init__(self, aws: Aws, settings: Settings) -> None:
        self._s3 = aws.client("s3")
        self._region = settings.aws.region
        self._account = settings.aws.account_id
        self.bucket = settings.state.bucket
        self.key = settings.state.key

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
        """Make the bucket unless it is there: private, encrypted, versioned. True when it was made.

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
            if error_code(error) in ("404", "NoSuchKey", "NoSuchBucket"):
                return False
            raise
        return True

    def lock(self) -> Lock | None:
        """Who holds the lock now. https://developer.hashicorp.com/terraform/language/backend/s3"""
        try:
            body = self._s3.get_object(Bucket=self.bucket, Key=f"{self.key}.tflock")["Body"].read()
            raw = json.loads(body)
        except ValueError:
            return None
        except Exception as error:
            if error_code(error) in ("404", "NoSuchKey", "NoSuchBucket"):
                return None
            raise
        return Lock(
            str(raw.get("ID", "")),
            str(raw.get("Who", "")),
            str(raw.get("Created", "")),
            str(raw.get("Operation", "")),
        )

    def _secure(self) -> None:
        blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        self._s3.put_public_access_block(
            Bucket=self.bucket, PublicAccessBlockConfiguration=dict.fromkeys(blocked, True)
        )
        self._s3.put_bucket_encryption(
            Bucket=self.bucket,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
        )
        # The history of the state is the only way back from a damaged one.
        self._s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
