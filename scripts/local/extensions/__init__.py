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

from scripts.local.credentials import Credentials

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
    "child_processes",
    "chosen_ids",
    "closed_routes",
    "cloudfront",
    "cloudfront_functions",
    "ec2",
    "ecr",
    "elasticache",
    "iam_actions",
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
        credentials: The account's credentials, from which extensions derive secrets of their own.
    """

    state: Path
    generation: Path
    credentials: Credentials


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
