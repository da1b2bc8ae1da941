"""The one door to AWS: sessions, endpoints, retries. Nothing else imports boto3.

The same `Aws` serves both targets; on the local one `environment` points at the embedded AWS.
"""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Patience:
    """How long a client waits: seconds to connect, seconds for an answer, and attempts in all."""

    connect: float = 10
    answer: float = 60
    attempts: int = 6


HURRIED = Patience(connect=2, answer=3, attempts=2)
"""For a question that somebody waits for and that may stay unanswered."""


class Aws:
    """Clients of one account and region, made lazily and reused. Safe to share between threads.

    Args:
        region: Default region of the clients.
        profile: Named profile; empty for the SDK's own chain.
        environment: ``AWS_*`` variables that differ from the process's own (the local target's
            endpoint and credentials); the process environment itself is never changed.
        patience: How long each client waits.
    """

    def __init__(
        self,
        *,
        region: str,
        profile: str = "",
        environment: Mapping[str, str] | None = None,
        patience: Patience = Patience(),
    ) -> None:
        self.region = region
        self.profile = profile
        self.patience = patience
        self._environment = {**os.environ, **(environment or {})}
        self._clients: dict[tuple[str, str], Any] = {}
        self._session = _Session(profile, self._environment)

    def with_patience(self, patience: Patience) -> Aws:
        """The same account, with clients of their own that wait otherwise."""
        other = copy.copy(self)  # shares the session, and with it what boto3 has read of the services
        other.patience = patience
        other._clients = {}
        return other

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client, for example ``client("s3")``."""
        key = (service, region or self.region)
        with self._session.lock:
            if key not in self._clients:
                self._clients[key] = self._make(*key)
            return self._clients[key]

    def credentials(self) -> Any:
        """botocore's credentials, for a request that no client of it makes."""
        with self._session.lock:
            return self._session.get().get_credentials()

    def _make(self, service: str, region: str) -> Any:
        from botocore.config import Config

        endpoint = self._environment.get("AWS_ENDPOINT_URL")
        return self._session.get().client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": self.patience.attempts},
                max_pool_connections=32,
                connect_timeout=self.patience.connect,
                read_timeout=self.patience.answer,
                s3={"addressing_style": "path"} if endpoint else None,
            ),
        )


class _Session:
    """A boto3 session, made when it is first asked for, and the lock under which it makes clients.

    https://docs.aws.amazon.com/boto3/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
    """

    def __init__(self, profile: str, environment: Mapping[str, str]) -> None:
        self.lock = threading.Lock()
        self._profile = profile
        self._environment = environment
        self._made: Any = None

    def get(self) -> Any:
        """The session. Call it with the lock held."""
        import boto3

        if self._made is None:
            explicit = {
                "aws_access_key_id": self._environment.get("AWS_ACCESS_KEY_ID"),
                "aws_secret_access_key": self._environment.get("AWS_SECRET_ACCESS_KEY"),
                "aws_session_token": self._environment.get("AWS_SESSION_TOKEN"),
            }
            self._made = (
                boto3.Session(profile_name=self._profile)
                if self._profile
                else boto3.Session(**{name: value for name, value in explicit.items() if value})
            )
        return self._made


def error_code(error: BaseException) -> str:
    """The AWS error code of a botocore ClientError (``NoSuchBucket``), or an empty string."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
