"""Which resource and method of a REST API serve a request.

A literal segment wins over ``{name}``, which wins over ``{name+}``. API Gateway looks for the pair
of resource and method: a resource that lacks the method does not shadow a greedy one that has it.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-settings-method-request.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scripts.local.edge.model import HTTP_METHODS, Method, Resource


@dataclass(frozen=True)
class Route:
    """A matched method; `path_parameters` as sent, still percent-encoded."""

    resource: Resource
    method: Method
    path_parameters: Mapping[str, str]


def find_route(resources: Iterable[Resource], http_method: str, path: str) -> Route | None:
    """The route of a request, or None. `path` is without the stage.

    A trailing slash does not matter, an empty segment elsewhere does.
    """
    segments = path.rstrip("/").split("/")[1:]
    best: tuple[tuple[int, ...], Route] | None = None
    for resource in resources:
        method = _method(resource, http_method)
        if method is None:
            continue
        match = _match([part for part in resource.path.split("/")[1:] if part], segments)
        if match is not None and (best is None or match[0] < best[0]):
            best = match[0], Route(resource, method, match[1])
    return best[1] if best else None


def _method(resource: Resource, http_method: str) -> Method | None:
    if http_method not in HTTP_METHODS:
        return None
    return resource.methods.get(http_method) or resource.methods.get("ANY")


def _match(template: list[str], segments: list[str]) -> tuple[tuple[int, ...], dict[str, str]] | None:
    """Precedence (lower wins) and path parameters, or None when the path does not fit."""
    ranks: list[int] = []
    parameters: dict[str, str] = {}
    for position, part in enumerate(template):
        if part.startswith("{") and part.endswith("+}"):
            rest = "/".join(segments[position:])
            if not rest:
                return None
            return (*ranks, 2), parameters | {part[1:-2]: rest}
        if position >= len(segments):
            return None
        if part.startswith("{") and part.endswith("}"):
            ranks.append(1)
            parameters[part[1:-1]] = segments[position]
        elif part == segments[position]:
            ranks.append(0)
        else:
            return None
    return (tuple(ranks), parameters) if len(segments) == len(template) else None
