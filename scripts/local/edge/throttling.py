"""Throttling of a stage's methods: a token bucket for each, shared by all callers.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"Throttling limits are applied at the API method level for a stage." AWS calls them targets and applies them
on a best-effort basis; here they are exact. The account's own limits (10,000 a second, 5,000 at once) are not
rehearsed.
"""

from __future__ import annotations

from dataclasses import dataclass

from scripts.local.edge.gateway_error import too_many_requests
from scripts.local.edge.model import RestApi, Stage, Throttling
from scripts.local.edge.routing import Route


@dataclass
class _Bucket:
    limits: Throttling
    tokens: float
    filled_at: float


class Throttles:
    """The token buckets of every stage. A stage whose limits change begins with full ones."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str, str, str], _Bucket] = {}

    def admit(self, api: RestApi, stage: Stage, route: Route, now: float) -> None:
        """Take a token for one request.

        Args:
            api: The API.
            stage: The stage, with its limits.
            route: The method that the request goes to.
            now: A clock in seconds that only goes forward.

        Raises:
            GatewayError: 429, when there is none left.
        """
        path, method = route.resource.path, route.method.http_method
        limits = stage.throttling.get(f"{path}/{method}") or stage.throttling.get("*/*")
        if limits is None:
            return
        key = (api.id, stage.name, path, method)
        bucket = self._buckets.get(key)
        if bucket is None or bucket.limits != limits:
            bucket = self._buckets[key] = _Bucket(limits, limits.burst, now)
        earned = (now - bucket.filled_at) * limits.rate
        bucket.tokens = min(limits.burst, bucket.tokens + earned)
        bucket.filled_at = now
        if bucket.tokens < 1:
            raise too_many_requests(
                f"{method} {path} of stage {stage.name} takes {limits.rate:g} requests a second, "
                f"{limits.burst} at once"
            )
        bucket.tokens -= 1
