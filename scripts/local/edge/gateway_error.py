"""The answers that API Gateway gives by itself.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
The message for the caller says little, as on AWS; `reason` is what the execution log would say.
"""

from __future__ import annotations

import json

from scripts.local.edge.call import CallIds
from scripts.local.edge.messages import Response, whole


class GatewayError(Exception):
    """A request that ends at the gateway."""

    def __init__(self, status: int, message: str, error_type: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.message = message
        self.error_type = error_type

    def response(self, ids: CallIds) -> Response:
        """The default gateway response."""
        body = json.dumps({"message": self.message}, separators=(",", ":")).encode()
        headers = (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("x-amzn-ErrorType", self.error_type),
            *ids.headers,
        )
        return Response(self.status, headers, whole(body), reason=str(self))


def forbidden(reason: str) -> GatewayError:
    """403: no such API or stage, or no API key."""
    return GatewayError(403, "Forbidden", "ForbiddenException", reason)


def missing_authentication_token(reason: str) -> GatewayError:
    """403: no such resource or method, or a method that wants a signature."""
    return GatewayError(403, "Missing Authentication Token", "MissingAuthenticationTokenException", reason)


def unauthorized(reason: str) -> GatewayError:
    """401: an authorizer refused."""
    return GatewayError(401, "Unauthorized", "UnauthorizedException", reason)


def too_large(message: str) -> GatewayError:
    """413."""
    return GatewayError(413, message, "RequestTooLargeException", message)


def too_many_requests(reason: str) -> GatewayError:
    """429: the method's throttling limits are used up."""
    return GatewayError(429, "Too Many Requests", "TooManyRequestsException", reason)


def unsupported_media_type(reason: str) -> GatewayError:
    """415: no mapping template for this content type."""
    return GatewayError(415, "Unsupported Media Type", "BadRequestException", reason)


def misconfigured(reason: str) -> GatewayError:
    """500: the API's configuration is at fault, or Lambda refused the call."""
    return GatewayError(
        500, "Internal server error", "InternalServerErrorException", f"configuration error: {reason}"
    )


def bad_gateway(reason: str) -> GatewayError:
    """502: the function failed, or its output cannot be read."""
    return GatewayError(502, "Internal server error", "InternalServerErrorException", reason)


def timed_out(reason: str) -> GatewayError:
    """504: the integration timeout passed before the response began."""
    return GatewayError(504, "Endpoint request timed out", "InternalServerErrorException", reason)
