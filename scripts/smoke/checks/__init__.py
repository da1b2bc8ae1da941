"""The checks, by the part of the deployment that they look at. The order is that of the report."""

from __future__ import annotations

from scripts.smoke.checks import access, api, chat, domain, endurance, frontend, headers, routing, streaming
from scripts.smoke.model import Check

ALL: tuple[Check, ...] = (
    *frontend.CHECKS,
    *headers.CHECKS,
    *access.CHECKS,
    *domain.CHECKS,
    *api.CHECKS,
    *routing.CHECKS,
    *streaming.CHECKS,
    *endurance.CHECKS,
    *chat.CHECKS,
)
