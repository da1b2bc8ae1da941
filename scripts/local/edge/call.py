"""One call to a REST API: the request, the method that serves it, and its deadline."""

from __future__ import annotations

import base64
import secrets
import time
import uuid
from dataclasses import dataclass, field

from scripts.local.edge.messages import Headers, Request
from scripts.local.edge.model import ControlPlane, Integration, RestApi, Stage
from scripts.local.edge.routing import Route


@dataclass(frozen=True)
class CallIds:
    """What identifies one call."""

    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    extended_request_id: str = field(
        default_factory=lambda: base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()
    )
    trace_id: str = field(default_factory=lambda: f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}")

    @classmethod
    def of(cls, request: Request) -> CallIds:
        """New ids; a trace that the sender began is continued."""
        trace_id = request.header("X-Amzn-Trace-Id")
        return cls(trace_id=trace_id) if trace_id else cls()

    @property
    def headers(self) -> Headers:
        """The headers that every answer of API Gateway carries."""
        return ("x-amzn-RequestId", self.request_id), ("x-amz-apigw-id", self.extended_request_id)


@dataclass(frozen=True)
class Call:
    """A routed request: everything that its answer depends on.

    Attributes:
        request: As API Gateway received it: with the stage in its path.
        path: The path without the stage.
        deadline: When the integration timeout passes, in the event loop's time.
    """

    request: Request
    plane: ControlPlane
    api: RestApi
    stage: Stage
    route: Route
    integration: Integration
    path: str
    ids: CallIds
    deadline: float
