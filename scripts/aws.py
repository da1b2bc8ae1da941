"""The one door to AWS: sessions, endpoints, retries. Nothing else imports boto3.

The same `Aws` serves both targets; on the local one `environment` points at the embedded AWS.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any


class Aws:
    """Clients of one account and region, made lazily and reused. Safe to share between threads.

    Args:
        region: Default region of the clients.
        profile: Named profile; empty for the SDK's own chain.
        environment: ``AWS_*`` variables that differ from the process's own (the local target's
            endpoint and credentials); the process environment itself is never changed.
    """

    def __init__(
        self, *, region: str, profile: str = "", environment: Mapping[str, str] | None = None
    ) -> None:
        self.region = region
        self.profile = profile
        self._environment = {**os.environ, **(environment or {})}
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._session: Any = None

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client, for example ``client("s3")``."""
        key = (service, region or self.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(*key)
            return self._clients[key]

    def _make(self, service: str, region: str) -> Any:
        import boto3
        from botocore.config import Config

        if self._session is None:
            explicit = {
                "aws_access_key_id": self._environment.get("AWS_ACCESS_KEY_ID"),
                "aws_secret_access_key": self._environment.get("AWS_SECRET_ACCESS_KEY"),
                "aws_session_token": self._environment.get("AWS_SESSION_TOKEN"),
            }
            self._session = (
                boto3.Session(profile_name=self.profile)
                if self.profile
                else boto3.Session(**{name: value for name, value in explicit.items() if value})
            )
        endpoint = self._environment.get("AWS_ENDPOINT_URL")
        return self._session.client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            config=Config(
                retries={"mode": "standard", "max_attempts": 5},
                max_pool_connections=32,
                connect_timeout=10,
                s3={"addressing_style": "path"} if endpoint else None,
            ),
        )


def error_code(error: BaseException) -> str:
    """The AWS error code of a botocore ClientError (``NoSuchBucket``), or an empty string."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
