"""What AWS does and MiniStack 1.5.33 does not, one small module per shortfall.

Every module says which AWS behaviour it restores and on which page AWS documents it. An extension
may make the embedded AWS stricter or more complete; it may never accept what AWS refuses. They wrap
functions of MiniStack, which `pyproject.toml` therefore pins: `replace` fails loudly at the start
when one is gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

# A response as MiniStack's services return it: status, headers, body.
Response = tuple[int, dict[str, Any], bytes]


_EXTENSIONS = (
    "api_gateway",
    "api_gateway_openapi",
    "certificates",
    "chosen_ids",
    "cloudfront",
    "cloudfront_functions",
    "ec2",
    "ecr",
    "elasticache",
    "lambda_configuration",
    "lambda_images",
    "managed_policies",
    "missing_keys",
    "request_resources",
    "response_headers",
    "secure_transport",
    "service_quotas",
    "service_roles",
    # Last: they look at the answers of all others.
    "log_filters",
    "generation",
    "checkpoints",
)


@dataclass(frozen=True)
class Context:
    """What an extension may need to know about this process.

    Attributes:
        state: Directory of everything that survives a restart.
        generation: File to touch after every change to the deployed architecture.
    """

    state: Path
    generation: Path


def replace(module: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put ``make(original)`` in the place of a function of a MiniStack module.

    Raises:
        RuntimeError: the module has no such function; MiniStack is not the version we extend.
    """
    original = getattr(module, name, None)
    if original is None:
        raise RuntimeError(f"MiniStack has no {module.__name__}.{name}: it is not the version we extend")
    setattr(module, name, make(original))


def install(context: Context) -> None:
    """Apply all extensions. Call once, after MiniStack's configuration and before its first request."""
    for name in _EXTENSIONS:
        import_module(f"{__name__}.{name}").install(context)


def with_rehearsal_routes(app: AsgiApp) -> AsgiApp:
    """The application with our own private routes, which no AWS path can collide with."""
    from scripts.local.extensions import chosen_ids

    async def routed(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != chosen_ids.ROUTE:
            await app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, _, answer = chosen_ids.announce(body)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": answer})

    return routed
