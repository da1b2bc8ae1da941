"""What an app offers its users to talk to, and which of it is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.smoke.chat import explain
from scripts.smoke.shapes import mapping, parts

_ELSEWHERE = ("agents", "assistants", "azureAssistants")
"""Endpoints whose messages need an agent or an assistant, not a model."""


@dataclass(frozen=True)
class Offer:
    """What the app offers its users.

    Attributes:
        endpoints: By name in LibreChat's order; of each what its client is told (``type``, ``userProvide``).
        models: Names of the models, by endpoint.
        specs: The model specs of librechat.yaml, when it enforces them; else none.
    """

    endpoints: Mapping[str, Mapping[str, Any]]
    models: Mapping[str, tuple[str, ...]]
    specs: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, endpoints: Any, models: Any, config: Any) -> Offer:
        """From what ``/api/endpoints``, ``/api/models`` and ``/api/config`` answer."""
        known = {name: each for name, each in mapping(endpoints).items() if isinstance(each, dict)}
        specs = mapping(mapping(config).get("modelSpecs"))
        return cls(
            dict(sorted(known.items(), key=lambda item: _place(item[1]))),
            {
                name: tuple(map(str, names))
                for name, names in mapping(models).items()
                if isinstance(names, list)
            },
            tuple(parts(specs.get("list"))) if specs.get("enforce") else (),
        )


@dataclass(frozen=True)
class Partner:
    """Whom a message goes to. `kind` is LibreChat's ``endpointType``: ``custom``, empty for its own ones."""

    endpoint: str
    model: str
    kind: str = ""
    spec: str = ""


def choose(offer: Offer, endpoint: str, model: str) -> Partner | str:
    """Whom to talk to: what the settings name, else the first that is offered; or why that cannot be."""
    if endpoint in _ELSEWHERE:
        return (
            f"The endpoint {endpoint} talks to an agent or an assistant, not to a model. Choose one of a "
            "model with smoke.chat.endpoint."
        )
    able = [name for name in offer.endpoints if name not in _ELSEWHERE and offer.models.get(name)]
    # Where each user brings a key the test user has none, unless somebody chose so.
    keyed = [name for name in able if not offer.endpoints[name].get("userProvide")]
    chosen = endpoint or next(iter([*keyed, *able]), "")
    if chosen not in able:
        return explain.not_offered("endpoint", endpoint, able, "smoke.chat.endpoint")
    models = offer.models[chosen]
    if model and model not in models:
        return explain.not_offered("model", model, models, "smoke.chat.model", at=f" at {chosen}")
    kind = str(offer.endpoints[chosen].get("type") or "")
    return Partner(chosen, model or models[0], kind, _spec(offer, chosen, model or models[0]))


def _spec(offer: Offer, endpoint: str, model: str) -> str:
    """The name of the enforced spec that goes with an endpoint and model; empty when there is none."""
    for spec in offer.specs:
        preset = mapping(spec.get("preset"))
        if preset.get("endpoint") == endpoint and preset.get("model") in (None, model):
            return str(spec.get("name", ""))
    return ""


def _place(endpoint: Mapping[str, Any]) -> float:
    order = endpoint.get("order")
    return order if isinstance(order, int | float) else math.inf
